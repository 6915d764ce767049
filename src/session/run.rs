//! Launch, wait, look, detach: in one call.

use super::job::JobRef;
use super::launch::{Order, launch};
use super::result::{TIMEOUT_GRACE, result};
use super::wait::{Goal, wait};
use super::{cancel, registry};
use crate::pg::call::ResultSet;
use crate::pg::error::catch;
use crate::pg::timestamp::{Deadline, Timestamp, now};
use crate::pg_sys as sys;
use core::cell::Cell;

/// What a synchronous job came to, before it is forgotten.
pub struct Ran {
    pub job: JobRef,
    pub timed_out: bool,
    pub elapsed_ms: i64,
}

/// Runs a job to its end, or cancels it after `timeout_ms` (0: never). `report` makes the answer; then the job is
/// detached, as it is when an error or interrupt ends the wait.
pub fn run<R>(order: &Order, timeout_ms: i32, report: impl FnOnce(&Ran) -> R) -> R {
    let start = now();
    let job = launch(order);
    let in_time = Cell::new(true);
    guard(job, || {
        in_time.set(wait(&[job], Goal::All, deadline(timeout_ms)));
        if !in_time.get() {
            cancel::cancel_with_grace(&[job], TIMEOUT_GRACE);
        }
    });
    let answer = report(&Ran {
        job,
        timed_out: !in_time.get(),
        elapsed_ms: milliseconds_since(start),
    });
    registry::detach(job);
    answer
}

/// The same with the job's rows; an error of the job is raised.
pub fn run_query(order: &Order, timeout_ms: i32, set: ResultSet) -> sys::Datum {
    let job = launch(order);
    let rows = Cell::new(0);
    guard(job, || rows.set(result(job, set, deadline(timeout_ms))));
    rows.get()
}

/// Nobody has the handle of a job that `work` is about: an error there ends the job, too.
fn guard(job: JobRef, work: impl FnOnce()) {
    if let Err(caught) = catch(work) {
        cancel::cancel(job);
        registry::detach(job);
        caught.rethrow();
    }
}

fn deadline(timeout_ms: i32) -> Deadline {
    if timeout_ms == 0 {
        Deadline::NEVER
    } else {
        Deadline::after(i64::from(timeout_ms))
    }
}

fn milliseconds_since(start: Timestamp) -> i64 {
    now().saturating_sub(start).max(0).div_euclid(1000)
}
