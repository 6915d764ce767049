//! CLOCK_MONOTONIC: how long to wait. It is never set, so no deadline comes earlier or later when the time of day is.

use core::ffi::c_long;

/// A point in time, in microseconds since an unknown moment. It means something within the machine's uptime alone, so it is
/// neither shown nor stored.
pub type Instant = i64;

/// Now.
pub fn now() -> Instant {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes a timespec; every system that PostgreSQL runs on has this clock, since its own instr_time uses it.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    #[expect(
        clippy::unnecessary_cast,
        reason = "fields are narrower on 32-bit systems"
    )]
    let (seconds, nanoseconds) = (time.tv_sec as i64, time.tv_nsec as i64);
    seconds
        .saturating_mul(1_000_000)
        .saturating_add(nanoseconds.div_euclid(1000))
}

/// A point in time up to which to wait, or none.
#[derive(Clone, Copy)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Waits for ever.
    pub const NEVER: Self = Self(None);

    /// So many milliseconds from now.
    pub fn after(milliseconds: i64) -> Self {
        Self(Some(
            now().saturating_add(milliseconds.saturating_mul(1000)),
        ))
    }

    /// Whether it has passed at `now`.
    pub fn passed(self, now: Instant) -> bool {
        self.0.is_some_and(|deadline| deadline <= now)
    }

    /// Milliseconds left from `now`, rounded up; None for ever.
    pub fn left(self, now: Instant) -> Option<c_long> {
        let deadline = self.0?;
        let left = deadline
            .saturating_sub(now)
            .max(0)
            .div_euclid(1000)
            .saturating_add(1);
        Some(left.min(i64::from(i32::MAX)) as c_long)
    }

    /// The earlier of two.
    pub fn earlier(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(a), Some(b)) => Self(Some(a.min(b))),
            (a, b) => Self(a.or(b)),
        }
    }
}
