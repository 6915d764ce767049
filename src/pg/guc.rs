//! utils/guc.h: settings.

use super::identity::Identity;
use super::memory::Context;
use super::plpgsql;
use super::text::Str;
use crate::pg_sys as sys;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};
use core::ptr;

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
    pub const fn new(
        name: &'static CStr,
        summary: &'static CStr,
        default: c_int,
        maximum: c_int,
    ) -> Self {
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

    /// Only the configuration, reloaded or read at the start, may set it.
    pub const fn in_configuration(mut self) -> Self {
        self.context = sys::PGC_SIGHUP;
        self
    }

    /// Tells the server about it. Once per process; `minimum` may be known only at run time.
    pub fn define(&'static self, minimum: c_int) {
        // SAFETY: everything passed is static, as the server keeps the pointers.
        unsafe {
            sys::DefineCustomIntVariable(
                self.name.as_ptr(),
                self.summary.as_ptr(),
                ptr::null::<c_char>(),
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

/// A setting that is a text, and anyone's to set.
pub struct TextSetting {
    value: UnsafeCell<*mut c_char>,
    name: &'static CStr,
    summary: &'static CStr,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for TextSetting {}

impl TextSetting {
    /// Empty by default.
    pub const fn new(name: &'static CStr, summary: &'static CStr) -> Self {
        Self {
            value: UnsafeCell::new(ptr::null_mut()),
            name,
            summary,
        }
    }

    /// Tells the server about it. Once per process.
    pub fn define(&'static self) {
        // SAFETY: everything passed is static, as the server keeps the pointers.
        unsafe {
            sys::DefineCustomStringVariable(
                self.name.as_ptr(),
                self.summary.as_ptr(),
                ptr::null::<c_char>(),
                self.value.get(),
                c"".as_ptr(),
                sys::PGC_USERSET,
                0,
                None,
                None,
                None,
            );
        }
    }

    /// The value in force, until something is set.
    pub fn get(&self) -> Option<Str> {
        // SAFETY: only the server writes it, in this very thread and never meanwhile: a NUL-terminated text or NULL.
        unsafe { Str::from_ptr(*self.value.get()) }
    }
}

/// A setting with names for its values, which superusers may set.
pub struct EnumSetting<const N: usize> {
    value: UnsafeCell<c_int>,
    name: &'static CStr,
    summary: &'static CStr,
    /// The last one ends the list.
    options: [sys::config_enum_entry; N],
}

// SAFETY: a backend has one thread, and the options never change.
unsafe impl<const N: usize> Sync for EnumSetting<N> {}

impl<const N: usize> EnumSetting<N> {
    /// The names are numbered from 0, which is the default; the last one is c"", for the end.
    pub const fn new(
        name: &'static CStr,
        summary: &'static CStr,
        names: [&'static CStr; N],
    ) -> Self {
        const NONE: sys::config_enum_entry = sys::config_enum_entry {
            name: ptr::null(),
            val: 0,
            hidden: false,
        };
        let mut options = [NONE; N];
        let mut i = 0;
        while i + 1 < N {
            options[i] = sys::config_enum_entry {
                name: names[i].as_ptr(),
                val: i as c_int,
                hidden: false,
            };
            i += 1;
        }
        Self {
            value: UnsafeCell::new(0),
            name,
            summary,
            options,
        }
    }

    /// Tells the server about it. Once per process.
    pub fn define(&'static self) {
        // SAFETY: everything passed is static, as the server keeps the pointers.
        unsafe {
            sys::DefineCustomEnumVariable(
                self.name.as_ptr(),
                self.summary.as_ptr(),
                ptr::null::<c_char>(),
                self.value.get(),
                0,
                self.options.as_ptr(),
                sys::PGC_SUSET,
                0,
                None,
                None,
                None,
            );
        }
    }

    /// The number of the value in force.
    pub fn get(&self) -> c_int {
        // SAFETY: only the server writes it, in this very thread and never meanwhile.
        unsafe { *self.value.get() }
    }
}

/// application_name, until something is set.
pub fn application_name() -> Option<Str> {
    // SAFETY: a setting's NUL-terminated text, or NULL.
    unsafe { Str::from_ptr(sys::application_name) }
}

/// Nobody else may define settings below this prefix from here on.
pub fn reserve_prefix(prefix: &'static CStr) {
    // SAFETY: a static string.
    unsafe { sys::pgbg_mark_guc_prefix_reserved(prefix.as_ptr()) }
}

/// Sets a setting for the session, as SET does. Raises what SET would.
pub fn set(name: &'static CStr, value: &CStr) {
    // SAFETY: NUL-terminated strings, which the server copies.
    unsafe {
        sys::SetConfigOption(
            name.as_ptr(),
            value.as_ptr(),
            sys::PGC_USERSET,
            sys::PGC_S_SESSION,
        )
    }
}

/// Sets a setting for the transaction, as SET LOCAL does. Raises what SET LOCAL would.
pub fn set_local(name: &'static CStr, value: &'static CStr) {
    // SAFETY: static NUL-terminated strings; inside a transaction.
    unsafe {
        sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            sys::PGC_USERSET,
            sys::PGC_S_SESSION,
            sys::GUC_ACTION_LOCAL,
            true,
            0,
            false,
        );
    }
}

/// All settings of this session that are not at their defaults, as RestoreGUCState reads them, in `context`.
pub fn serialize_state<'a>(context: Context) -> &'a [u8] {
    // SAFETY: SerializeGUCState writes no more than the estimate, and the length of what follows first.
    unsafe {
        let room = sys::EstimateGUCStateSpace();
        let place = context.alloc(room).as_ptr();
        sys::SerializeGUCState(room, place.cast());
        let length = place.cast::<usize>().read_unaligned() + size_of::<usize>();
        core::slice::from_raw_parts(place, length.min(room))
    }
}

/// Whether what `serialize_state` writes has the roles that set the values.
pub const STATE_HAS_ROLES: bool = sys::PGBG_SETTINGS_HAVE_ROLES != 0;

/// The last source whose values are those that RESET gives.
pub const LAST_RESET_SOURCE: sys::GucSource = sys::PGC_S_OVERRIDE;

/// Loads another session's libraries (`library_state`; PL/pgSQL when it could be missed, if it `may_wait`) and takes over its settings: `state`, unless `has_taken` them by then in another way;
/// `reset_values` may set those that `state` has no room for (guc_tables). While the flag that parallel workers use is set, session_authorization and role are taken from what is
/// installed, not looked up by name; but setting them has reset the role, so `identity` installs it, and what shows who one
/// is, once more: a launcher that is kept from changing it (pin) does not send that. Needs a transaction, no security context, no snapshot. Raises what loading or setting raises.
///
/// # Safety
/// Both come from the serialize functions of a process of the same server, unharmed.
pub unsafe fn restore(
    library_state: &[u8],
    may_wait: bool,
    state: &[u8],
    identity: &Identity,
    has_taken: impl FnOnce() -> bool,
    reset_values: impl FnOnce(),
) {
    identity.install_session();
    // SAFETY: the caller's promise; both functions only read. The flag goes down again at once, or by the worker's error
    // handler (clear_restoring).
    unsafe {
        sys::InitializingParallelWorker = true;
        plpgsql::restore(library_state, state, may_wait);
        if !has_taken() {
            sys::RestoreGUCState(state.as_ptr().cast_mut().cast());
        }
    }
    identity.install_session();
    identity.show();
    // What RESET leads to was set for whoever logged in, before anything else was.
    let authenticated = Identity::authenticated();
    authenticated.install_session();
    authenticated.make_session_default();
    // A role that RESET leads to is looked up by name, so it has to be one that may be set.
    clear_restoring();
    reset_values();
    identity.install_session();
}

/// Clears the flag that `restore` sets, after an error.
pub fn clear_restoring() {
    // SAFETY: a global of this process.
    unsafe { sys::InitializingParallelWorker = false }
}

/// statement_timeout in milliseconds, 0 for none.
pub fn statement_timeout() -> c_int {
    // SAFETY: reads a setting.
    unsafe { sys::StatementTimeout }
}

/// Whether there is a transaction_timeout.
pub const HAS_TRANSACTION_TIMEOUT: bool = sys::PGBG_HAS_TRANSACTION_TIMEOUT != 0;

/// deadlock_timeout in milliseconds.
pub fn deadlock_timeout() -> c_int {
    // SAFETY: reads a setting.
    unsafe { sys::DeadlockTimeout }
}
