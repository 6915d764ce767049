//! Launching, results, detaching.

use super::{VOID, handle, job, job_by_pid, row_types, sql_functions};
use crate::pg::call::{Call, datum};
use crate::pg::columns;
use crate::pg::error::{code, sqlstate_text};
use crate::pg::timestamp::Deadline;
use crate::pg_sys as sys;
use crate::session::job::JobRef;
use crate::session::launch::{Order, launch};
use crate::session::run::{Ran, run, run_query};
use crate::session::{pump, registry, result, wait};

sql_functions! {
    /// `pg_background_launch(sql, queue_size) -> pid`
    fn pg_background_launch(call) {
        let job = launch(&Order { with_cookie: false, ..order(call, None) });
        datum::int32(job.pid).unwrap_or(0)
    }

    /// `pg_background_launch_v2(sql, queue_size [, label]) -> handle`
    fn pg_background_launch_v2(call) {
        handle_row(call, launch(&order(call, Some(2))))
    }

    /// `pg_background_submit_v2(sql, queue_size [, label]) -> handle`
    fn pg_background_submit_v2(call) {
        handle_row(call, launch(&Order { submitted: true, ..order(call, Some(2)) }))
    }

    /// `pg_background_result(pid) -> setof record`
    fn pg_background_result(call) {
        let set = call.result_set();
        result::result(job_by_pid(call), set, Deadline::NEVER)
    }

    /// `pg_background_result_v2(pid, cookie) -> setof record`
    fn pg_background_result_v2(call) {
        let set = call.result_set();
        result::result(registry::get(handle(call), code::UNDEFINED_OBJECT), set, Deadline::NEVER)
    }

    /// `pg_background_run_v2(sql, queue_size, timeout_ms, label) -> run_result`
    fn pg_background_run_v2(call) {
        let timeout_ms = timeout(call);
        let order = Order { submitted: true, ..order(call, Some(3)) };
        run(&order, timeout_ms, |ran| run_row(call, ran))
    }

    /// `pg_background_run_query_v2(sql, queue_size, timeout_ms, label, col_def) -> setof record`
    fn pg_background_run_query_v2(call) {
        let set = call.result_set();
        let timeout_ms = timeout(call);
        if let Some(list) = call.text(4) {
            columns::check_list(list, set.desc);
        }
        run_query(&order(call, Some(3)), timeout_ms, set)
    }

    /// `pg_background_detach(pid)`
    fn pg_background_detach(call) {
        registry::detach(job_by_pid(call));
        VOID
    }

    /// `pg_background_detach_v2(pid, cookie)`
    fn pg_background_detach_v2(call) {
        registry::detach(job(call));
        VOID
    }

    /// `pg_background_detach_all_v2() -> count`
    fn pg_background_detach_all_v2(_call) {
        detach_where(|_| true)
    }

    /// `pg_background_purge_v2() -> count`
    fn pg_background_purge_v2(_call) {
        detach_where(|job| !job.is_running())
    }
}

/// The arguments that every launching function has: (sql, queue_size), and a label where the declaration has one.
fn order(call: Call, label: Option<usize>) -> Order {
    Order {
        sql: call.required(call.text(0), "sql"),
        queue_size: call.required(call.int32(1), "queue_size"),
        label: label.and_then(|i| call.text(i)),
        submitted: false,
        with_cookie: true,
    }
}

fn timeout(call: Call) -> i32 {
    wait::check_timeout(call.required(call.int32(2), "timeout_ms"))
}

fn handle_row(call: Call, job: JobRef) -> sys::Datum {
    call.row(
        row_types::HANDLE,
        &[datum::int32(job.pid), datum::int64(job.cookie)],
    )
}

fn run_row(call: Call, ran: &Ran) -> sys::Datum {
    let outcome = ran.job.outcome.get();
    // A job may succeed while it is being cancelled; one that cannot be ended in time is still running.
    let is_final = !ran.job.is_running();
    let sqlstate = if is_final {
        outcome.sqlstate
    } else {
        code::QUERY_CANCELED
    };
    let failed = sqlstate != 0;
    call.row(
        row_types::RUN_RESULT,
        &[
            datum::int32(ran.job.pid),
            datum::bool(is_final && !(ran.timed_out && failed)),
            datum::bool(ran.timed_out),
            datum::bool(failed),
            datum::int64(outcome.row_count),
            outcome.command_tag.and_then(datum::text),
            if failed {
                datum::text_from_bytes(&sqlstate_text(sqlstate))
            } else {
                None
            },
            outcome.fields.message.and_then(datum::text),
            datum::int64(ran.elapsed_ms),
        ],
    )
}

/// Detaches what fits and the current user may touch; how many.
fn detach_where(fits: impl Fn(JobRef) -> bool) -> sys::Datum {
    pump::pump_all();
    let mut count = 0;
    for job in registry::tracked() {
        if fits(job) && !job.in_use.get() && registry::may_see(&job) {
            registry::detach(job);
            count += 1;
        }
    }
    datum::int32(count).unwrap_or(0)
}
