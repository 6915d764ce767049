//! utils/guc.h: settings.

use super::memory::Context;
use crate::pg_sys as sys;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};


/// An integer setting. The server writes it, we read it.
pub struct IntSetting {
    value: UnsafeCell<c_int>,
    name: &'static CStr,
    summary: &'static CStr,
    default: c_int,
    maximum: c_int,
    context: sys::GucContext,
    unit: c_int,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for IntSetting {}

impl IntSetting {
    /// A setting that everyone may set, without a unit.
    pub const fn new(name: &'static CStr, summary: &'static CStr, default: c_int, maximum: c_int) -> Self {
        Self {
            value: UnsafeCell::new(default),
            name,
            summary,
            default,
            maximum,
            context: sys::PGC_USERSET,
            unit: 0,
        }
    }

    /// In bytes.
    pub const fn bytes(mut self) -> Self {
        self.unit = sys::GUC_UNIT_BYTE as c_int;
        self
    }

    /// In milliseconds.
    pub const fn milliseconds(mut self) -> Self {
        self.unit = sys::GUC_UNIT_MS as c_int;
        self
    }

    /// Only superusers, and whom they granted SET on it (15 and later), may set it.
    pub const fn for_superusers(mut self) -> Self {
        self.context = sys::PGC_SUSET;
        self
    }

    /// Tells the server about it. Once per process; `minimum` may be known only at run time.
    pub fn define(&'static self, minimum: c_int) {
        // SAFETY: everything passed is static, as the server keeps the pointers.
        unsafe {
            sys::DefineCustomIntVariable(
                self.name.as_ptr(),
                self.summary.as_ptr(),
                core::ptr::null::<c_char>(),
                self.value.get(),
                self.default,
                minimum,
                self.maximum,
                self.context,
                self.unit,
                None,
                None,
                None,
            );
        }
    }

    /// The value in force.
    pub fn get(&self) -> c_int {
        // SAFETY: only the server writes it, in this very thread and never meanwhile.
        unsafe { *self.value.get() }
    }
}

/// Nobody else may define settings below this prefix from here on.
pub fn reserve_prefix(prefix: &'static CStr) {
    // SAFETY: a static string.
    unsafe { sys::pgbg_mark_guc_prefix_reserved(prefix.as_ptr()) }
}

/// Sets a setting for the session, as SET does. Raises what SET would.
pub fn set(name: &'static CStr, value: &'static CStr) {
    // SAFETY: static NUL-terminated strings.
    unsafe { sys::SetConfigOption(name.as_ptr(), value.as_ptr(), sys::PGC_USERSET, sys::PGC_S_SESSION) }
}

/// All settings of this session that are not at their defaults, as RestoreGUCState reads them, in `context`.
pub fn serialize_state<'a>(context: Context) -> &'a [u8] {
    // SAFETY: the estimate is an upper bound; SerializeGUCState puts the length of what follows first.
    unsafe {
        let room = sys::EstimateGUCStateSpace();
        let place = context.alloc(room).as_ptr();
        sys::SerializeGUCState(room, place.cast());
        let length = place.cast::<usize>().read_unaligned() + size_of::<usize>();
        core::slice::from_raw_parts(place, length.min(room))
    }
}

/// The names of the libraries this session has loaded, as RestoreLibraryState reads them, in `context`.
pub fn serialize_libraries<'a>(context: Context) -> &'a [u8] {
    // SAFETY: the estimate is the exact size.
    unsafe {
        let room = sys::EstimateLibraryStateSpace();
        let place = context.alloc(room).as_ptr();
        sys::SerializeLibraryState(room, place.cast());
        core::slice::from_raw_parts(place, room)
    }
}

/// Loads another session's libraries and takes over its settings, identity aside: while the flag that parallel workers
/// use is set, session_authorization and role are taken from what is installed already. Needs a transaction, no security
/// context, no snapshot. Raises what loading or setting raises.
///
/// # Safety
/// Both come from the serialize functions of a process of the same server, unharmed.
pub unsafe fn restore(libraries: &[u8], state: &[u8]) {
    // SAFETY: the caller's promise; both functions only read. The flag goes down again at once, or by the worker's error
    // handler (clear_restoring).
    unsafe {
        sys::InitializingParallelWorker = true;
        sys::RestoreLibraryState(libraries.as_ptr().cast_mut().cast());
        sys::RestoreGUCState(state.as_ptr().cast_mut().cast());
    }
    clear_restoring();
}

/// Clears the flag that `restore` sets, after an error.
pub fn clear_restoring() {
    // SAFETY: a global of this process.
    unsafe { sys::InitializingParallelWorker = false }
}

/// work_mem and friends are the server's; statement_timeout is one we act on. Milliseconds, 0 for none.
pub fn statement_timeout() -> c_int {
    // SAFETY: reads a setting.
    unsafe { sys::StatementTimeout }
}

/// deadlock_timeout in milliseconds.
pub fn deadlock_timeout() -> c_int {
    // SAFETY: reads a setting.
    unsafe { sys::DeadlockTimeout }
}

