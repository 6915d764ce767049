//! storage/latch.h: waiting until somebody wakes this process.

use super::error::{catch, check_for_interrupts};
use crate::pg_sys as sys;
use core::ffi::{CStr, c_int, c_long};
use core::sync::atomic::{AtomicU32, Ordering, fence};

/// A name under which waits show in pg_stat_activity from 17 on; before, they all are `Extension`.
pub struct WaitEvent {
    name: &'static CStr,
    /// What tells it from others before 17, where only the class has a name.
    number: u32,
    id: AtomicU32,
}

impl WaitEvent {
    /// `name` is in PostgreSQL's style, such as `PgBackgroundWait`.
    pub const fn new(name: &'static CStr) -> Self {
        Self::numbered(name, 0)
    }

    /// The same with a number, so that other processes can tell it from other events before 17.
    pub const fn numbered(name: &'static CStr, number: u32) -> Self {
        Self {
            name,
            number,
            id: AtomicU32::new(0),
        }
    }

    /// What PGPROC says while this is waited for; the same in every process of the server.
    pub fn id(&self) -> u32 {
        let known = self.id.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let mut id = sys::PG_WAIT_EXTENSION;
        // Names are a bounded resource of the whole server: where they are used up, waits go without one.
        // SAFETY: the name is static and short; registering the same name twice gives the same number.
        let named = catch(|| id = unsafe { sys::pgbg_wait_event(self.name.as_ptr(), self.number) });
        if named.is_err() {
            // SAFETY: the error was raised with the lock on the names held; we hold no other.
            unsafe { sys::LWLockReleaseAll() };
        }
        self.id.store(id, Ordering::Relaxed);
        id
    }

    /// Shows the event before the wait itself begins.
    pub fn advertise(&self) {
        // SAFETY: points to this process's own word.
        unsafe { sys::my_wait_event_info.write_volatile(self.id()) };
        fence(Ordering::SeqCst);
    }
}

/// Shows that the process waits for nothing, after `advertise`.
pub fn conceal_wait() {
    // SAFETY: points to this process's own word.
    unsafe { sys::my_wait_event_info.write_volatile(0) };
}

/// Clears this process's latch. What is looked at afterwards cannot have been signalled in vain.
pub fn reset() {
    // SAFETY: MyLatch is this process's own latch.
    unsafe { sys::ResetLatch(sys::MyLatch) }
}

/// Sets this process's own latch.
pub fn set() {
    // SAFETY: MyLatch is this process's own latch; safe in signal handlers as well.
    unsafe { sys::SetLatch(sys::MyLatch) }
}

/// Waits until this process's latch is set or `timeout` milliseconds are over (None: no limit), then serves interrupts.
/// The process ends with the postmaster.
pub fn wait(timeout: Option<c_long>, event: &WaitEvent) {
    wait_only(timeout, event);
    check_for_interrupts();
}

/// The same without serving interrupts; the caller does.
pub fn wait_only(timeout: Option<c_long>, event: &WaitEvent) {
    let mut wake = (sys::WL_LATCH_SET | sys::WL_EXIT_ON_PM_DEATH) as c_int;
    if timeout.is_some() {
        wake |= sys::WL_TIMEOUT as c_int;
    }
    // SAFETY: MyLatch is this process's own latch.
    unsafe { sys::WaitLatch(sys::MyLatch, wake, timeout.unwrap_or(-1), event.id()) };
}
