//! Points: what a test has armed them with, and doing it.

use crate::pg::error::{Report, sqlstate, with_interrupts_held};
use crate::pg::latch::{self, WaitEvent};
use crate::pg::{identity, process};
use core::ffi::CStr;
use core::sync::atomic::{AtomicU32, Ordering};

/// Shown while a process is kept at a point.
static WAIT_AT_POINT: WaitEvent = WaitEvent::new(c"PgBackgroundTestPoint");

/// Times that this process passed armed points because they were to be skipped.
static SKIPPED: AtomicU32 = AtomicU32::new(0);

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
    if SKIPPED.load(Ordering::Relaxed) < skip {
        SKIPPED.fetch_add(1, Ordering::Relaxed);
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

/// Arms a point; None disarms it.
pub fn arm(name: &[u8], action: Option<&[u8]>) {
    let path = Path::of(name, b"");
    Path::of(name, b".at").remove();
    match action {
        Some(action) => path.write(action, libc::O_TRUNC),
        None => path.remove(),
    }
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
