//! src/pg_sys/shim.c as Rust sees it: the same functions in the same order.

use super::{
    Datum, DestReceiver, File, Form_pg_attribute, GucContext, GucSource, List, Oid, Portal,
    ProjectionInfo, Query, QueryCompletion, RawStmt, TupleDesc, config_generic, pgbg_nondefault,
    pgbg_setting_value, pgbg_settings, pqsigfunc, shm_mq_handle, shm_mq_iovec, shm_mq_result,
    varlena,
};
use core::ffi::{c_char, c_int, c_void};

unsafe extern "C-unwind" {
    /// So many addresses of hook variables are in `pgbg_hooks`: build.rs makes both.
    pub static pgbg_hook_count: c_int;
    pub static pgbg_hooks: [*const c_void; 0];
    pub fn pgbg_all_guc_variables() -> c_int;
    pub fn pgbg_analyze_and_rewrite(
        statement: *mut RawStmt,
        query_string: *const c_char,
    ) -> *mut List;
    pub fn pgbg_analyze_varparams(
        statement: *mut RawStmt,
        query_string: *const c_char,
        types: *mut *mut Oid,
        count: *mut c_int,
    ) -> *mut Query;
    pub fn pgbg_are_nondefault(
        head: *mut c_void,
        settings: *const pgbg_nondefault,
        count: usize,
    ) -> bool;
    pub fn pgbg_check_for_interrupts();
    pub fn pgbg_clean_up_after_error();
    pub fn pgbg_command_tag(buffer: *mut c_char, completion: *const QueryCompletion) -> c_int;
    pub fn pgbg_count_guc_variables(undefined: *mut c_int) -> c_int;
    pub fn pgbg_datum_get_int64(datum: Datum) -> i64;
    pub fn pgbg_drop_temporary_slots();
    pub fn pgbg_enum_setting_name(setting: *mut config_generic, value: c_int) -> *const c_char;
    pub fn pgbg_errno() -> c_int;
    pub fn pgbg_exec_project(projection: *mut ProjectionInfo);
    pub fn pgbg_file_read(file: File, buffer: *mut c_char, amount: usize, offset: i64) -> isize;
    pub fn pgbg_file_write(file: File, buffer: *const c_char, amount: usize, offset: i64) -> isize;
    pub fn pgbg_finalize_tupdesc(tupdesc: TupleDesc);
    pub fn pgbg_find_setting(name: *const c_char) -> *mut config_generic;
    pub fn pgbg_find_settings(head: *mut *mut c_void) -> bool;
    pub fn pgbg_float8_get_datum(value: f64) -> Datum;
    pub fn pgbg_forget_query();
    pub fn pgbg_hold_interrupts();
    pub fn pgbg_int64_get_datum(value: i64) -> Datum;
    pub fn pgbg_interrupts_can_be_processed() -> bool;
    pub fn pgbg_lock_addin_shmem_init();
    pub fn pgbg_log_duration(sql: *const c_char, was_logged: bool);
    pub fn pgbg_log_statement(sql: *const c_char);
    pub fn pgbg_looks_at_settings(function: Oid) -> bool;
    pub fn pgbg_lwlock_new_tranche_id(name: *const c_char) -> c_int;
    pub fn pgbg_lwlock_register_tranche(tranche: c_int, name: *const c_char);
    pub fn pgbg_mark_guc_prefix_reserved(prefix: *const c_char);
    pub fn pgbg_named_memory(name: *const c_char, size: usize) -> *mut c_void;
    pub fn pgbg_next_setting(settings: *mut pgbg_settings) -> pgbg_nondefault;
    pub fn pgbg_portal_run(
        portal: Portal,
        is_top_level: bool,
        dest: *mut DestReceiver,
        altdest: *mut DestReceiver,
        completion: *mut QueryCompletion,
    ) -> bool;
    pub fn pgbg_postmaster_is_alive() -> bool;
    pub fn pgbg_pqsignal(signo: c_int, handler: pqsigfunc);
    pub fn pgbg_proc_exit(status: c_int) -> !;
    pub fn pgbg_raise_file_error(
        error: c_int,
        format: *const c_char,
        path: *const c_char,
        hint: *const c_char,
    ) -> !;
    pub fn pgbg_redirect_int_setting(
        setting: *mut config_generic,
        variable: *mut c_int,
    ) -> *mut c_int;
    pub fn pgbg_report_statistics(force: bool);
    pub fn pgbg_resume_interrupts();
    pub fn pgbg_rethrow_error(error: *mut super::ErrorData) -> !;
    pub fn pgbg_see_settings(head: *mut c_void, settings: *mut pgbg_settings);
    pub fn pgbg_set_config_option(
        name: *const c_char,
        value: *const c_char,
        context: GucContext,
        source: GucSource,
        role: Oid,
        change: bool,
        elevel: c_int,
    ) -> c_int;
    pub fn pgbg_set_ps_display(activity: *const c_char);
    pub fn pgbg_setting_value_of(setting: *const config_generic, result: *mut pgbg_setting_value);
    pub fn pgbg_shm_mq_sendv(
        mqh: *mut shm_mq_handle,
        iov: *mut shm_mq_iovec,
        iovcnt: c_int,
        nowait: bool,
        force_flush: bool,
    ) -> shm_mq_result;
    pub fn pgbg_sorted_settings(count: *mut c_int) -> *mut *mut config_generic;
    #[cfg(feature = "injection-points")]
    pub fn pgbg_swap_plan_id(plan_id: i64) -> i64;
    pub fn pgbg_try(
        function: unsafe extern "C-unwind" fn(*mut c_void),
        argument: *mut c_void,
    ) -> bool;
    pub fn pgbg_tupdesc_attr(tupdesc: TupleDesc, i: c_int) -> Form_pg_attribute;
    pub fn pgbg_unlock_addin_shmem_init();
    pub fn pgbg_valid_encoding(encoding: c_int) -> bool;
    pub fn pgbg_varatt_is_external(value: *const varlena) -> bool;
    pub fn pgbg_vardata_any(value: *const varlena) -> *mut c_char;
    pub fn pgbg_varsize_any_exhdr(value: *const varlena) -> usize;
    pub fn pgbg_wait_event(name: *const c_char, number: u32) -> u32;
}
