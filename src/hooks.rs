//! Hooks for the fault suite: stop at a given step of a job's life or fail there, panic, harm what the two processes share.
//!
//! Only the feature `test-hooks` makes them do anything; without it `point` is an empty inline function and nothing else is
//! there. test/hooks/hooks.sql declares the functions that SQL calls. A point is armed by a file of its name below
//! pgbg_test/ in the data directory, so that a test reaches processes that no SQL reaches, before they connect.

/// A step that a test may want to stop at. Stands only where an interrupt could be served anyway.
#[cfg(not(feature = "test-hooks"))]
#[inline(always)]
pub fn point(_name: &str) {}

#[cfg(feature = "test-hooks")]
pub use armed::{corrupt, point};

#[cfg(feature = "test-hooks")]
mod armed {
    use crate::channel::segment::{Channel, Header};
    use crate::pg::call::{Call, datum};
    use crate::pg::dsm::Segment;
    use crate::pg::error::{Report, catch, code, sqlstate, with_interrupts_held};
    use crate::pg::latch::{self, WaitEvent};
    use crate::pg::memory::Context;
    use crate::pg::{identity, process};
    use crate::pg_sys as sys;
    use crate::session::registry::{self, Handle};
    use core::cell::Cell;
    use core::ffi::CStr;
    use core::hint::black_box;
    use core::mem::offset_of;
    use core::ops::Range;
    use core::ptr::NonNull;

    /// Shown while a process is kept at a point.
    static WAIT_AT_POINT: WaitEvent = WaitEvent::new(c"PgBackgroundTestPoint");

    /// What this process knows of its tests.
    struct State {
        /// Times that armed points were passed because they were to be skipped.
        skipped: Cell<u32>,
        /// Of the generator that harms messages; 0 while it rests.
        seed: Cell<u64>,
        /// What the next message is replaced with.
        next_message: Cell<Option<&'static [u8]>>,
        /// Segments taken from the cluster, the last one first.
        taken: Cell<Option<NonNull<Taken>>>,
    }

    /// A segment that nobody needs.
    struct Taken {
        segment: Segment,
        next: Option<NonNull<Taken>>,
    }

    // SAFETY: a backend has one thread, and no signal handler touches this.
    unsafe impl Sync for State {}

    static STATE: State = State {
        skipped: Cell::new(0),
        seed: Cell::new(0),
        next_message: Cell::new(None),
        taken: Cell::new(None),
    };

    // -----------------------------------------------------------------------------------------------------------------
    // Points

    /// A file below pgbg_test/, the data directory being every server process's working directory.
    struct Path([u8; 128]);

    impl Path {
        fn of(name: &[u8], suffix: &[u8]) -> Self {
            let mut path = [0; 128];
            let bytes = b"pgbg_test/".iter().chain(name).chain(suffix);
            for (to, from) in path.iter_mut().take(127).zip(bytes) {
                *to = *from;
            }
            Self(path)
        }

        fn c_str(&self) -> &CStr {
            CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
        }

        /// The file's first bytes; None where there is no file.
        fn read<'a>(&self, buffer: &'a mut [u8; 64]) -> Option<&'a [u8]> {
            // SAFETY: a NUL-terminated path; the buffer is as long as stated; the descriptor is our own.
            let length = unsafe {
                let file = libc::open(self.c_str().as_ptr(), libc::O_RDONLY);
                if file < 0 {
                    return None;
                }
                let length = libc::read(file, buffer.as_mut_ptr().cast(), buffer.len());
                libc::close(file);
                length
            };
            buffer.get(..usize::try_from(length).unwrap_or(0))
        }

        /// Writes the file, or adds to it.
        fn write(&self, bytes: &[u8], flags: i32) {
            // SAFETY: a NUL-terminated path; the bytes are as long as stated; the descriptor is our own.
            unsafe {
                libc::mkdir(c"pgbg_test".as_ptr(), 0o700);
                let file = libc::open(
                    self.c_str().as_ptr(),
                    libc::O_WRONLY | libc::O_CREAT | flags,
                    0o600,
                );
                if file >= 0 {
                    libc::write(file, bytes.as_ptr().cast(), bytes.len());
                    libc::close(file);
                }
            }
        }

        fn remove(&self) {
            // SAFETY: a NUL-terminated path.
            unsafe { libc::unlink(self.c_str().as_ptr()) };
        }
    }

    /// Does what a test has armed this point with, if it has: "ACTION" or "ACTION SKIP", after passing SKIP times. Leaves
    /// a line with the process id in NAME.at first, for the test to see that somebody is here.
    pub fn point(name: &str) {
        let path = Path::of(name.as_bytes(), b"");
        let mut buffer = [0; 64];
        let Some(line) = path.read(&mut buffer) else {
            return;
        };
        let mut words = line.trim_ascii().split(|byte| *byte == b' ');
        let action = words.next().unwrap_or_default();
        let skip = words
            .next()
            .and_then(|word| core::str::from_utf8(word).ok()?.parse().ok())
            .unwrap_or(0);
        if STATE.skipped.get() < skip {
            STATE.skipped.set(STATE.skipped.get() + 1);
            return;
        }
        Path::of(name.as_bytes(), b".at")
            .write(decimal_line(identity::pid(), &mut [0; 16]), libc::O_APPEND);
        match action {
            b"wait" => wait(&path),
            b"hold" => with_interrupts_held(|| wait(&path)),
            b"error" => Report::error(sqlstate(b"PBT01"))
                .message(format_args!("error at point {name}"))
                .raise(),
            b"panic" => panic!("panic at point {name}"),
            b"exit" => process::exit(0),
            b"int" => process::signal_self(libc::SIGINT),
            b"term" => process::signal_self(libc::SIGTERM),
            // SAFETY: the process is meant to crash.
            b"abort" => unsafe { libc::abort() },
            _ => {}
        }
    }

    /// Until the point is disarmed. Whoever calls may be between resetting the latch and waiting for it, so it is set at
    /// the end.
    fn wait(path: &Path) {
        while path.read(&mut [0; 64]).is_some() {
            latch::reset();
            latch::wait(Some(10), &WAIT_AT_POINT);
        }
        latch::set();
    }

    fn decimal_line(number: i32, buffer: &mut [u8; 16]) -> &[u8] {
        let mut rest = number.unsigned_abs();
        let mut start = buffer.len() - 1;
        buffer[start] = b'\n';
        loop {
            start -= 1;
            buffer[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                return &buffer[start..];
            }
        }
    }

    // -----------------------------------------------------------------------------------------------------------------
    // Hostile messages

    /// The message to send instead of this one.
    pub fn corrupt<const N: usize>(parts: [&[u8]; N]) -> [&[u8]; N] {
        let mut instead: [&[u8]; N] = [&[]; N];
        if let Some(message) = STATE.next_message.take() {
            instead[0] = message;
            return instead;
        }
        if STATE.seed.get() == 0 {
            return parts;
        }
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let place = Context::current().alloc(length + 8);
        // SAFETY: room for that many bytes was made, for nobody else.
        let bytes = unsafe {
            place.write_bytes(0, length + 8);
            core::slice::from_raw_parts_mut(place.as_ptr(), length + 8)
        };
        for (to, from) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        instead[0] = harm(bytes, length);
        instead
    }

    /// xorshift64*, so that a seed tells the whole run.
    fn random(below: usize) -> usize {
        let mut x = STATE.seed.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        STATE.seed.set(x);
        (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below.max(1)
    }

    /// Changes up to four places, mostly near the start, where lengths and counts are; sometimes the length as well.
    fn harm(bytes: &mut [u8], length: usize) -> &[u8] {
        // Two in three go as they are, so that later ones are met as well.
        for _ in 0..[0, 0, 1 + random(4)][random(3)] {
            let reach = if random(2) == 0 {
                length.min(64)
            } else {
                length
            };
            let at = random(reach);
            let extreme = [0, 0xFF, 0x7F, 0x80, 1][random(5)];
            match random(3) {
                0 => bytes[at] ^= 1 << random(8),
                1 => bytes[at] = extreme,
                _ => bytes
                    .iter_mut()
                    .skip(at & !3)
                    .take(4)
                    .for_each(|byte| *byte = extreme),
            }
        }
        let length = match random(24) {
            0 => random(length + 1),
            1 => length + random(9),
            _ => length,
        };
        &bytes[..length]
    }

    // -----------------------------------------------------------------------------------------------------------------
    // What SQL calls

    /// Exports version-1 functions, as sql/mod.rs does for ours.
    macro_rules! test_functions {
        ($($(#[$doc:meta])* fn $name:ident($call:ident) $body:block)+) => {$(
            $crate::pg_function_info_v1!($name);
            $(#[$doc])*
            ///
            /// # Safety
            /// Called by fmgr alone.
            #[unsafe(no_mangle)]
            pub unsafe extern "C-unwind" fn $name(fcinfo: sys::FunctionCallInfo) -> sys::Datum {
                // SAFETY: fmgr passes a FunctionCallInfo that is alive until we return.
                let $call = unsafe { Call::from_raw(fcinfo) };
                $body
            }
        )+};
    }

    test_functions! {
        /// `pgbg_test_arm(point, action)`: an action that is NULL disarms.
        fn pgbg_test_arm(call) {
            let point = call.required(call.text(0), "point");
            let path = Path::of(point.bytes(), b"");
            Path::of(point.bytes(), b".at").remove();
            match call.text(1) {
                Some(action) => path.write(action.bytes(), libc::O_TRUNC),
                None => path.remove(),
            }
            0
        }

        /// `pgbg_test_panic(kind)`: panics, or returns the SQLSTATE of a panic that was caught.
        fn pgbg_test_panic(call) {
            let kind = call.required(call.text(0), "kind");
            if kind.bytes() == b"caught" {
                return match catch(|| panic(b"bounds")) {
                    Err(caught) => {
                        let state = crate::pg::error::sqlstate_text(caught.code());
                        datum::text_from_bytes(&state).unwrap_or(0)
                    }
                    Ok(()) => call.null(),
                };
            }
            panic(kind.bytes());
            call.null()
        }

        /// `pgbg_test_jobs()`: how many jobs the session knows, in whatever state.
        fn pgbg_test_jobs(_call) {
            datum::int32(registry::all().count() as i32).unwrap_or(0)
        }

        /// `pgbg_test_is_published(pid, cookie)`: whether the job has ended, unnoticed by this session.
        fn pgbg_test_is_published(call) {
            let handle = Handle::PidAndCookie(
                call.required(call.int32(0), "pid"),
                call.required(call.int64(1), "cookie"),
            );
            let link = registry::find(handle).and_then(|job| job.link.get());
            datum::bool(link.is_some_and(|link| link.channel.outcome.is_published())).unwrap_or(0)
        }

        /// `pgbg_test_region_size(region)`: bytes.
        fn pgbg_test_region_size(call) {
            let (start, end) = region(call, 0);
            datum::int32((end - start) as i32).unwrap_or(0)
        }

        /// `pgbg_test_scribble(pid, cookie, region, start, bytes)`: writes over what the job's two processes share. False
        /// where there is nothing any more.
        fn pgbg_test_scribble(call) {
            let handle = Handle::PidAndCookie(
                call.required(call.int32(0), "pid"),
                call.required(call.int64(1), "cookie"),
            );
            let (region_start, end) = region(call, 2);
            let offset = usize::try_from(call.required(call.int32(3), "start")).unwrap_or(usize::MAX);
            let bytes = call.required(bytea(call, 4), "bytes");
            let Some(link) = registry::find(handle).and_then(|job| job.link.get()) else {
                return datum::bool(false).unwrap_or(0);
            };
            scribble(link.channel, region_start.saturating_add(offset)..end, bytes);
            datum::bool(true).unwrap_or(0)
        }

        /// `pgbg_test_scribble_idle(region, start, bytes)`: the same to the worker that became idle last.
        fn pgbg_test_scribble_idle(call) {
            let (region_start, end) = region(call, 0);
            let offset = usize::try_from(call.required(call.int32(1), "start")).unwrap_or(usize::MAX);
            let bytes = call.required(bytea(call, 2), "bytes");
            let Some(channel) = crate::session::newest_idle() else {
                return datum::bool(false).unwrap_or(0);
            };
            scribble(channel, region_start.saturating_add(offset)..end, bytes);
            datum::bool(true).unwrap_or(0)
        }

        /// `pgbg_test_take_segments(limit)`: takes dynamic shared memory segments until none is left in the cluster, or the
        /// limit is reached; how many.
        fn pgbg_test_take_segments(call) {
            let limit = call.required(call.int32(0), "limit");
            let mut count = 0;
            while count < limit {
                let Some(segment) = Segment::create(1024) else { break };
                let next = STATE.taken.get();
                STATE.taken.set(Some(Context::top().alloc_for(Taken { segment, next })));
                count += 1;
            }
            datum::int32(count).unwrap_or(0)
        }

        /// `pgbg_test_give_segments(limit)`: gives as many of them back.
        fn pgbg_test_give_segments(call) {
            let limit = call.required(call.int32(0), "limit");
            let mut count = 0;
            while count < limit {
                let Some(place) = STATE.taken.get() else { break };
                // SAFETY: allocated above, and nobody else has it.
                let taken = unsafe { place.as_ref() };
                taken.segment.detach();
                STATE.taken.set(taken.next);
                // SAFETY: out of the list.
                unsafe { crate::pg::memory::free(place) };
                count += 1;
            }
            datum::int32(count).unwrap_or(0)
        }

        /// `pgbg_test_corrupt(seed)`: harms each message that this worker sends from here on.
        fn pgbg_test_corrupt(call) {
            // A generator whose state is zero stays there.
            STATE.seed.set((call.required(call.int64(0), "seed") as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
            0
        }

        /// `pgbg_test_send(bytes)`: sends this message instead of a notice.
        fn pgbg_test_send(call) {
            let bytes = call.required(bytea(call, 0), "bytes");
            STATE.next_message.set(Some(Context::top().copy_bytes(bytes)));
            Report::new(sys::NOTICE as i32, 0).message(format_args!("test message")).emit();
            0
        }
    }

    /// Writes bytes to a range of the segment, which is within the header.
    fn scribble(channel: Channel, range: Range<usize>, bytes: &[u8]) {
        let address = channel.segment().address();
        for (at, byte) in range.zip(bytes) {
            // SAFETY: inside the header of a mapped segment. Nobody promises that this is good for anybody else.
            unsafe { address.add(at).as_ptr().write_volatile(*byte) };
        }
    }

    /// Where a region begins and ends in the segment.
    fn region(call: Call, i: usize) -> (usize, usize) {
        let name = call.required(call.text(i), "region");
        let (progress, outcome) = (offset_of!(Header, progress), offset_of!(Header, outcome));
        match name.bytes() {
            b"header" => (0, progress),
            b"progress" => (progress, outcome),
            b"outcome" => (outcome, size_of::<Header>()),
            _ => Report::error(code::INVALID_PARAMETER_VALUE)
                .message(format_args!("no such region"))
                .raise(),
        }
    }

    /// A bytea argument, alive as long as the current memory context.
    fn bytea<'a>(call: Call, i: usize) -> Option<&'a [u8]> {
        let datum = call.datum(i)?;
        // SAFETY: the SQL declaration says bytea; the macros read every kind of header that detoasting leaves.
        unsafe {
            let value = sys::pg_detoast_datum_packed(datum as *mut sys::varlena);
            Some(core::slice::from_raw_parts(
                sys::pgbg_vardata_any(value).cast::<u8>(),
                sys::pgbg_varsize_any_exhdr(value),
            ))
        }
    }

    /// Every way to panic that code without unwinding has.
    fn panic(kind: &[u8]) {
        let numbers = black_box([1_i32, 2, 3]);
        let slice = black_box(&numbers[..]);
        let nothing: Option<i32> = black_box(None);
        let sum = match kind {
            b"bounds" => slice[black_box(3)],
            b"slice" => slice[black_box(2)..black_box(9)].len() as i32,
            b"overflow" => black_box(i32::MAX) + slice[0],
            b"divide" => slice[0] / black_box(0),
            b"shift" => slice[0] << black_box(40),
            b"unwrap" => nothing.unwrap(),
            b"cell" => {
                let cell = core::cell::RefCell::new(1);
                let first = black_box(&cell).borrow_mut();
                *black_box(&cell).borrow_mut() + *first
            }
            b"text" => panic!("caf\u{e9}\n\u{0}%s%n \"quoted\""),
            b"long" => panic!("{:>2000}", slice[0]),
            _ => 0,
        };
        black_box(sum);
    }
}
