//! storage/lwlock.h: locks that are held for a moment, in shared memory.

use crate::pg_sys as sys;
use core::ffi::{CStr, c_int};
use core::ptr::NonNull;

/// A lock in shared memory.
///
/// # Invariants
/// Points to a lock that was initialised and stays mapped as long as a copy of this is used.
#[derive(Clone, Copy)]
pub struct LightLock(NonNull<sys::LWLock>);

/// Bytes that a lock has to itself: no other data in its cache lines.
pub const ROOM: usize = 128;
const _: () = assert!(size_of::<sys::LWLock>() <= ROOM);

impl LightLock {
    /// Makes a lock of a tranche.
    ///
    /// # Safety
    /// ROOM bytes at `place` are nobody's and stay mapped as long as the lock is used.
    pub unsafe fn create(place: NonNull<u8>, tranche: c_int) -> Self {
        // SAFETY: the caller's promise.
        unsafe { sys::LWLockInitialize(place.as_ptr().cast(), tranche) };
        Self(place.cast())
    }

    /// A lock that another process has made.
    ///
    /// # Safety
    /// `create` was called for that place, which stays mapped as long as the lock is used.
    pub unsafe fn at(place: NonNull<u8>) -> Self {
        Self(place.cast())
    }

    /// Does `work`, which must not raise, while no other process holds the lock. Interrupts are held.
    pub fn exclusively<R>(self, work: impl FnOnce() -> R) -> R {
        // SAFETY: by the type's invariant. This process has a PGPROC, as every one has that runs code of ours.
        unsafe { sys::LWLockAcquire(self.0.as_ptr(), sys::LW_EXCLUSIVE) };
        let result = work();
        // SAFETY: acquired above.
        unsafe { sys::LWLockRelease(self.0.as_ptr()) };
        result
    }
}

/// A number for a kind of locks, under whose `name` waits show; the same in all processes.
pub fn new_tranche(name: &'static CStr) -> c_int {
    // SAFETY: takes the next number of the server; from 19 on it raises when there are too many.
    unsafe { sys::pgbg_lwlock_new_tranche_id(name.as_ptr()) }
}

/// Tells this process the name of a number that another one has made.
pub fn name_tranche(tranche: c_int, name: &'static CStr) {
    // SAFETY: the name is static.
    unsafe { sys::pgbg_lwlock_register_tranche(tranche, name.as_ptr()) }
}

/// Does `work` while no other extension makes shared memory for itself. An error leaves the lock to `release_all`.
pub fn while_making_shared_memory<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: one of the server's own locks, taken when no other is held.
    unsafe { sys::pgbg_lock_addin_shmem_init() };
    let result = work();
    // SAFETY: acquired above.
    unsafe { sys::pgbg_unlock_addin_shmem_init() };
    result
}

/// Gives up every lock of this kind that this process holds: where an error is caught that was raised with one held.
pub fn release_all() {
    // SAFETY: whoever calls holds none that an outer frame still relies on.
    unsafe { sys::LWLockReleaseAll() }
}
