//! Sleeping for a moment on the word of this process's own latch, a futex, where a process that shares memory with it wakes it.
//!
//! WaitLatch sleeps in epoll_wait and is woken by a signal, which it reads from a file. This does without that signal. Others end it:
//! their handlers set the latch or interrupt the call, as the one does that tells of the postmaster's death. But a SetLatch by a process
//! that does not know of it wakes nobody: hence only for a moment, and WaitLatch after it.

use crate::pg_sys as sys;
use core::ffi::c_long;
use core::sync::atomic::{AtomicU32, Ordering, fence};

/// Milliseconds for which it sleeps at most. With injection points so long that whoever is not woken is noticed.
const LIMIT: c_long = if cfg!(feature = "injection-points") {
    60_000
} else {
    20
};

/// Whether a process dozes, for those who set its latch: odd if it does, and never the same number for long. What else is written
/// there costs it no more than that moment.
#[repr(transparent)]
pub struct Dozing(AtomicU32);

impl Dozing {
    /// The process says whether it does.
    pub fn set(&self, dozes: bool) {
        let number = self.0.load(Ordering::Relaxed);
        let next = match dozes {
            true => (number | 1).wrapping_add(2),
            false => number & !1,
        };
        self.0.store(next, Ordering::Relaxed);
    }

    /// Whether it does, as a number. Asked after its latch was set: either it has seen that, or what it says is seen here.
    pub fn doze(&self) -> Option<u32> {
        fence(Ordering::SeqCst);
        let number = self.0.load(Ordering::Relaxed);
        (number & 1 != 0).then_some(number)
    }

    /// Wakes it, if it is still at that doze and its latch is set. Whoever is not the first to do so has nothing to do; by the number,
    /// none takes the next doze for this one.
    ///
    /// # Safety
    /// `process` is a PGPROC, of whichever process.
    pub unsafe fn wake(&self, doze: u32, process: *mut sys::PGPROC) {
        // SAFETY: PGPROCs live in shared memory for as long as the server does.
        let word = unsafe { &raw const (*process).procLatch.is_set };
        // SAFETY: the word is only ever written as a whole.
        if unsafe { word.read_volatile() } != 0 && self.end(doze) {
            futex::wake(word);
        }
    }

    /// Says that it does not doze any more, if it is still at that doze. Whether it was.
    fn end(&self, doze: u32) -> bool {
        self.0
            .compare_exchange(doze, doze & !1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

/// Sleeps until this process's latch is set, for at most `left` milliseconds (None: no limit of its own). It may end early. `tell`
/// says to those who may set the latch that this process dozes, and then that it does not. Where the system has no futex, or the
/// postmaster is gone, it does not sleep at all: WaitLatch sees to the rest.
pub fn doze(left: Option<c_long>, tell: impl Fn(bool)) {
    let limit = left.map_or(LIMIT, |left| left.min(LIMIT));
    // SAFETY: reads what a signal has noted, or asks the system.
    if !futex::IS_THERE || limit <= 0 || !unsafe { sys::pgbg_postmaster_is_alive() } {
        return;
    }
    tell(true);
    fence(Ordering::SeqCst);
    // SAFETY: MyLatch is this process's own latch, in shared memory.
    futex::wait(unsafe { &raw const (*sys::MyLatch).is_set }, limit);
    tell(false);
}

#[cfg(target_os = "linux")]
mod futex {
    use crate::pg_sys as sys;
    use core::ffi::{c_int, c_long};

    pub const IS_THERE: bool = true;

    /// From linux/futex.h; without FUTEX_PRIVATE_FLAG, since the word is shared with other processes.
    const FUTEX_WAIT: c_int = 0;
    const FUTEX_WAKE: c_int = 1;

    /// What the system call of this number takes, which is not always the C library's timespec.
    #[repr(C)]
    struct Timespec {
        seconds: c_long,
        nanoseconds: c_long,
    }

    const _: () = assert!(
        size_of::<sys::sig_atomic_t>() == 4,
        "a futex has four bytes"
    );

    /// Sleeps while the word is 0, for so many milliseconds.
    pub fn wait(word: *const sys::sig_atomic_t, milliseconds: c_long) {
        let limit = Timespec {
            seconds: milliseconds / 1000,
            nanoseconds: milliseconds % 1000 * 1_000_000,
        };
        // SAFETY: the kernel reads the word, which is mapped, and the limit. Whatever ends the call, the caller looks again.
        unsafe { libc::syscall(libc::SYS_futex, word, FUTEX_WAIT, 0, &raw const limit) };
    }

    /// Wakes whoever sleeps there.
    pub fn wake(word: *const sys::sig_atomic_t) {
        // SAFETY: changes no memory.
        unsafe { libc::syscall(libc::SYS_futex, word, FUTEX_WAKE, 1) };
    }
}

#[cfg(not(target_os = "linux"))]
mod futex {
    use crate::pg_sys as sys;
    use core::ffi::c_long;

    pub const IS_THERE: bool = false;

    pub fn wait(_word: *const sys::sig_atomic_t, _milliseconds: c_long) {}

    pub fn wake(_word: *const sys::sig_atomic_t) {}
}

#[cfg(test)]
mod tests {
    use super::Dozing;
    use core::sync::atomic::AtomicU32;

    #[test]
    fn a_doze_is_ended_once_and_is_not_the_next() {
        // Whatever the other process has written there.
        for before in [0, 1, 2, u32::MAX - 1, u32::MAX] {
            let dozing = Dozing(AtomicU32::new(before));
            dozing.set(false);
            assert_eq!(dozing.doze(), None);
            dozing.set(true);
            let first = dozing.doze().unwrap();
            dozing.set(false);
            assert!(dozing.doze().is_none() && !dozing.end(first));
            dozing.set(true);
            assert!(!dozing.end(first));
            let second = dozing.doze().unwrap();
            assert!(dozing.end(second) && !dozing.end(second));
            assert_eq!(dozing.doze(), None);
        }
    }
}
