//! Delivering a job's rows to the caller, once.

use super::job::{Direct, Job, JobRef, State};
use super::wait::{WaitFor, wait, wait_until};
use super::{cancel, kept, registry, reports};
use crate::channel::wire::Malformed;
use crate::channel::wire::response::Message;
use crate::channel::wire::tuple::{Attribute, check_tuple_attributes};
use crate::injection;
use crate::pg::Datum;
use crate::pg::call::ResultSet;
use crate::pg::clock::Deadline;
use crate::pg::error::{Report, catch, check_for_interrupts, code};
use crate::pg::memory::Context;
use crate::pg::text::{Str, copy_into};
use crate::pg::tuple::{Descriptor, MinimalTuple, Slot, no_columns};
use crate::pg::tuplestore::Tuplestore;
use crate::pg::types;
use crate::rows::columns::attributes;
use crate::rows::convert;
use crate::rows::file::Trouble;
use core::ffi::c_int;
use core::ptr::NonNull;

/// Milliseconds between the cancel of a job whose time is over and the end of its worker.
pub const TIMEOUT_GRACE: i32 = 1000;

/// The job's rows as the caller declared them. Waits for the outcome, no longer than until `deadline`: then the job is
/// cancelled and 57014 raised, unless it succeeded meanwhile. The job is forgotten when all went well; an error of the job
/// is raised as it was, and the job stays with its outcome. 42804 consumes nothing of what was kept.
pub fn result(job: JobRef, set: ResultSet, deadline: Deadline) -> Datum {
    check_has_result(&job);
    let store = set.begin();
    injection::point("result-begin");
    job.in_use.set(true);
    let delivered = catch(|| deliver(job, set, store, deadline));
    job.in_use.set(false);
    let was_direct = job.direct.take().is_some();
    if let Err(caught) = delivered {
        if was_direct {
            registry::let_go(job);
        }
        caught.rethrow();
    }
    let rows = set.finish(store);
    // Last: whoever catches an error from here would still know the job.
    registry::forget(job);
    rows
}

fn check_has_result(job: &Job) {
    if job.submitted {
        Report::error(code::FEATURE_NOT_SUPPORTED)
            .message(format_args!(
                "background job of PID {} was submitted and has no result",
                job.pid.get()
            ))
            .detail(format_args!(
                "Rows of submitted jobs are discarded in the worker."
            ))
            .hint(format_args!("Launch the job instead to get rows back."))
            .raise();
    }
    if job.consumed.get() {
        Report::error(code::UNDEFINED_OBJECT)
            .message(format_args!(
                "result of the background job of PID {} was consumed already",
                job.pid.get()
            ))
            .raise();
    }
}

/// A job's rows with the columns that they have, in the memory context that was current when they were fetched.
#[derive(Clone, Copy)]
pub struct OwnRows {
    pub desc: Descriptor,
    pub sql: Str,
    store: Tuplestore,
}

impl OwnRows {
    /// Shows each in turn, once.
    pub fn each(self, mut take: impl FnMut(Slot)) {
        let slot = Slot::minimal(self.desc);
        while self.store.next(slot) {
            check_for_interrupts();
            take(slot);
        }
        slot.free();
        self.store.end();
    }
}

/// Stores the rows of a job that has ended as declared, or raises its error.
pub fn take_rows(job: JobRef, declared: Descriptor, store: Tuplestore) {
    raise_failure(&job);
    read_kept_rows(job, declared, store);
}

/// The same as `result` with the columns that the job's rows have, once it has ended.
pub fn own_rows(job: JobRef, deadline: Deadline) -> OwnRows {
    check_has_result(&job);
    let sql = copy_into(Context::current(), job.sql);
    job.in_use.set(true);
    let delivered = catch(|| {
        wait_for_success(job, deadline);
        let desc = match job.columns.get() {
            Some(columns) => columns.descriptor(),
            None => no_columns(),
        };
        let store = Tuplestore::for_executor(Context::current(), false);
        read_kept_rows(job, desc, store);
        OwnRows { desc, sql, store }
    });
    job.in_use.set(false);
    let rows = delivered.unwrap_or_else(|caught| caught.rethrow());
    registry::forget(job);
    rows
}

fn deliver(job: JobRef, set: ResultSet, store: Tuplestore, deadline: Deadline) {
    let has_columns = || !job.is_running() || job.columns.get().is_some();
    if !wait_until(&[job], WaitFor::All, deadline, has_columns) {
        time_out(job);
    }
    injection::point("result-columns");
    match job.columns.get() {
        Some(columns) if job.is_running() && columns.are_exactly(set.desc.types()) => {
            read_directly(job, set, store, deadline);
        }
        _ => read_afterwards(job, set, store, deadline),
    }
    set.check_row_type();
}

/// Rows go straight to the executor while they come. Being interrupted, the reader loses them; the job goes on.
fn read_directly(job: JobRef, set: ResultSet, store: Tuplestore, deadline: Deadline) {
    let attributes = attributes(set.desc);
    job.consumed.set(true);
    job.direct.set(Some(Direct { store, attributes }));
    injection::point("result-direct");
    if !wait(&[job], WaitFor::All, deadline) {
        time_out(job);
    }
    raise_failure(&job);
    if let Some(columns) = job.columns.get() {
        columns.check_layouts();
    }
}

/// Rows are kept until the outcome is known, then looked at.
fn read_afterwards(job: JobRef, set: ResultSet, store: Tuplestore, deadline: Deadline) {
    wait_for_success(job, deadline);
    read_kept_rows(job, set.desc, store);
}

/// Waits for the outcome, and raises it if it is an error.
fn wait_for_success(job: JobRef, deadline: Deadline) {
    if !wait(&[job], WaitFor::All, deadline) {
        time_out(job);
    }
    if job.state.get() != State::Stopped {
        job.consumed.set(true);
    }
    raise_failure(&job);
}

/// Looks at the rows of a job that has succeeded, and stores them as declared.
fn read_kept_rows(job: JobRef, declared: Descriptor, store: Tuplestore) {
    let Some(columns) = job.columns.get() else {
        return;
    };
    if columns.are_exactly(declared.types()) {
        columns.check_layouts();
        let attributes = attributes(declared);
        read_kept(job, |tuple| store_checked(&job, store, tuple, attributes));
        return;
    }
    types::accept_invalidations();
    let source = columns.descriptor();
    columns.check_layouts();
    let projection = convert::plan(columns, source, declared);
    let attributes = attributes(source);
    let slot = Slot::minimal(source);
    read_kept(job, |tuple| {
        check(&job, tuple, attributes);
        injection::point("result-row");
        slot.store(tuple);
        store.put_slot(projection.row(slot));
        slot.clear();
    });
    slot.free();
}

/// Calls `each` with every row that was kept. Notices on the way go to the client, each once.
fn read_kept(job: JobRef, mut each: impl FnMut(MinimalTuple<'_>)) {
    let mut stream = job.stream.get();
    let mut notices = 0;
    let replayed = kept::replay(job, |message| {
        check_for_interrupts();
        match stream.accept(message)? {
            Message::Rows(rows) => {
                for bytes in rows.tuples() {
                    each(MinimalTuple::from_bytes(bytes).ok_or(Malformed::TupleLength)?);
                }
            }
            Message::Notice(report, encoding) => {
                notices += 1;
                if notices > job.noticed.get() {
                    job.noticed.set(notices);
                    reports::pass_on(&job, &report, c_int::from(encoding));
                }
            }
            // Its only description was met before; and it has succeeded.
            Message::Description(_) | Message::Error(..) => {}
        }
        Ok(())
    });
    if let Err(malformed) = replayed {
        raise_malformed(&job, malformed);
    }
}

/// The caller's time is over: ends the job and says so, unless it has succeeded meanwhile. What was committed is never
/// reported as canceled.
fn time_out(job: JobRef) {
    cancel::cancel_with_grace(&[job], TIMEOUT_GRACE);
    if job.state.get() != State::Stopped {
        raise_time_out(&job);
    }
}

/// 57014 for a job that was cancelled since the caller's time was over.
pub fn raise_time_out(job: &Job) -> ! {
    Report::error(code::QUERY_CANCELED)
        .message(format_args!(
            "canceling background job of PID {} due to time-out",
            job.pid.get()
        ))
        .raise()
}

/// Raises what kept the job, or its rows, from being there.
fn raise_failure(job: &Job) {
    if let Some(error) = job.rows_lost.get() {
        job.consumed.set(true);
        error.rethrow();
    }
    let outcome = job.outcome.get();
    if outcome.sqlstate != 0 {
        Report::error(outcome.sqlstate)
            .fields(&job.in_context(outcome.fields))
            .raise();
    }
}

fn store_checked(
    job: &Job,
    store: Tuplestore,
    tuple: MinimalTuple<'_>,
    attributes: NonNull<[Attribute]>,
) {
    check(job, tuple, attributes);
    store.put(tuple);
}

/// What a row claims about itself has to fit its columns before anything reads it as a row: 08P01.
fn check(job: &Job, tuple: MinimalTuple<'_>, attributes: NonNull<[Attribute]>) {
    // SAFETY: the attributes live in the caller's memory context.
    let attributes = unsafe { attributes.as_ref() };
    if let Err(malformed) = check_tuple_attributes(tuple.bytes(), attributes) {
        raise_malformed(job, malformed);
    }
}

fn raise_malformed(job: &Job, malformed: Malformed) -> ! {
    job.consumed.set(true);
    Trouble::Malformed(malformed).raise(job.file, None)
}
