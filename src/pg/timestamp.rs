//! utils/timestamp.h: points in time, in microseconds since 2000-01-01 UTC.

use crate::pg_sys as sys;
use core::ffi::c_long;

/// A TimestampTz. Zero stands for "not yet" in our records.
pub type Timestamp = i64;

/// GetCurrentTimestamp.
pub fn now() -> Timestamp {
    // SAFETY: reads the clock.
    unsafe { sys::GetCurrentTimestamp() }
}

/// A point in time up to which to wait, or none.
#[derive(Clone, Copy)]
pub struct Deadline(Option<Timestamp>);

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
    pub fn passed(self, now: Timestamp) -> bool {
        self.0.is_some_and(|deadline| deadline <= now)
    }

    /// Milliseconds left from `now`, rounded up; None for ever.
    pub fn left(self, now: Timestamp) -> Option<c_long> {
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
