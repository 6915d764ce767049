//! utils/guc_tables.h: keeping a process who it is while others' code runs at top level.
//!
//! In security context 0 nothing but the settings `role` and `session_authorization` would lead away from the current user:
//! while they are PGC_INTERNAL, guc.c refuses each way to change them (55P02), or leaves them out. Parallel workers know
//! nothing of that, so there are none: the limit is looked at when one is about to be started.

use super::error::{Report, code};
use crate::pg_sys as sys;
use core::ffi::CStr;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

/// role and session_authorization, while they are pinned.
static WHO: [AtomicPtr<sys::config_generic>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

/// max_parallel_workers, while it is pinned.
static PARALLEL: AtomicPtr<sys::config_generic> = AtomicPtr::new(ptr::null_mut());

/// What it shows, and SET changes, meanwhile.
static PARALLEL_SHOWN: AtomicI32 = AtomicI32::new(0);

/// Nobody changes role or session user of this process until `unpin`.
pub fn pin_user() {
    for (place, name) in WHO.iter().zip([c"role", c"session_authorization"]) {
        let setting = find(name);
        place.store(setting, Ordering::Relaxed);
        // SAFETY: a setting of guc.c's, which is never freed.
        unsafe { (*setting).context = sys::PGC_INTERNAL };
    }
}

/// No parallel workers are started until `unpin`.
pub fn pin_parallel() {
    let setting = find(c"max_parallel_workers");
    PARALLEL.store(setting, Ordering::Relaxed);
    // SAFETY: an integer setting; its variable is this process's, and ours is static and of the same type.
    unsafe {
        PARALLEL_SHOWN.store(sys::max_parallel_workers, Ordering::Relaxed);
        sys::pgbg_redirect_int_setting(setting, PARALLEL_SHOWN.as_ptr());
        sys::max_parallel_workers = 0;
    }
}

/// Takes back whatever is pinned. Not in a transaction, which may have set something that is yet to be rolled back.
pub fn unpin() {
    for place in &WHO {
        let setting = place.swap(ptr::null_mut(), Ordering::Relaxed);
        if !setting.is_null() {
            // SAFETY: as above; that is what both settings are in guc.c.
            unsafe { (*setting).context = sys::PGC_USERSET };
        }
    }
    let setting = PARALLEL.swap(ptr::null_mut(), Ordering::Relaxed);
    if !setting.is_null() {
        // SAFETY: as above.
        unsafe {
            sys::max_parallel_workers = PARALLEL_SHOWN.load(Ordering::Relaxed);
            sys::pgbg_redirect_int_setting(setting, &raw mut sys::max_parallel_workers);
        }
    }
}

/// The setting, or XX000.
fn find(name: &'static CStr) -> *mut sys::config_generic {
    // SAFETY: a static name.
    let setting = unsafe { sys::pgbg_find_setting(name.as_ptr()) };
    if setting.is_null() {
        Report::error(code::INTERNAL_ERROR)
            .message(format_args!("the server has no setting {name:?}"))
            .raise()
    }
    setting
}
