//! port.h: random numbers that nobody can guess.

use super::error::{Report, code};
use crate::pg_sys as sys;

/// A positive number for a handle.
pub fn cookie() -> i64 {
    loop {
        let mut bytes = [0_u8; 8];
        // SAFETY: writes eight bytes.
        if !unsafe { sys::pg_strong_random(bytes.as_mut_ptr().cast(), bytes.len()) } {
            Report::error(code::INTERNAL_ERROR)
                .message(format_args!("could not generate random values"))
                .raise();
        }
        let cookie = i64::from_ne_bytes(bytes) & i64::MAX;
        if cookie != 0 {
            return cookie;
        }
    }
}
