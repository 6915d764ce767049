//! Waiting and cancelling.

use super::{VOID, job, row_types, sql_functions};
use crate::pg::array::Composites;
use crate::pg::call::{Call, datum};
use crate::pg::error::{Report, code};
use crate::pg::memory::Context;
use crate::pg::timestamp::Deadline;
use crate::pg::types;
use crate::session::job::JobRef;
use crate::session::registry::{self, Handle};
use crate::session::wait::{Goal, check_timeout, wait};
use crate::session::{cancel, pump};

sql_functions! {
    /// `pg_background_wait_v2(pid, cookie)`
    fn pg_background_wait_v2(call) {
        wait(&[job(call)], Goal::All, Deadline::NEVER);
        VOID
    }

    /// `pg_background_wait_v2_timeout(pid, cookie, timeout_ms) -> bool`
    fn pg_background_wait_v2_timeout(call) {
        let timeout = check_timeout(call.required(call.int32(2), "timeout_ms"));
        let finished = wait(&[job(call)], Goal::All, Deadline::after(i64::from(timeout)));
        datum::bool(finished).unwrap_or(0)
    }

    /// `pg_background_wait_any_v2(handles, timeout_ms) -> handle`
    fn pg_background_wait_any_v2(call) {
        let deadline = deadline(call, 1);
        let jobs = jobs(call);
        wait(jobs, Goal::Any, deadline);
        match jobs.iter().filter(|job| !job.is_running()).min_by_key(|job| job.outcome.get().finished_at) {
            Some(job) => call.row(row_types::HANDLE, &[datum::int32(job.pid), datum::int64(job.cookie)]),
            None => call.null(),
        }
    }

    /// `pg_background_drain_v2(handles, timeout_ms) -> setof outcome`
    fn pg_background_drain_v2(call) {
        let set = call.result_set();
        let deadline = deadline(call, 1);
        let jobs = jobs(call);
        wait(jobs, Goal::All, deadline);
        let store = set.begin();
        for job in jobs {
            set.put(store, row_types::OUTCOME, &super::info::outcome_columns(job));
        }
        for (i, job) in jobs.iter().enumerate() {
            let named_again = jobs.iter().skip(i + 1).any(|other| other == job);
            if !job.is_running() && !named_again {
                registry::detach(*job);
            }
        }
        set.finish(store)
    }

    /// `pg_background_cancel_v2(pid, cookie)`
    fn pg_background_cancel_v2(call) {
        cancel::cancel(job(call));
        VOID
    }

    /// `pg_background_cancel_v2_grace(pid, cookie, grace_ms)`
    fn pg_background_cancel_v2_grace(call) {
        let grace = call.required(call.int32(2), "grace_ms");
        cancel::cancel_with_grace(&[job(call)], grace);
        VOID
    }

    /// `pg_background_cancel_all_v2() -> count`
    fn pg_background_cancel_all_v2(_call) {
        pump::pump_all();
        let jobs = collect(|_| true);
        jobs.iter().for_each(|job| cancel::cancel(*job));
        datum::int32(jobs.len() as i32).unwrap_or(0)
    }

    /// `pg_background_cancel_by_label_v2(pattern, grace_ms) -> count`
    fn pg_background_cancel_by_label_v2(call) {
        let pattern = call.required(call.text(0), "pattern");
        let grace = call.required(call.int32(1), "grace_ms");
        pump::pump_all();
        let jobs = collect(|job| job.label.is_some_and(|label| types::is_like(label, pattern)));
        if grace > 0 && !jobs.is_empty() {
            cancel::cancel_with_grace(jobs, grace);
        } else {
            jobs.iter().for_each(|job| cancel::cancel(*job));
        }
        datum::int32(jobs.len() as i32).unwrap_or(0)
    }
}

/// A time-out of which 0 means none.
fn deadline(call: Call, i: usize) -> Deadline {
    match check_timeout(call.required(call.int32(i), "timeout_ms")) {
        0 => Deadline::NEVER,
        timeout => Deadline::after(i64::from(timeout)),
    }
}

/// The jobs of an array of handles, in the current memory context. Every one has to be known: otherwise nothing is waited
/// for.
fn jobs<'a>(call: Call) -> &'a [JobRef] {
    // SAFETY: the SQL declaration says pg_background_handle[].
    let handles = unsafe { Composites::of(call.required(call.datum(0), "handles")) };
    Context::current().alloc_slice(handles.len(), |i| {
        let (Some(pid), Some(cookie)) = (handles.int32(i, 1), handles.int64(i, 2)) else {
            Report::error(code::NULL_VALUE_NOT_ALLOWED)
                .message(format_args!("handles must not contain null values"))
                .raise()
        };
        registry::get(
            Handle::PidAndCookie(pid, cookie),
            code::OBJECT_NOT_IN_PREREQUISITE_STATE,
        )
    })
}

/// The running jobs that fit and the current user may touch, in the current memory context.
fn collect<'a>(fits: impl Fn(JobRef) -> bool) -> &'a [JobRef] {
    let running = || registry::tracked().filter(|job| job.is_running());
    let mut next = running();
    let jobs = Context::current().alloc_slice(running().count(), |_| match next.next() {
        Some(job) => job,
        None => unreachable!(),
    });
    // Rights are asked once for each: they may change in between.
    let mut kept = 0;
    for i in 0..jobs.len() {
        let job = jobs[i];
        if registry::may_see(&job) && fits(job) {
            jobs[kept] = job;
            kept += 1;
        }
    }
    &jobs[..kept]
}
