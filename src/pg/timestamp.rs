//! utils/timestamp.h: points in time as SQL shows them, in microseconds since 2000-01-01 UTC. The clock behind them may be set
//! at any moment: how long to wait is `clock`'s.

use crate::pg_sys as sys;

/// A TimestampTz. Zero stands for "not yet" in our records.
pub type Timestamp = i64;

/// MIN_TIMESTAMP up to END_TIMESTAMP of datatype/timestamp.h: nothing else may become a timestamptz.
pub const RANGE: core::ops::Range<Timestamp> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// GetCurrentTimestamp.
pub fn now() -> Timestamp {
    // SAFETY: reads the clock.
    unsafe { sys::GetCurrentTimestamp() }
}
