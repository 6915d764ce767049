//! The functions that SQL calls.

use super::{messages, points};
use crate::channel::segment::{Channel, Header};
use crate::pg::activity;
use crate::pg::call::{Call, datum};
use crate::pg::dsm::Segment;
use crate::pg::error::{Level, Report, catch, code, with_interrupts_held};
use crate::pg::function::sql_functions;
use crate::pg::memory::Context;
use crate::pg::text::{Str, varlena_bytes};
use crate::session::registry::{self, Handle};
use core::cell::Cell;
use core::hint::black_box;
use core::mem::offset_of;
use core::ops::Range;
use core::ptr::NonNull;

/// Segments taken from the cluster, the last one first.
struct TakenList(Cell<Option<NonNull<Taken>>>);

/// A segment that nobody needs.
struct Taken {
    segment: Segment,
    next: Option<NonNull<Taken>>,
}

// SAFETY: a backend has one thread, and no signal handler touches this.
unsafe impl Sync for TakenList {}

static TAKEN: TakenList = TakenList(Cell::new(None));

sql_functions! {
    /// `pgbg_test_arm(point, action)`: an action that is NULL disarms.
    fn pgbg_test_arm(call) [(TEXT, TEXT) -> VOID;] {
        let point = call.required(call.text(0), "point");
        points::arm(point.bytes(), call.text(1).map(Str::bytes));
        0
    }

    /// `pgbg_test_panic(kind)`: panics, or returns the SQLSTATE of a panic that was caught.
    fn pgbg_test_panic(call) [(TEXT) -> TEXT;] {
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
    fn pgbg_test_jobs(_call) [() -> INT4;] {
        datum::int32(registry::all().count() as i32).unwrap_or(0)
    }

    /// `pgbg_test_is_published(pid, cookie)`: whether the job has ended, unnoticed by this session.
    fn pgbg_test_is_published(call) [(INT4, INT8) -> BOOL;] {
        let handle = Handle::PidAndCookie(
            call.required(call.int32(0), "pid"),
            call.required(call.int64(1), "cookie"),
        );
        let link = registry::find(handle).and_then(|job| job.link.get());
        datum::bool(link.is_some_and(|link| link.channel.outcome.is_published())).unwrap_or(0)
    }

    /// `pgbg_test_region_size(region)`: bytes.
    fn pgbg_test_region_size(call) [(TEXT) -> INT4;] {
        let (start, end) = region(call, 0);
        datum::int32((end - start) as i32).unwrap_or(0)
    }

    /// `pgbg_test_scribble(pid, cookie, region, start, bytes)`: writes over what the job's two processes share. False
    /// where there is nothing any more.
    fn pgbg_test_scribble(call) [(INT4, INT8, TEXT, INT4, BYTEA) -> BOOL;] {
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
    fn pgbg_test_scribble_idle(call) [(TEXT, INT4, BYTEA) -> BOOL;] {
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
    fn pgbg_test_take_segments(call) [(INT4) -> INT4;] {
        let limit = call.required(call.int32(0), "limit");
        let mut count = 0;
        while count < limit {
            let Some(segment) = Segment::create(1024) else { break };
            let next = TAKEN.0.get();
            TAKEN.0.set(Some(Context::top().alloc_for(Taken { segment, next })));
            count += 1;
        }
        datum::int32(count).unwrap_or(0)
    }

    /// `pgbg_test_give_segments(limit)`: gives as many of them back.
    fn pgbg_test_give_segments(call) [(INT4) -> INT4;] {
        let limit = call.required(call.int32(0), "limit");
        let mut count = 0;
        while count < limit {
            let Some(place) = TAKEN.0.get() else { break };
            // SAFETY: allocated above, and nobody else has it.
            let taken = unsafe { place.as_ref() };
            taken.segment.detach();
            TAKEN.0.set(taken.next);
            // SAFETY: out of the list.
            unsafe { crate::pg::memory::free(place) };
            count += 1;
        }
        datum::int32(count).unwrap_or(0)
    }

    /// `pgbg_test_corrupt(seed)`: harms each message that this worker sends from here on.
    fn pgbg_test_corrupt(call) [(INT8) -> VOID;] {
        messages::corrupt_from(call.required(call.int64(0), "seed"));
        0
    }

    /// `pgbg_test_hold_notice(text)`: raises a notice where no interrupt can be served.
    fn pgbg_test_hold_notice(call) [(TEXT) -> VOID;] {
        let text = call.required(call.text(0), "text");
        with_interrupts_held(|| Report::new(Level::Notice, 0).message(format_args!("{text}")).emit());
        0
    }

    /// `pgbg_test_swap_plan(id)`: notes a plan's identifier; the one that was there.
    fn pgbg_test_swap_plan(call) [(INT8) -> INT8;] {
        datum::int64(activity::swap_plan_id(call.required(call.int64(0), "id"))).unwrap_or(0)
    }

    /// `pgbg_test_send(bytes)`: sends this message instead of a notice.
    fn pgbg_test_send(call) [(BYTEA) -> VOID;] {
        messages::replace_next(call.required(bytea(call, 0), "bytes"));
        Report::new(Level::Notice, 0).message(format_args!("test message")).emit();
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
    // SAFETY: the SQL declaration says bytea.
    Some(unsafe { varlena_bytes(datum) })
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
