//! storage/shmem.h, storage/dsm_registry.h: shared memory that every process finds by its name, without preloading.

use super::lwlock;
use crate::pg_sys as sys;
use core::ffi::CStr;
use core::ptr::NonNull;

/// `size` bytes that all processes of the server have in common, all zero when they are made, mapped as long as this
/// process lives. The size belongs to the name: another one is an error for ever. Raises when there is no room, maybe with
/// locks held.
///
/// Before 17 it comes out of what the server asked for beyond its needs, which is some hundred kB.
pub fn memory(name: &'static CStr, size: usize) -> NonNull<u8> {
    let find_or_make = || {
        // SAFETY: a static name; the lock that the server asks for is held. It raises instead of returning NULL.
        unsafe { NonNull::new_unchecked(sys::pgbg_named_memory(name.as_ptr(), size).cast()) }
    };
    if sys::PGBG_NAMED_MEMORY_IS_LOCKED != 0 {
        find_or_make()
    } else {
        lwlock::while_making_shared_memory(find_or_make)
    }
}
