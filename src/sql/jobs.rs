//! Results, detaching.

use super::{VOID, job, job_or, row_types, sql_functions};
use crate::pg::call::datum;
use crate::pg::clock::Deadline;
use crate::pg::error::code;
use crate::pg_sys as sys;
use crate::session::job::JobRef;
use crate::session::{pump, registry, result};

sql_functions! {
    /// `pg_background_result(pid, cookie)`, `(handle)`, in version 1 `(pid)`: `-> set of record`
    fn pg_background_result, pg_background_result_v2(call) [
        (INT4, INT8) -> set of RECORD;
        (ROW) -> set of RECORD;
        (INT4) -> set of RECORD;
    ] {
        let set = call.result_set();
        result::result(job_or(call, code::UNDEFINED_OBJECT), set, Deadline::NEVER)
    }

    /// `pg_background_detach(pid, cookie)`, `(handle)`, in version 1 `(pid)`
    fn pg_background_detach, pg_background_detach_v2(call) [
        (INT4, INT8) -> VOID;
        (ROW) -> VOID;
        (INT4) -> VOID;
    ] {
        registry::detach(job(call));
        VOID
    }

    /// `pg_background_detach_all() -> count`
    fn pg_background_detach_all, pg_background_detach_all_v2(_call) [() -> INT4;] {
        detach_where(|_| true)
    }

    /// `pg_background_purge() -> count`
    fn pg_background_purge, pg_background_purge_v2(_call) [() -> INT4;] {
        detach_where(|job| !job.is_running())
    }

    /// `pg_background_handle(pid) -> handle`: of the newest job on the process, whenever it is used
    fn pg_background_handle(call) [(INT4) -> ROW;] {
        call.row(row_types::HANDLE, &[call.datum(0), None])
    }

    /// `pg_background_pid(handle) -> pid`
    fn pg_background_pid(call) [(ROW) -> INT4;] {
        let row = call.required(call.datum(0), "h");
        // SAFETY: the declaration says that it is a row, and it is not null.
        let [pid, _] = unsafe { super::Handles::new().0.read(row) };
        pid.unwrap_or_else(|| call.null())
    }
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
