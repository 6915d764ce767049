//! utils/timeout.h: timers.

use crate::pg_sys as sys;
use core::ffi::c_int;

/// A registered timer.
#[derive(Clone, Copy)]
pub struct Timeout(sys::TimeoutId);

impl Timeout {
    /// STATEMENT_TIMEOUT, which InitPostgres registers; it cancels the statement.
    pub const STATEMENT: Self = Self(sys::STATEMENT_TIMEOUT);

    /// A timer of our own. `handler` runs in a signal handler.
    pub fn register(handler: unsafe extern "C-unwind" fn()) -> Self {
        // SAFETY: the function is static; USER_TIMEOUT asks for the next free number.
        Self(unsafe { sys::RegisterTimeout(sys::USER_TIMEOUT, Some(handler)) })
    }

    /// Starts it, if `milliseconds` is not 0.
    pub fn start(self, milliseconds: c_int) {
        if milliseconds > 0 {
            // SAFETY: a registered timer.
            unsafe { sys::enable_timeout_after(self.0, milliseconds) }
        }
    }

    /// Stops it, if it runs.
    pub fn stop(self) {
        // SAFETY: a registered timer.
        unsafe { sys::disable_timeout(self.0, false) }
    }
}

/// Stops every timer: the first thing after an error.
pub fn stop_all() {
    // SAFETY: allowed at any time.
    unsafe { sys::disable_all_timeouts(false) }
}
