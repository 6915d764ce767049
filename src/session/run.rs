//! Launch, wait, look, detach: in one call.

use super::job::JobRef;
use super::launch::{Order, launch};
use super::result::{TIMEOUT_GRACE, result};
use super::wait::{WaitFor, wait, wait_until};
use super::{STATE, cancel, registry};
use crate::pg::Datum;
use crate::pg::call::ResultSet;
use crate::pg::clock::{Deadline, Instant, now};
use crate::pg::error::catch;
use crate::pg::process;

/// What a synchronous job came to, before it is forgotten.
pub struct Ran {
    pub job: JobRef,
    pub timed_out: bool,
    pub elapsed_ms: i64,
}

/// Runs a job to its end, or cancels it when the order's time is over. `report` makes the answer; then the job is
/// detached, as it is when an error or interrupt ends the wait.
pub fn run<R>(order: &Order<'_>, report: impl FnOnce(&Ran) -> R) -> R {
    let start = now();
    let (job, in_time) = launch_and(order, |job| {
        let in_time = wait(&[job], WaitFor::All, order.deadline);
        if !in_time {
            cancel::cancel_with_grace(&[job], TIMEOUT_GRACE);
        }
        in_time
    });
    let answer = report(&Ran {
        job,
        timed_out: !in_time,
        elapsed_ms: milliseconds_since(start),
    });
    registry::detach(job);
    answer
}

/// The same with the job's rows, which are as the order expects them; an error of the job is raised.
pub fn run_query(order: &Order<'_>, set: ResultSet) -> Datum {
    let job = begin(order);
    guard(job, || result(job, set, order.deadline))
}

/// Launches a job and waits until its worker has it.
fn begin(order: &Order<'_>) -> JobRef {
    // Nobody is woken for that, but by what the job says: a moment later is early enough to see whether it has begun.
    let (job, _) = launch_and(order, |job| {
        wait_until(&[job], WaitFor::Any, order.deadline, || !job.is_claimed());
    });
    job
}

/// Launches a job and waits for it in some way. A worker that leaves before the job has begun costs another one, and nothing else.
fn launch_and<T: Copy>(order: &Order<'_>, wait: impl Fn(JobRef) -> T) -> (JobRef, T) {
    loop {
        let job = launch(order);
        let waited = guard(job, || wait(job));
        if !job.is_left.get() {
            return (job, waited);
        }
        registry::take_back(job);
    }
}

/// Nobody has the handle of a job that `work` is about: an error there ends the job, too, and so does the session's end.
fn guard<T: Copy>(job: JobRef, work: impl FnOnce() -> T) -> T {
    end_with_session(job);
    catch(work).unwrap_or_else(|caught| {
        cancel::cancel(job);
        registry::detach(job);
        caught.rethrow()
    })
}

/// The job is cancelled when the session ends before it.
pub fn end_with_session(job: JobRef) {
    if !STATE.ends_are_told.replace(true) {
        process::before_exit(on_exit);
    }
    job.is_synchronous.set(true);
}

/// The session was terminated, or has lost its client: who would have waited for these jobs is not there any more.
fn on_exit() {
    registry::running()
        .filter(|job| job.is_synchronous.get())
        .for_each(cancel::cancel);
}

/// When a time-out in milliseconds, 0 for none, is over.
pub fn deadline(timeout_ms: i32) -> Deadline {
    if timeout_ms == 0 {
        Deadline::NEVER
    } else {
        Deadline::after(i64::from(timeout_ms))
    }
}

pub fn milliseconds_since(start: Instant) -> i64 {
    now().saturating_sub(start).max(0).div_euclid(1000)
}
