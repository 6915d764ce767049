//! Places for jobs and workers: how many there may be, and waiting until one comes free.
//!
//! pg_background.max_workers_per_role and max_workers_total are exact across sessions: whoever starts a worker counts and
//! starts it under a lock. What counts are processes, idle ones included; but idle ones are asked to leave before anyone is
//! refused. A worker that is claimed warm adds no process, so it needs no lock.

use super::job::JobRef;
use super::{STATE, deadlock, idle, pump, registry, wait};
use crate::channel;
use crate::directory::{self, Awaited};
use crate::injection;
use crate::pg::Oid;
use crate::pg::clock::{Deadline, Instant, now};
use crate::pg::error::{Report, catch, code};
use crate::pg::latch::{self, WaitEvent};
use crate::pg::lock::RoleLock;
use crate::pg::procs;
use crate::settings::{self, MAX_WORKERS_PER_ROLE, MAX_WORKERS_TOTAL};
use core::cell::Cell;
use core::ffi::{c_int, c_long};

/// Shown while a launch waits for a place.
static WAIT_FOR_PLACE: WaitEvent = WaitEvent::new(c"PgBackgroundSlot");

/// How often to look while somebody is about to give a place up, in milliseconds: that the postmaster has noticed nobody
/// is told.
const SOON: c_long = 10;
/// And otherwise: who is not of this extension wakes nobody.
const LATER: c_long = 100;

/// So many looks in a row have to find nobody on the way out.
const LOOKS: u32 = 3;

/// How long to wait for somebody who leaves, in milliseconds.
const COURTESY: i64 = 1000;

/// How long a launch may wait for all the places that it needs, and has waited.
pub struct Admission {
    deadline: Deadline,
    waited: Cell<Instant>,
}

impl Admission {
    /// Of a launch that begins: up to launch_timeout, and no longer than its caller has time.
    pub fn new(caller_has_time: Deadline) -> Self {
        let patience = Deadline::after(i64::from(settings::LAUNCH_TIMEOUT.get()));
        Self {
            deadline: patience.earlier(caller_has_time),
            waited: Cell::new(0),
        }
    }

    /// Microseconds waited so far.
    pub fn waited(&self) -> Instant {
        self.waited.get()
    }

    /// Asks workers to leave and tries again, whenever a place comes free: up to the deadline, or for a moment while what is
    /// wanted `is_coming`. Raises 40P01 if all who hold the places, `busy` of them, wait for this session's locks.
    pub fn wait<T: Copy>(
        &self,
        ask: impl Fn(),
        attempt: impl Fn() -> Option<T>,
        is_coming: Option<&dyn Fn() -> bool>,
        busy: impl Fn() -> usize,
    ) -> Option<T> {
        let start = now();
        directory::start_waiting(Awaited::Place);
        let result = catch(|| {
            let courtesy = Deadline::after(COURTESY);
            let mut check = wait::next_check();
            let mut looks = 0;
            loop {
                latch::reset();
                ask();
                pump::pump_all();
                let found = attempt();
                if found.is_some() {
                    return found;
                }
                let time = now();
                // A job may be known for a moment that is about to be launched elsewhere: look again.
                let comes =
                    is_coming.is_some_and(|comes| comes() || pump::is_about_to_lose_a_worker());
                looks = if comes { 0 } else { looks + 1 };
                let briefly = is_coming.is_some() && looks < LOOKS && !courtesy.passed(time);
                if self.deadline.passed(time) && !briefly {
                    return None;
                }
                if check.passed(time) {
                    check_deadlock(busy());
                    check = wait::next_check();
                }
                injection::point("launch-slot");
                let pause = if comes || briefly || !directory::is_there() {
                    SOON
                } else {
                    LATER
                };
                let left = self.deadline.earlier(check).left(time);
                latch::wait(
                    Some(left.unwrap_or(pause).min(pause).max(1)),
                    &WAIT_FOR_PLACE,
                );
            }
        });
        directory::stop_waiting();
        self.waited
            .set(self.waited.get() + now().saturating_sub(start));
        result.unwrap_or_else(|caught| caught.rethrow())
    }
}

/// 40P01 if so many jobs wait for this session's locks, which it keeps while it waits for them to end.
fn check_deadlock(busy: usize) {
    let mut first = None;
    let mut stuck = 0;
    let mut look = |pid| {
        if deadlock::waits_for_us(pid) {
            first = first.or(Some(pid));
            stuck += 1;
        }
    };
    if directory::is_there() {
        directory::for_each_running(&mut look);
    } else {
        registry::running().for_each(|job| look(job.pid.get()));
    }
    if let Some(pid) = first.filter(|_| stuck >= busy) {
        wait::raise_deadlock(pid, false, deadlock::hint(pid));
    }
}

/// Waits until this session has fewer running jobs than pg_background.max_workers: 53400.
pub fn wait_for_job_place(admission: &Admission) {
    let maximum = settings::MAX_WORKERS.get();
    let attempt = || (STATE.counters.active() < maximum).then_some(());
    if attempt().is_some() {
        return;
    }
    let busy = || registry::running().count();
    if admission.wait(|| (), attempt, None, busy).is_none() {
        let active = STATE.counters.active();
        Report::error(code::CONFIGURATION_LIMIT_EXCEEDED)
            .message(format_args!("too many background jobs in this session"))
            .detail(format_args!("{active} jobs run, and pg_background.max_workers is {maximum}. Finished jobs do not count, detached ones do."))
            .hint(format_args!("Wait for a job to end, or raise pg_background.max_workers or pg_background.launch_timeout."))
            .raise();
    }
}

/// A number of workers that must not be exceeded: of a role, or of all.
#[derive(Clone, Copy)]
struct Ceiling {
    role: Option<Oid>,
    limit: usize,
}

impl Ceiling {
    /// Those that there are, in the order in which their locks are taken.
    fn all(role: Oid) -> impl DoubleEndedIterator<Item = Self> + Clone {
        let of = |limit: c_int, role| {
            let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0);
            limit.map(|limit| Self { role, limit })
        };
        [
            of(MAX_WORKERS_TOTAL.get(), None),
            of(MAX_WORKERS_PER_ROLE.get(), Some(role)),
        ]
        .into_iter()
        .flatten()
    }

    fn count(self) -> usize {
        procs::count_workers(channel::BACKEND_TYPE, self.role)
    }

    /// How many of them have a job: the others are idle or on their way out. Without a directory all count.
    fn busy(self) -> usize {
        directory::count_running(self.role).unwrap_or_else(|| self.count())
    }

    fn is_full(self) -> bool {
        self.count() >= self.limit
    }

    /// Whether somebody is about to make room, as far as can be known.
    fn has_room_soon(self) -> bool {
        !directory::is_there() || self.busy() < self.limit
    }

    fn refuse(self) -> ! {
        let limit = self.limit;
        let report = Report::error(code::CONFIGURATION_LIMIT_EXCEEDED);
        let report = match self.role {
            Some(_) => report
                .message(format_args!("too many background workers of this role"))
                .detail(format_args!("pg_background.max_workers_per_role is {limit}, for all sessions of the role together.")),
            None => report
                .message(format_args!("too many background workers in this server"))
                .detail(format_args!("pg_background.max_workers_total is {limit}, for all sessions together.")),
        };
        report
            .hint(format_args!("Wait for a job to end, raise pg_background.launch_timeout, or ask an administrator to raise the limit."))
            .raise()
    }
}

/// Whether there are ceilings for workers of this role, so that a new one has to be seen by all before the next is counted.
pub fn are_there() -> bool {
    MAX_WORKERS_PER_ROLE.get() > 0 || MAX_WORKERS_TOTAL.get() > 0
}

/// Whether there are more workers than a limit, which was lowered meanwhile: then no idle one may be put to work.
pub fn is_exceeded(role: Oid) -> bool {
    Ceiling::all(role).any(|ceiling| ceiling.count() > ceiling.limit)
}

/// Runs `start`, which starts a worker of the role and waits until it is connected, as soon as the limits allow: 53400.
pub fn guard(role: Oid, admission: &Admission, start: impl FnOnce() -> JobRef) -> JobRef {
    let ceilings = Ceiling::all(role);
    if ceilings.clone().next().is_none() {
        return start();
    }
    let start = Cell::new(Some(start));
    let full = || ceilings.clone().find(|ceiling| ceiling.is_full());
    let attempt = || {
        let locks = || ceilings.clone().map(|ceiling| RoleLock::of(ceiling.role));
        locks().for_each(|lock| lock.acquire());
        let result = catch(|| match full() {
            Some(_) => None,
            None => start.take().map(|start| start()),
        });
        locks().rev().for_each(RoleLock::release);
        result.unwrap_or_else(|caught| caught.rethrow())
    };
    let ask = || {
        ceilings
            .clone()
            .filter(|ceiling| ceiling.is_full())
            .for_each(|ceiling| _ = idle::evict(ceiling.role));
    };
    let is_coming = || full().is_none_or(Ceiling::has_room_soon);
    let busy = || full().map_or(usize::MAX, Ceiling::busy);
    attempt()
        .or_else(|| admission.wait(ask, attempt, Some(&is_coming), busy))
        .unwrap_or_else(|| match full() {
            Some(ceiling) => ceiling.refuse(),
            None => Ceiling::all(role)
                .next()
                .map_or_else(|| unreachable!(), |c| c.refuse()),
        })
}
