//! Waiting and cancelling.

use super::{Handles, Known, VOID, handle, known_job, row_types, sql_functions};
use crate::directory::{self, Seen};
use crate::pg::call::{Call, ResultSet, datum};
use crate::pg::clock::Deadline;
use crate::pg::error::{Report, code};
use crate::pg::memory::Context;
use crate::pg::shape::Shape;
use crate::pg::{record, types};
use crate::pg_sys as sys;
use crate::session::job::JobRef;
use crate::session::registry::{self, Handle};
use crate::session::wait::{Other, WaitFor, check_timeout, wait};
use crate::session::{cancel, others, pump};

sql_functions! {
    /// `pg_background_wait(pid, cookie, timeout_ms)`, `(handle)`: `-> bool`; in versions before 2.0 `(pid, cookie)`
    fn pg_background_wait, pg_background_wait_v2(call) [
        (INT4, INT8, INT4) -> BOOL;
        (ROW) -> BOOL;
        (INT4, INT8) -> VOID;
    ] {
        let deadline = match call.int32(2) {
            Some(timeout) if timeout > 0 => Deadline::after(i64::from(timeout)),
            _ => Deadline::NEVER,
        };
        let finished = wait_one(call, deadline);
        if call.returns(sys::VOIDOID) { VOID } else { datum::bool(finished).unwrap_or(0) }
    }

    /// `pg_background_wait_v2_timeout(pid, cookie, timeout_ms) -> bool`, which was an integer once: 0 looks once
    fn pg_background_wait_v2_timeout(call) [
        (INT4, INT8, INT4) -> BOOL;
        (INT4, INT8, INT4) -> INT4;
    ] {
        let timeout = check_timeout(call.required(call.int32(2), "timeout_ms"));
        let finished = wait_one(call, Deadline::after(i64::from(timeout)));
        datum::bool(finished).unwrap_or(0)
    }

    /// `pg_background_wait_any(handles, timeout_ms) -> handle`
    fn pg_background_wait_any, pg_background_wait_any_v2(call) [(ROWS, INT4) -> ROW;] {
        let shape = call.shape(row_types::HANDLE);
        let deadline = deadline(call, 1);
        pump::pump_all();
        let handles = handles(call);
        let found = found(handles);
        let (jobs, others) = (known(found), known_to_others(handles, found));
        if let (Some(first), true) = (handles.first(), jobs.is_empty() && others.is_empty()) {
            registry::refuse_unknown(*first, code::OBJECT_NOT_IN_PREREQUISITE_STATE);
        }
        first_of(call, &shape, jobs, others, deadline)
    }

    /// `pg_background_wait_next(timeout_ms) -> handle`
    fn pg_background_wait_next(call) [(INT4) -> ROW;] {
        let shape = call.shape(row_types::HANDLE);
        let deadline = deadline(call, 0);
        pump::pump_all();
        first_of(call, &shape, collect(|job| !job.announced.get() && !job.in_use.get()), &[], deadline)
    }

    /// `pg_background_drain(handles, timeout_ms) -> set of outcome`
    fn pg_background_drain, pg_background_drain_v2(call) [(ROWS, INT4) -> set of ROW;] {
        let set = call.result_set();
        let deadline = deadline(call, 1);
        pump::pump_all();
        let handles = handles(call);
        drain(set, handles, found(handles), deadline)
    }

    /// `pg_background_drain_all(timeout_ms) -> set of outcome`
    fn pg_background_drain_all(call) [(INT4) -> set of ROW;] {
        let set = call.result_set();
        let deadline = deadline(call, 0);
        pump::pump_all();
        let jobs = collect(|job| !job.in_use.get());
        // In the order in which they were launched.
        let found: &[Option<JobRef>] =
            Context::current().alloc_slice(jobs.len(), |i| jobs.get(jobs.len() - 1 - i).copied());
        drain(set, &[], found, deadline)
    }

    /// `pg_background_cancel(pid, cookie, grace_ms)`, `(handle)`; in versions before 2.0 `(pid, cookie)`
    fn pg_background_cancel, pg_background_cancel_v2(call) [
        (INT4, INT8, INT4) -> VOID;
        (ROW) -> VOID;
        (INT4, INT8) -> VOID;
    ] {
        let grace = call.int32(2).filter(|grace| *grace > 0);
        match (to_cancel(call), grace) {
            (Known::Own(job), Some(grace)) => cancel::cancel_with_grace(&[job], grace),
            (Known::Own(job), None) => cancel::cancel(job),
            (Known::Other(seen), Some(grace)) => others::cancel_with_grace(seen, grace),
            (Known::Other(seen), None) => others::cancel(seen),
        }
        VOID
    }

    /// `pg_background_cancel_v2_grace(pid, cookie, grace_ms)`
    fn pg_background_cancel_v2_grace(call) [(INT4, INT8, INT4) -> VOID;] {
        let grace = call.required(call.int32(2), "grace_ms");
        match to_cancel(call) {
            Known::Own(job) => cancel::cancel_with_grace(&[job], grace),
            Known::Other(seen) => others::cancel_with_grace(seen, grace),
        }
        VOID
    }

    /// `pg_background_cancel_all() -> count`
    fn pg_background_cancel_all, pg_background_cancel_all_v2(_call) [() -> INT4;] {
        pump::pump_all();
        let jobs = collect(|job| job.is_running());
        jobs.iter().for_each(|job| cancel::cancel(*job));
        datum::int32(jobs.len() as i32).unwrap_or(0)
    }

    /// `pg_background_cancel_by_label(pattern, grace_ms) -> count`
    fn pg_background_cancel_by_label, pg_background_cancel_by_label_v2(call) [(TEXT, INT4) -> INT4;] {
        let pattern = call.required(call.text(0), "pattern");
        let grace = call.required(call.int32(1), "grace_ms");
        pump::pump_all();
        let is_like = |job: JobRef| job.label.is_some_and(|label| types::is_like(label, pattern));
        let jobs = collect(|job| job.is_running() && is_like(job));
        if grace > 0 && !jobs.is_empty() {
            cancel::cancel_with_grace(jobs, grace);
        } else {
            jobs.iter().for_each(|job| cancel::cancel(*job));
        }
        datum::int32(jobs.len() as i32).unwrap_or(0)
    }
}

/// Waits for the job of the first arguments.
fn wait_one(call: Call, deadline: Deadline) -> bool {
    match known_job(call) {
        Known::Own(job) => wait(&[job], WaitFor::All, deadline),
        Known::Other(seen) => others::wait(&[], &[other(seen)], WaitFor::All, deadline),
    }
}

fn other(seen: &Seen) -> Other {
    Other {
        pid: seen.job.pid,
        id: seen.job.id,
    }
}

/// What the arguments name, for whoever may cancel it.
fn to_cancel(call: Call) -> Known {
    pump::pump_all();
    let handle = handle(call);
    registry::look_up(handle)
        .map(Known::Own)
        .or_else(|| others::look_up_to_cancel(handle).map(Known::Other))
        .unwrap_or_else(|| registry::refuse_unknown(handle, code::OBJECT_NOT_IN_PREREQUISITE_STATE))
}

/// A time-out of which 0 means none.
fn deadline(call: Call, i: usize) -> Deadline {
    match check_timeout(call.required(call.int32(i), "timeout_ms")) {
        0 => Deadline::NEVER,
        timeout => Deadline::after(i64::from(timeout)),
    }
}

/// The handles of the first argument, in the current memory context.
fn handles<'a>(call: Call) -> &'a [Handle] {
    let array = call.required(call.datum(0), "handles");
    // SAFETY: the declaration says that it is an array of a row type, and it is not null; row types are aligned as doubles.
    let rows = unsafe { record::elements(array, sys::TYPALIGN_DOUBLE) };
    let mut reader = Handles::new();
    Context::current().alloc_slice(rows.len(), |i| {
        // SAFETY: an element of such an array.
        match rows[i].map(|row| unsafe { reader.read(row) }) {
            Some(Some(handle)) => handle,
            _ => Report::error(code::NULL_VALUE_NOT_ALLOWED)
                .message(format_args!("handles must not contain null values"))
                .raise(),
        }
    })
}

/// The job of each of those handles, if it has one, in the current memory context. To look for one takes as long as there are jobs.
fn found<'a>(handles: &[Handle]) -> &'a [Option<JobRef>] {
    Context::current().alloc_slice(handles.len(), |i| registry::look_up(handles[i]))
}

/// Those that were found, in the current memory context.
fn known<'a>(found: &[Option<JobRef>]) -> &'a [JobRef] {
    let jobs = found.iter().flatten().copied();
    Context::current().alloc_from(jobs.clone().count(), jobs)
}

/// Those handles for which nothing was `found`, because this session does not track the job, but which the directory knows, in the
/// current memory context.
fn known_to_others<'a>(handles: &[Handle], found: &[Option<JobRef>]) -> &'a [Other] {
    let mut kept = 0;
    let none = Other { pid: 0, id: 0 };
    let others = Context::current().alloc_slice(handles.len(), |_| none);
    for (handle, _) in handles
        .iter()
        .zip(found)
        .filter(|(_, found)| found.is_none())
    {
        if let Some(seen) = others::look_up(*handle) {
            others[kept] = other(seen);
            kept += 1;
        }
    }
    &others[..kept]
}

/// Waits for the first of the jobs; NULL when there is none in time.
fn first_of(
    call: Call,
    shape: &Shape,
    jobs: &[JobRef],
    others: &[Other],
    deadline: Deadline,
) -> sys::Datum {
    others::wait(jobs, others, WaitFor::Any, deadline);
    let finished = jobs.iter().filter(|job| !job.is_running());
    if let Some(job) = finished.min_by_key(|job| job.finished_as.get()) {
        job.announced.set(true);
        return shape.row(&[datum::int32(job.pid.get()), datum::int64(job.cookie)]);
    }
    match others.iter().find(|other| !directory::is_running(other.id)) {
        Some(other) => shape.row(&[datum::int32(other.pid), datum::int64(other.id)]),
        None => call.null(),
    }
}

/// Waits for all, answers what came of each and forgets those that have ended. Where nothing was `found` for one of the
/// `handles`, the directory may know the job.
fn drain(
    set: ResultSet,
    handles: &[Handle],
    found: &[Option<JobRef>],
    deadline: Deadline,
) -> sys::Datum {
    let shape = set.shape(row_types::OUTCOME);
    let jobs = known(found);
    others::wait(
        jobs,
        known_to_others(handles, found),
        WaitFor::All,
        deadline,
    );
    let store = set.begin();
    for (i, job) in found.iter().enumerate() {
        let unknown = handles.get(i).filter(|_| job.is_none());
        match (job, unknown.and_then(|handle| others::look_up(*handle))) {
            (Some(job), _) => set.put(store, &shape, &super::info::outcome_columns(job)),
            (None, Some(seen)) => {
                set.put(store, &shape, &super::cluster::outcome_columns(&seen.job));
            }
            (None, None) => set.put(store, &shape, &[]),
        }
    }
    for (i, job) in jobs.iter().enumerate() {
        let named_again = jobs.iter().skip(i + 1).any(|other| other == job);
        if !job.is_running() && !named_again {
            registry::detach(*job);
        }
    }
    set.finish(store)
}

/// The jobs that fit and the current user may touch, newest first, in the current memory context.
fn collect<'a>(fits: impl Fn(JobRef) -> bool) -> &'a [JobRef] {
    let jobs = Context::current().alloc_from(registry::tracked().count(), registry::tracked());
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
