//! Many statements in one call.

use super::launching::run_columns;
use super::rows::set_of_rowtype;
use super::{row_types, sql_functions};
use crate::channel::wire::expected::Expected;
use crate::channel::wire::parameters::Parameters;
use crate::directory::Mode;
use crate::pg::call::{Call, datum};
use crate::pg::clock::Deadline;
use crate::pg::error::{Report, code};
use crate::pg::memory::Context;
use crate::pg::text::{Str, format, text_to_str};
use crate::pg::{record, snapshot, xact};
use crate::pg_sys as sys;
use crate::rows::expected;
use crate::session::batch::{self, Batch};
use crate::session::job::State;
use crate::session::launch::{Options, Order};
use crate::session::{parameters, result, run, wait};
use crate::worker;
use core::cell::Cell;

sql_functions! {
    /// `pg_background_run_all(statements, params, max_parallel, stop_on_error, timeout_ms, label, snapshot, retries)
    /// -> set of batch_result`
    fn pg_background_run_all(call) [
        (TEXTS, RECORDS, INT4, BOOL, INT4, TEXT, BOOL, INT4) -> set of ROW;
    ] {
        let set = call.result_set();
        let shape = set.shape(row_types::BATCH_RESULT);
        let tasks = Tasks::of(call, 0);
        let batch = Batch {
            count: tasks.count,
            max_parallel: count(call.int32(2), "max_parallel"),
            stop_on_error: call.bool(3) == Some(true),
            deadline: run::deadline(wait::check_timeout(call.int32(4).unwrap_or(0))),
            retries: i32::try_from(count(call.int32(7), "retries")).unwrap_or(i32::MAX),
        };
        let order = tasks.order(call.text(5), snapshot_of(call, 6, batch.retries), None);
        let store = set.begin();
        let context = Context::current();
        let places: &mut [Option<&[Option<sys::Datum>; COLUMNS]>] =
            context.alloc_slice(batch.count, |_| None);
        let results = Cell::from_mut(places).as_slice_of_cells();
        let progress = Announcer::new(batch.count);
        batch::run(&batch, &order, &|ended| {
            let mut columns = [None; COLUMNS];
            columns[0] = number(ended.number);
            columns[1] = datum::int32(ended.attempts);
            columns[2..].copy_from_slice(&run_columns(&ended.ran));
            // SAFETY: nobody else knows the place, which lives as long as the call.
            results[ended.number].set(Some(unsafe { context.alloc_for(columns).as_ref() }));
            progress.one_more();
        });
        for (i, result) in results.iter().enumerate() {
            let mut not_started = [None; COLUMNS];
            not_started[0] = number(i);
            not_started[1] = datum::int32(0);
            set.put(store, &shape, result.get().unwrap_or(&not_started));
        }
        set.finish(store)
    }
}

sql_functions! {
    /// `pg_background_query_all(rowtype, statements, params, max_parallel, timeout_ms, label, snapshot)
    /// -> set of anyelement`
    fn pg_background_query_all(call) [
        (ANYELEMENT, TEXTS, RECORDS, INT4, INT4, TEXT, BOOL) -> set of ANYELEMENT;
    ] {
        let set = set_of_rowtype(call);
        let tasks = Tasks::of(call, 1);
        let batch = Batch {
            count: tasks.count,
            max_parallel: count(call.int32(3), "max_parallel"),
            stop_on_error: true,
            deadline: run::deadline(wait::check_timeout(call.int32(4).unwrap_or(0))),
            retries: 0,
        };
        let expected = Some(expected::of(set.desc));
        let order = tasks.order(call.text(5), snapshot_of(call, 6, 0), expected);
        let store = set.begin();
        let progress = Announcer::new(batch.count);
        batch::run(&batch, &order, &|ended| {
            let job = ended.ran.job;
            // What has succeeded meanwhile is never reported as canceled.
            if ended.ran.timed_out && job.state.get() != State::Stopped {
                result::raise_time_out(&job);
            }
            result::take_rows(job, set.desc, store);
            progress.one_more();
        });
        if progress.done.get() < batch.count {
            raise_time_out();
        }
        set.check_row_type();
        set.finish(store)
    }
}

/// The time is over, and nothing ran that could be cancelled for it.
fn raise_time_out() -> ! {
    Report::error(code::QUERY_CANCELED)
        .message(format_args!("canceling background jobs due to time-out"))
        .raise()
}

/// Columns of pg_background_batch_result.
const COLUMNS: usize = row_types::BATCH_RESULT.len();

/// Numbers of statements start with 1.
fn number(i: usize) -> Option<sys::Datum> {
    datum::int32(i32::try_from(i + 1).unwrap_or(i32::MAX))
}

/// A number of something, 0 by default; 22023 for a negative one.
fn count(given: Option<i32>, name: &str) -> usize {
    let given = given.unwrap_or(0);
    usize::try_from(given).unwrap_or_else(|_| {
        Report::error(code::INVALID_PARAMETER_VALUE)
            .message(format_args!("{name} must not be negative"))
            .detail(format_args!("It is {given}."))
            .raise()
    })
}

/// One snapshot for all, if it is wanted.
fn snapshot_of(call: Call, i: usize, retries: i32) -> Option<Str> {
    if call.bool(i) != Some(true) {
        return None;
    }
    if retries > 0 {
        Report::error(code::INVALID_PARAMETER_VALUE)
            .message(format_args!("a job with a snapshot cannot be retried"))
            .detail(format_args!("It would see the same again, and fail again."))
            .raise();
    }
    xact::check_may_launch();
    Some(snapshot::export())
}

/// The statements and their parameters, as they were given.
#[derive(Clone, Copy)]
struct Tasks<'a> {
    statements: &'a [Option<sys::Datum>],
    params: Option<&'a [Option<sys::Datum>]>,
    count: usize,
}

impl<'a> Tasks<'a> {
    /// The arguments (statements, params) from `first` on: a record for each statement, or one statement and a record for each run of it.
    fn of(call: Call, first: usize) -> Self {
        let statements = call.required(call.datum(first), "statements");
        // SAFETY: the declaration was compared and says text[] and record[].
        let (statements, params) = unsafe {
            (
                record::elements(statements, sys::TYPALIGN_INT),
                call.datum(first + 1)
                    .map(|params| record::elements(params, sys::TYPALIGN_DOUBLE)),
            )
        };
        if statements.iter().any(Option::is_none) {
            Report::error(code::NULL_VALUE_NOT_ALLOWED)
                .message(format_args!("array \"statements\" must not have a null"))
                .raise();
        }
        let count = match params {
            Some(params) if statements.len() == 1 => params.len(),
            Some(params) if params.len() != statements.len() => {
                Report::error(code::INVALID_PARAMETER_VALUE)
                    .message(format_args!("params does not go with statements"))
                    .detail(format_args!(
                        "There are {} statements and {} records.",
                        statements.len(),
                        params.len()
                    ))
                    .hint(format_args!(
                        "Give one record for each statement, or one statement and a record for each run of it."
                    ))
                    .raise()
            }
            _ => statements.len(),
        };
        Self {
            statements,
            params,
            count,
        }
    }

    /// Makes the order of each, in the current memory context. Without columns nobody wants the rows.
    fn order(
        self,
        label: Option<Str>,
        snapshot: Option<Str>,
        expected: Option<Expected<'static>>,
    ) -> impl Fn(usize, Deadline) -> Order<'static> + use<'a> {
        move |i, deadline| {
            let statement = self.statements.get(i).or(self.statements.first());
            let Some(Some(statement)) = statement else {
                unreachable!()
            };
            let record = self.params.and_then(|params| *params.get(i)?);
            // SAFETY: elements of a text[] and of a record[].
            unsafe {
                Order {
                    sql: text_to_str(*statement),
                    queue_size: 0,
                    label,
                    submitted: expected.is_none(),
                    with_cookie: true,
                    keeps_worker: false,
                    mode: Mode::Batch,
                    deadline,
                    expected: expected.unwrap_or(Expected::Anything),
                    options: Options {
                        parameters: record
                            .map_or(Parameters::NONE, |record| parameters::of_record(record)),
                        timeout_ms: None,
                        snapshot,
                        channel: None,
                    },
                }
            }
        }
    }
}

/// Tells how far a batch has come that runs in a job itself.
struct Announcer {
    context: Context,
    done: Cell<usize>,
    count: usize,
}

impl Announcer {
    fn new(count: usize) -> Self {
        Self {
            context: Context::current().create(c"pg_background progress"),
            done: Cell::new(0),
            count,
        }
    }

    fn one_more(&self) {
        self.done.set(self.done.get() + 1);
        if !worker::in_job() {
            return;
        }
        let (done, count) = (self.done.get(), self.count);
        let percent = i32::try_from(done.saturating_mul(100) / count.max(1)).unwrap_or(100);
        self.context.run(|| {
            let message = format(format_args!("{done} of {count}"));
            worker::report_progress(percent, Some(message));
        });
        self.context.reset();
    }
}
