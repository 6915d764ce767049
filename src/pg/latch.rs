//! storage/latch.h: waiting until somebody wakes this process.

use super::clock::{Instant, now};
use super::error::{catch, check_for_interrupts};
use crate::pg_sys as sys;
use core::cell::Cell;
use core::ffi::{CStr, c_int, c_long};
use core::hint::spin_loop;
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
        // Names are a bounded resource of the whole server: where they are used up, waits go without one.
        // SAFETY: the name is static and short; registering the same name twice gives the same number.
        let named = catch(|| unsafe { sys::pgbg_wait_event(self.name.as_ptr(), self.number) });
        let id = named.unwrap_or_else(|_| {
            // SAFETY: the error was raised with the lock on the names held; we hold no other.
            unsafe { sys::LWLockReleaseAll() };
            sys::PG_WAIT_EXTENSION
        });
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

/// Whether somebody has set this process's latch since it was reset.
fn is_set() -> bool {
    // SAFETY: MyLatch is this process's own latch; others only ever write this one word, which signal handlers read, too.
    unsafe { (&raw const (*sys::MyLatch).is_set).read_volatile() != 0 }
}

/// What a process knows about waiting for something that may be there in a moment. Putting a processor to sleep and
/// waking it takes longer than a short job, so it pays to look for a moment first, if there is a processor to spare.
/// Whether there is shows in how it went before.
pub struct Patience(Backoff);

impl Patience {
    /// So long it looks, in microseconds: about what sleeping would cost, so that at worst twice that is spent.
    const MICROSECONDS: Instant = 50;

    /// So often it offers the processor to whoever else could use it, and whoever takes it keeps it for longer than this.
    const OFFER: Instant = 5;

    pub const fn new() -> Self {
        Self(Backoff::new())
    }

    /// Looks for a moment whether the latch gets set; `start` is now. False says to sleep.
    pub fn latch_gets_set(&self, start: Instant) -> bool {
        if !self.0.is_due(start) {
            return is_set();
        }
        let mut offered = start;
        loop {
            for _ in 0..8 {
                if is_set() {
                    self.0.succeeded();
                    return true;
                }
                spin_loop();
            }
            let mut time = now();
            let mut is_wanted = false;
            if time.wrapping_sub(offered) >= Self::OFFER {
                // SAFETY: lets others run; it cannot fail.
                unsafe { libc::sched_yield() };
                offered = now();
                is_wanted = offered.wrapping_sub(time) >= Self::OFFER;
                time = offered;
            }
            if is_wanted || time.wrapping_sub(start) >= Self::MICROSECONDS {
                self.0.failed(time);
                return is_set();
            }
        }
    }
}

/// Puts attempts off where most of them fail: on a machine that is busy each of them takes the processor from whoever is
/// waited for.
struct Backoff {
    /// One more for each failure, half for each success.
    failures: Cell<u32>,
    /// No attempt before.
    until: Cell<Instant>,
}

impl Backoff {
    /// So many failures more than successes are nothing unusual: some jobs take longer than others.
    const TOLERANCE: u32 = 3;

    /// Microseconds after one failure more than that; twice as long after each further one, up to `LONGEST`.
    const SHORTEST: Instant = 10_000;
    const DOUBLINGS: u32 = 9;

    const fn new() -> Self {
        Self {
            failures: Cell::new(0),
            until: Cell::new(Instant::MIN),
        }
    }

    /// Whether to make an attempt now.
    fn is_due(&self, now: Instant) -> bool {
        now >= self.until.get()
    }

    fn succeeded(&self) {
        self.failures.set(self.failures.get() / 2);
    }

    fn failed(&self, now: Instant) {
        let failures = self.failures.get();
        if let Some(doublings) = failures.checked_sub(Self::TOLERANCE) {
            self.until
                .set(now.saturating_add(Self::SHORTEST << doublings));
        }
        self.failures
            .set((failures + 1).min(Self::TOLERANCE + Self::DOUBLINGS));
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Instant};

    const SECOND: Instant = 1_000_000;

    /// Fails whenever an attempt is due, for so long; how many attempts that were.
    fn attempts(backoff: &Backoff, time: &mut Instant, during: Instant) -> u32 {
        let end = *time + during;
        let mut attempts = 0;
        while *time < end {
            if backoff.is_due(*time) {
                attempts += 1;
                backoff.failed(*time);
            }
            *time += 100;
        }
        attempts
    }

    #[test]
    fn every_chance_is_taken_until_several_fail() {
        let backoff = Backoff::new();
        for i in 0..100 {
            assert!(backoff.is_due(i));
            backoff.succeeded();
        }
        for i in 0..3 {
            assert!(backoff.is_due(i));
            backoff.failed(i);
        }
        assert!(backoff.is_due(3));
        backoff.failed(3);
        assert!(!backoff.is_due(4));
    }

    #[test]
    fn where_all_fail_there_is_one_in_seconds() {
        let backoff = Backoff::new();
        let mut time = 0;
        assert!(attempts(&backoff, &mut time, SECOND) <= 12);
        attempts(&backoff, &mut time, 10 * SECOND);
        assert!(attempts(&backoff, &mut time, 100 * SECOND) <= 21);
    }

    #[test]
    fn where_one_in_two_fails_none_is_put_off() {
        let backoff = Backoff::new();
        for i in 0..1000 {
            assert!(backoff.is_due(i));
            backoff.failed(i);
            assert!(backoff.is_due(i));
            backoff.succeeded();
        }
    }

    #[test]
    fn a_lucky_one_among_many_failures_changes_little() {
        let backoff = Backoff::new();
        let mut time = 0;
        attempts(&backoff, &mut time, 20 * SECOND);
        backoff.succeeded();
        assert!(attempts(&backoff, &mut time, SECOND) <= 7);
    }

    #[test]
    fn successes_end_the_pauses() {
        let backoff = Backoff::new();
        let mut time = 0;
        attempts(&backoff, &mut time, 20 * SECOND);
        for _ in 0..4 {
            backoff.succeeded();
        }
        time += 10 * SECOND;
        for _ in 0..3 {
            assert!(backoff.is_due(time));
            backoff.failed(time);
        }
        assert!(backoff.is_due(time));
    }
}
