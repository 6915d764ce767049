//! pgstat.h, utils/ps_status.h: what administrators see of this process.

use super::text::Str;
use crate::pg_sys as sys;
use core::ptr::null;

/// The process runs `sql`: pg_stat_activity, and STATEMENT in the server log. `sql` stays alive until `idle`.
pub fn running(sql: Str) {
    // SAFETY: the strings are alive as stated; pg_stat_activity copies.
    unsafe {
        sys::debug_query_string = sql.as_ptr();
        sys::SetCurrentStatementStartTimestamp();
        sys::pgstat_report_activity(sys::STATE_RUNNING, sql.as_ptr());
    }
}

/// Nothing runs any more.
pub fn idle() {
    // SAFETY: as above.
    unsafe {
        sys::debug_query_string = null();
        sys::pgstat_report_activity(sys::STATE_IDLE, null());
        sys::pgbg_set_ps_display(c"idle".as_ptr());
    }
}

/// The server log no longer quotes the statement.
pub fn forget_statement() {
    // SAFETY: a global of this process.
    unsafe { sys::debug_query_string = null() }
}

/// Sends the statistics that this process has gathered, if they are old enough, or at once. Outside transactions.
pub fn report_statistics(force: bool) {
    // SAFETY: the caller is outside a transaction.
    unsafe { sys::pgbg_report_statistics(force) }
}

/// Notes a plan's identifier, as a library might; returns the one that was there. From 18 on.
#[cfg(feature = "injection-points")]
pub fn swap_plan_id(plan_id: i64) -> i64 {
    // SAFETY: reads and writes this process's own entry.
    unsafe { sys::pgbg_swap_plan_id(plan_id) }
}
