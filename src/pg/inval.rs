//! storage/sinval.h: news of what others, and this process itself, have changed in the catalogs.

use crate::pg_sys as sys;

/// How many news this process has received so far. They are received when a transaction begins and when a lock is taken, of
/// all databases, and while the number stays the same nothing in any catalog is known to have changed.
pub fn count() -> u64 {
    // SAFETY: a counter of this process.
    unsafe { sys::SharedInvalidMessageCounter }
}
