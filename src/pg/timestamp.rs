//! utils/timestamp.h: points in time as SQL shows them, in microseconds since 2000-01-01 UTC. The clock behind them may be set
//! at any moment: how long to wait is `clock`'s.

use crate::pg_sys as sys;

/// A TimestampTz. Zero stands for "not yet" in our records.
pub type Timestamp = i64;

/// GetCurrentTimestamp.
pub fn now() -> Timestamp {
    // SAFETY: reads the clock.
    unsafe { sys::GetCurrentTimestamp() }
}
