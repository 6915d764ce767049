//! Launching and running: the options that these have.

use super::options::{OF_LAUNCH, OF_RUN, OF_RUN_QUERY, Places, options};
use super::{row_types, sql_functions};
use crate::channel::wire::expected::Expected;
use crate::directory::Mode;
use crate::pg::call::{Call, datum};
use crate::pg::clock::Deadline;
use crate::pg::error::{code, sqlstate_text};
use crate::pg_sys as sys;
use crate::rows::{expected, list};
use crate::session::launch::{Order, launch};
use crate::session::run::{self, Ran, run, run_query};
use crate::session::wait;

sql_functions! {
    /// `pg_background_launch(sql, queue_size, ...) -> handle`; in version 1 `-> pid`
    fn pg_background_launch(call) [
        (TEXT, INT4, TEXT, RECORD, TEXTS, INT4, BOOL, TEXT) -> ROW;
        (TEXT, INT4) -> ROW;
        (TEXT, INT4, TEXT) -> ROW;
        (TEXT, INT4) -> INT4;
    ] {
        if call.returns(sys::INT4OID) {
            let job = launch(&Order { with_cookie: false, keeps_worker: true, ..order(call) });
            datum::int32(job.pid.get()).unwrap_or(0)
        } else {
            // Only the newest declaration has a cast to an integer beside it.
            launch_row(call, &Order { keeps_worker: call.len() > 3, ..order(call) })
        }
    }

    /// `pg_background_launch_v2(sql, queue_size [, label]) -> handle`
    fn pg_background_launch_v2(call) [
        (TEXT, INT4) -> ROW;
        (TEXT, INT4, TEXT) -> ROW;
    ] {
        launch_row(call, &order(call))
    }

    /// `pg_background_submit(sql, queue_size, ...) -> handle`
    fn pg_background_submit, pg_background_submit_v2(call) [
        (TEXT, INT4, TEXT, RECORD, TEXTS, INT4, BOOL, TEXT) -> ROW;
        (TEXT, INT4) -> ROW;
        (TEXT, INT4, TEXT) -> ROW;
    ] {
        launch_row(call, &Order { submitted: true, mode: Mode::Submit, ..order(call) })
    }

    /// `pg_background_run(sql, queue_size, timeout_ms, label, ...) -> run_result`
    fn pg_background_run, pg_background_run_v2(call) [
        (TEXT, INT4, INT4, TEXT, RECORD, TEXTS, BOOL, TEXT) -> ROW;
        (TEXT, INT4, INT4, TEXT) -> ROW;
    ] {
        let shape = call.shape(row_types::RUN_RESULT);
        let order = Order { submitted: true, ..waiting_order(call, OF_RUN) };
        run(&order, |ran| shape.row(&run_columns(ran)))
    }

    /// `pg_background_run_query(sql, queue_size, timeout_ms, label, col_def, ...) -> set of record`
    fn pg_background_run_query, pg_background_run_query_v2(call) [
        (TEXT, INT4, INT4, TEXT, TEXT, RECORD, TEXTS, BOOL) -> set of RECORD;
        (TEXT, INT4, INT4, TEXT, TEXT) -> set of RECORD;
    ] {
        let set = call.result_set();
        let order = Order { expected: expected::of(set.desc), ..waiting_order(call, OF_RUN_QUERY) };
        if let Some(col_def) = call.text(4) {
            list::check(col_def, set.desc);
        }
        run_query(&order, set)
    }
}

/// The arguments of what launches and returns: (sql, queue_size, label, params, text_params, timeout_ms, snapshot, notify),
/// or the first two or three of them.
fn order(call: Call) -> Order<'static> {
    Order {
        label: call.text(2),
        ..basic_order(call, OF_LAUNCH)
    }
}

/// The arguments of what launches and waits: (sql, queue_size, timeout_ms, label, ...).
fn waiting_order(call: Call, places: Places) -> Order<'static> {
    Order {
        label: call.text(3),
        mode: Mode::Run,
        deadline: run::deadline(wait::check_timeout(call.int32(2).unwrap_or(0))),
        ..basic_order(call, places)
    }
}

fn basic_order(call: Call, places: Places) -> Order<'static> {
    Order {
        sql: call.required(call.text(0), "sql"),
        queue_size: call.int32(1).unwrap_or(0),
        label: None,
        submitted: false,
        with_cookie: true,
        keeps_worker: false,
        mode: Mode::Launch,
        deadline: Deadline::NEVER,
        expected: Expected::Anything,
        options: options(call, places),
    }
}

/// What cannot be undone comes last: the row type is looked at before the job is launched.
fn launch_row(call: Call, order: &Order) -> sys::Datum {
    let shape = call.shape(row_types::HANDLE);
    let job = launch(order);
    shape.row(&[datum::int32(job.pid.get()), datum::int64(job.cookie)])
}

/// The columns of pg_background_run_result. A job may succeed while it is being cancelled; one that cannot be ended in
/// time is still running.
pub fn run_columns(ran: &Ran) -> [Option<sys::Datum>; 14] {
    let outcome = ran.job.outcome.get();
    let is_final = !ran.job.is_running();
    let sqlstate = if is_final {
        outcome.sqlstate
    } else {
        code::QUERY_CANCELED
    };
    let failed = sqlstate != 0;
    let [
        pid,
        cookie,
        state,
        consumed,
        _,
        _,
        _,
        tag,
        _,
        message,
        label,
        launched_at,
    ] = super::info::outcome_columns(&ran.job);
    [
        pid,
        cookie,
        state,
        consumed,
        datum::bool(is_final && !(ran.timed_out && failed)),
        datum::bool(failed),
        datum::int64(outcome.row_count),
        tag,
        if failed {
            datum::text_from_bytes(&sqlstate_text(sqlstate))
        } else {
            None
        },
        message,
        label,
        launched_at,
        datum::bool(ran.timed_out),
        datum::int64(ran.elapsed_ms),
    ]
}
