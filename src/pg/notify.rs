//! commands/async.h: notifications.

use super::text::Str;
use crate::pg_sys as sys;

/// NAMEDATALEN - 1: bytes of the longest channel.
pub const CHANNEL_LIMIT: usize = sys::NAMEDATALEN as usize - 1;

/// NOTIFY, sent when the transaction commits.
pub fn notify(channel: Str, payload: Str) {
    // SAFETY: NUL-terminated strings, which are copied; inside a transaction.
    unsafe { sys::Async_Notify(channel.as_ptr(), payload.as_ptr()) }
}
