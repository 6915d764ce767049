//! Waiting for outcomes: by latch, interruptibly, while every job's messages are taken in.

use super::job::JobRef;
use super::link::LinkRef;
use super::{STATE, deadlock, pump, registry};
use crate::directory;
use crate::injection;
use crate::nested;
use crate::pg::clock::{Deadline, Instant, now};
use crate::pg::error::{Report, catch, check_for_interrupts, code};
use crate::pg::guc;
use crate::pg::latch::{self, WaitEvent};
use crate::pg::text::Str;
use core::ffi::{c_int, c_long};
use core::fmt;

pub use super::deadlock::WaitFor;

/// Shown while this session waits for a job to end.
static WAIT_FOR_JOB: WaitEvent = WaitEvent::new(c"PgBackgroundWait");

/// A job that this session does not track.
#[derive(Clone, Copy)]
pub struct Other {
    pub pid: c_int,
    /// Its name in the directory.
    pub id: i64,
}

/// What a wait is for.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    jobs: &'a [JobRef],
    others: &'a [Other],
    goal: WaitFor,
}

impl Wanted<'_> {
    fn is_there(&self) -> bool {
        let mut jobs = self.jobs.iter();
        let mut others = self.others.iter();
        match self.goal {
            WaitFor::All => {
                jobs.all(|job| !job.is_running()) && others.all(|o| !directory::is_running(o.id))
            }
            // Of no jobs, none will ever end: there is nothing to wait for.
            WaitFor::Any => {
                (self.jobs.is_empty() && self.others.is_empty())
                    || jobs.any(|job| !job.is_running())
                    || others.any(|other| !directory::is_running(other.id))
            }
        }
    }

    /// Whether it pays to look for a moment whether one of them ends.
    fn may_come_soon(&self) -> bool {
        !self.others.is_empty() || self.jobs.iter().any(|job| job.may_end_soon())
    }
}

/// Waits until all or any of the jobs are final. False when the deadline passed first. Raises 40P01 when this can never
/// come to pass because workers wait for this session's locks; they are cancelled.
pub fn wait(jobs: &[JobRef], goal: WaitFor, deadline: Deadline) -> bool {
    wait_for(jobs, &[], goal, deadline)
}

/// The same for jobs of others, too. The caller has this process woken when one of those ends.
pub fn wait_for(jobs: &[JobRef], others: &[Other], goal: WaitFor, deadline: Deadline) -> bool {
    let wanted = Wanted { jobs, others, goal };
    wait_checking(&wanted, deadline, next_check(), || wanted.is_there())
}

/// Waits until all the jobs are final, and leaves it to the caller what to do about those that never will be.
pub fn wait_patiently(jobs: &[JobRef], deadline: Deadline) -> bool {
    wait_patiently_for(jobs, &[], deadline)
}

/// The same for jobs of others, too, as in `wait_for`.
pub fn wait_patiently_for(jobs: &[JobRef], others: &[Other], deadline: Deadline) -> bool {
    let wanted = Wanted {
        jobs,
        others,
        goal: WaitFor::All,
    };
    wait_checking(&wanted, deadline, Deadline::NEVER, || wanted.is_there())
}

/// Waits until `done`, which depends on nothing but those jobs.
pub fn wait_until(
    jobs: &[JobRef],
    goal: WaitFor,
    deadline: Deadline,
    done: impl Fn() -> bool,
) -> bool {
    let wanted = Wanted {
        jobs,
        others: &[],
        goal,
    };
    wait_checking(&wanted, deadline, next_check(), done)
}

fn wait_checking(
    wanted: &Wanted<'_>,
    deadline: Deadline,
    check: Deadline,
    done: impl Fn() -> bool,
) -> bool {
    STATE.is_waiting.set(true);
    let result = catch(|| wait_by_latch(wanted, deadline, check, done));
    pump::stop_reading();
    // A worker's own launcher is told for whom it waits: once it has waited for long, and not a moment longer.
    if let Some(told) = nested::waits() {
        told.clear();
    }
    result.unwrap_or_else(|caught| caught.rethrow())
}

fn wait_by_latch(
    wanted: &Wanted<'_>,
    deadline: Deadline,
    mut check: Deadline,
    done: impl Fn() -> bool,
) -> bool {
    loop {
        latch::reset();
        pump::pump_all();
        if done() {
            return true;
        }
        let time = now();
        if deadline.passed(time) {
            return false;
        }
        if check.passed(time) {
            check_deadlock(wanted);
            if let Some(told) = nested::waits() {
                deadlock::tell(told, wanted.jobs, wanted.goal);
            }
            let others = wanted.others.iter();
            others.for_each(|other| directory::notice_if_lost(other.id));
            check = next_check();
        }
        injection::point("wait");
        let until = deadline.earlier(check);
        let left = match wanted.others.is_empty() {
            true => until.left(time),
            // Whoever wakes this process when one of those ends knows nothing of dozing.
            false => Some(0),
        };
        if wanted.may_come_soon() && latch_gets_set(time, left, None, &WAIT_FOR_JOB) {
            check_for_interrupts();
        } else {
            latch::wait(until.left(now()), &WAIT_FOR_JOB);
        }
    }
}

/// Looks and dozes, as Patience does, until one of this session's workers says something, or that of `starting`.
pub fn latch_gets_set(
    time: Instant,
    left: Option<c_long>,
    starting: Option<LinkRef>,
    event: &WaitEvent,
) -> bool {
    STATE.patience.latch_gets_set(time, left, |dozes| {
        if dozes {
            event.advertise();
        } else {
            latch::conceal_wait();
        }
        registry::running()
            .filter_map(|job| job.link.get())
            .chain(starting)
            .for_each(|link| link.channel.launcher_dozing.set(dozes));
    })
}

/// When to look for a deadlock next.
pub fn next_check() -> Deadline {
    Deadline::after(i64::from(guc::deadlock_timeout()))
}

/// One job that can never end fails a wait for all; a wait for any fails when none can.
fn check_deadlock(wanted: &Wanted<'_>) {
    let Wanted { jobs, others, goal } = *wanted;
    let find_stuck = |job: &&JobRef| {
        job.is_stuck
            .set(job.is_running() && deadlock::waits_for_us(job.pid.get()));
        job.is_stuck.get()
    };
    let is_stuck =
        |other: &&Other| directory::is_running(other.id) && deadlock::waits_for_us(other.pid);
    let victims = jobs.iter().filter(find_stuck).count();
    let stuck_others = others.iter().filter(is_stuck).count();
    let hopeless = match goal {
        WaitFor::All => victims + stuck_others > 0,
        WaitFor::Any => {
            victims + stuck_others > 0 && victims + stuck_others == jobs.len() + others.len()
        }
    };
    if !hopeless {
        return;
    }
    if let (0, Some(other)) = (victims, others.iter().find(is_stuck)) {
        // It is not ours to cancel, nor need it be: our locks go with our transaction.
        raise_deadlock(other.pid, false, deadlock::hint(other.pid))
    }
    // Those that were found: when one of them ends, another may wait for nothing for a moment.
    let was_stuck = |job: &&JobRef| job.is_stuck.get();
    let Some(first) = jobs.iter().find(was_stuck) else {
        return;
    };
    let pid = first.pid.get();
    // Once it is cancelled, nobody can tell.
    let hint = deadlock::hint(pid);
    jobs.iter().filter(was_stuck).for_each(|job| {
        job.cancel();
        injection::point("deadlock-canceled");
    });
    raise_deadlock(pid, true, hint)
}

/// 40P01: the worker waits for us while we wait for it. One of ours was cancelled.
pub fn raise_deadlock(pid: c_int, is_ours: bool, hint: Str) -> ! {
    let (whose, and_then) = if is_ours {
        ("its", " The worker was canceled.")
    } else {
        ("a", "")
    };
    Report::error(code::T_R_DEADLOCK_DETECTED)
        .message(format_args!(
            "deadlock detected between this session and {whose} background worker"
        ))
        .detail(format_args!(
            "This session waits for the worker with PID {pid}, which waits, directly or through others, for a lock \
             of this session's transaction.{and_then}"
        ))
        .hint(format_args!("{hint}"))
        .raise()
}

/// The longest time-out: a day.
const TIMEOUT_LIMIT: i32 = 86_400_000;

/// A time-out in milliseconds as given by a caller, or 22023.
pub fn check_timeout(timeout_ms: i32) -> i32 {
    if !(0..=TIMEOUT_LIMIT).contains(&timeout_ms) {
        refuse_timeout(
            timeout_ms,
            format_args!("It has to be between 0 and {TIMEOUT_LIMIT} milliseconds."),
        );
    }
    timeout_ms
}

/// A job's own time-out in milliseconds, 0 for none, or 22023.
pub fn check_job_timeout(timeout_ms: i32) -> i32 {
    if timeout_ms < 0 {
        refuse_timeout(
            timeout_ms,
            format_args!("It has to be 0, for none, or a number of milliseconds."),
        );
    }
    timeout_ms
}

fn refuse_timeout(timeout_ms: i32, detail: fmt::Arguments<'_>) -> ! {
    Report::error(code::INVALID_PARAMETER_VALUE)
        .message(format_args!("time-out {timeout_ms} is out of range"))
        .detail(detail)
        .raise()
}
