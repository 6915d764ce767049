//! storage/latch.h: waiting until somebody wakes this process.

use super::clock::{Instant, now};
use super::doze::doze;
use super::error::{catch, check_for_interrupts};
use super::process;
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
    /// So often it offers the processor to whoever else could use it, in microseconds.
    const OFFER: Instant = 2;

    /// Whoever takes it keeps it for longer than this.
    const TAKEN: Instant = 5;

    /// So long it looks at most, in microseconds, so that the job may wait for its turn where several sessions share the
    /// processors. With half of it two sessions on two processors often fall asleep just before the end; with more, eight
    /// keep each other waiting.
    const LIMIT: Instant = 100;

    pub const fn new() -> Self {
        Self(Backoff::new())
    }

    /// Looks for a moment whether the latch gets set, and then dozes; `start` is now. There are `left` milliseconds for the latter
    /// (None: no limit); `tell` is doze's. False says to sleep.
    pub fn latch_gets_set(
        &self,
        start: Instant,
        left: Option<c_long>,
        tell: impl Fn(bool),
    ) -> bool {
        if self.0.is_due(start) && self.sees_latch_set(start) {
            return true;
        }
        doze(left, tell);
        is_set()
    }

    /// Looks for a moment.
    fn sees_latch_set(&self, start: Instant) -> bool {
        let mut failure = Failure::Late;
        let mut time = start;
        loop {
            let before = time;
            process::offer_processor();
            let offered = now();
            let taken = offered.wrapping_sub(before);
            // Whoever is waited for may have been the one who took it.
            if is_set() && taken < Self::LIMIT {
                self.0.succeeded();
                return true;
            }
            if offered.wrapping_sub(start) >= Self::LIMIT {
                self.0.failed(failure, offered);
                return is_set();
            }
            time = offered;
            if taken >= Self::TAKEN {
                failure = Failure::Crowded;
                continue;
            }
            while time.wrapping_sub(offered) < Self::OFFER {
                for _ in 0..8 {
                    if is_set() {
                        self.0.succeeded();
                        return true;
                    }
                    spin_loop();
                }
                time = now();
            }
        }
    }
}

/// Why a look was in vain.
#[derive(Clone, Copy)]
enum Failure {
    /// Others want the processor: looking takes it from whoever is waited for.
    Crowded,
    /// What was waited for takes longer; the processor had nothing else to do.
    Late,
}

impl Failure {
    /// So often a pause is doubled at most: up to five seconds on a busy machine. Elsewhere up to 40 ms, so that less than a
    /// fiftieth of the time goes into looks.
    const fn doublings(self) -> u32 {
        match self {
            Self::Crowded => 9,
            Self::Late => 2,
        }
    }
}

/// Puts attempts off where most of them fail. After each pause there are several again: two processes that are awake at the
/// same time answer each other sooner than where one of them sleeps, and one attempt alone would not find that out.
struct Backoff {
    /// One more for each failure, half for each success, none after a pause.
    failures: Cell<u32>,
    /// So often the next pause is doubled, once for each pause before it; half for each success.
    doublings: Cell<u32>,
    /// No attempt before.
    until: Cell<Instant>,
}

impl Backoff {
    /// So many failures more than successes are nothing unusual: some jobs take longer than others.
    const TOLERANCE: u32 = 3;

    /// Microseconds of the first pause; twice as long for each further one.
    const SHORTEST: Instant = 10_000;

    const fn new() -> Self {
        Self {
            failures: Cell::new(0),
            doublings: Cell::new(0),
            until: Cell::new(Instant::MIN),
        }
    }

    /// Whether to make an attempt now.
    fn is_due(&self, now: Instant) -> bool {
        now >= self.until.get()
    }

    fn succeeded(&self) {
        self.failures.set(self.failures.get() / 2);
        self.doublings.set(self.doublings.get() / 2);
    }

    fn failed(&self, failure: Failure, now: Instant) {
        let failures = self.failures.get() + 1;
        if failures <= Self::TOLERANCE {
            self.failures.set(failures);
            return;
        }
        let doublings = self.doublings.get().min(failure.doublings());
        self.until
            .set(now.saturating_add(Self::SHORTEST << doublings));
        self.failures.set(0);
        self.doublings.set(doublings + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Failure, Instant, Patience};

    const SECOND: Instant = 1_000_000;

    /// Fails whenever an attempt is due, for so long; how many attempts that were.
    fn attempts(
        backoff: &Backoff,
        failure: Failure,
        time: &mut Instant,
        during: Instant,
    ) -> Instant {
        let end = *time + during;
        let mut attempts = 0;
        while *time < end {
            if backoff.is_due(*time) {
                attempts += 1;
                backoff.failed(failure, *time);
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
        for i in 0..4 {
            assert!(backoff.is_due(i));
            backoff.failed(Failure::Crowded, i);
        }
        assert!(!backoff.is_due(4));
    }

    #[test]
    fn on_a_busy_machine_there_are_few_in_seconds() {
        let backoff = Backoff::new();
        let mut time = 0;
        assert!(attempts(&backoff, Failure::Crowded, &mut time, SECOND) <= 32);
        attempts(&backoff, Failure::Crowded, &mut time, 10 * SECOND);
        assert!(attempts(&backoff, Failure::Crowded, &mut time, 100 * SECOND) <= 84);
    }

    #[test]
    fn where_jobs_take_longer_little_of_the_time_goes_into_looks() {
        let backoff = Backoff::new();
        let mut time = 0;
        attempts(&backoff, Failure::Late, &mut time, SECOND);
        let attempts = attempts(&backoff, Failure::Late, &mut time, SECOND);
        assert!(attempts * Patience::LIMIT <= SECOND / 50);
        // So that a machine that is no longer busy is noticed soon.
        assert!(attempts >= 80);
    }

    #[test]
    fn after_a_pause_there_are_several_again() {
        let backoff = Backoff::new();
        let mut time = 0;
        attempts(&backoff, Failure::Crowded, &mut time, 20 * SECOND);
        time += 10 * SECOND;
        for _ in 0..4 {
            assert!(backoff.is_due(time));
            backoff.failed(Failure::Crowded, time);
        }
        assert!(!backoff.is_due(time));
    }

    #[test]
    fn a_busy_machine_that_was_long_idle_is_noticed() {
        let backoff = Backoff::new();
        let mut time = 0;
        attempts(&backoff, Failure::Late, &mut time, 20 * SECOND);
        attempts(&backoff, Failure::Crowded, &mut time, 10 * SECOND);
        assert!(attempts(&backoff, Failure::Crowded, &mut time, 100 * SECOND) <= 84);
    }

    #[test]
    fn where_one_in_two_fails_none_is_put_off() {
        let backoff = Backoff::new();
        for i in 0..1000 {
            assert!(backoff.is_due(i));
            backoff.failed(Failure::Crowded, i);
            assert!(backoff.is_due(i));
            backoff.succeeded();
        }
    }

    #[test]
    fn a_lucky_one_among_many_failures_changes_little() {
        let backoff = Backoff::new();
        let mut time = 0;
        attempts(&backoff, Failure::Crowded, &mut time, 20 * SECOND);
        backoff.succeeded();
        assert!(attempts(&backoff, Failure::Crowded, &mut time, SECOND) <= 16);
    }

    #[test]
    fn successes_end_the_pauses() {
        let backoff = Backoff::new();
        let mut time = 0;
        attempts(&backoff, Failure::Crowded, &mut time, 20 * SECOND);
        for _ in 0..4 {
            backoff.succeeded();
        }
        time += 10 * SECOND;
        assert!(attempts(&backoff, Failure::Crowded, &mut time, SECOND) >= 20);
    }
}
