//! Looking: lists, progress, outcomes, statistics.

use super::{Known, VOID, cluster, handle, job, known_job, row_types, sql_functions};
use crate::channel::progress::MESSAGE_LIMIT;
use crate::channel::wire::text::clip;
use crate::pg::call::{ResultSet, datum};
use crate::pg::encoding::character_length;
use crate::pg::error::{Report, code, sqlstate_text};
use crate::pg::text::Str;
use crate::pg_sys as sys;
use crate::session::job::Job;
use crate::session::{STATE, others, pump, registry};
use crate::settings;
use crate::worker;

/// Bytes of a job's SQL in the list.
const PREVIEW_LIMIT: usize = 120;
/// Bytes of a job's error in the list.
const LAST_ERROR_LIMIT: usize = 512;

sql_functions! {
    /// `pg_background_report_progress(pct, msg)`
    fn pg_background_report_progress, pg_background_progress(call) [(INT4, TEXT) -> VOID;] {
        let percent = call.required(call.int32(0), "pct");
        if !worker::in_job() {
            Report::error(code::FEATURE_NOT_SUPPORTED)
                .message(format_args!("progress can only be reported by a background job"))
                .hint(format_args!("Call it in the SQL that you launch."))
                .raise();
        }
        worker::report_progress(percent, call.text(1));
        VOID
    }

    /// `pg_background_get_progress(pid, cookie)`, `(handle)`: `-> progress`
    fn pg_background_get_progress, pg_background_get_progress_v2(call) [
        (INT4, INT8) -> ROW;
        (ROW) -> ROW;
    ] {
        // Version 2.0 does not declare it STRICT.
        if (0..call.len()).any(|i| call.datum(i).is_none()) {
            return call.null();
        }
        pump::pump_all();
        let handle = handle(call);
        let Some(job) = registry::find(handle) else {
            return match others::look_up(handle).and_then(|seen| cluster::progress_columns(&seen.job)) {
                Some(columns) => call.row(row_types::PROGRESS, &columns),
                None => call.null(),
            };
        };
        registry::check_rights(&job);
        let mut message = [0; MESSAGE_LIMIT];
        let Some((percent, length)) = job.progress(&mut message) else { return call.null() };
        let message = length.and_then(|length| message.get(..length));
        call.row(row_types::PROGRESS, &[datum::int32(percent), message.and_then(datum::text_from_bytes)])
    }

    /// `pg_background_list() -> setof record`
    fn pg_background_list, pg_background_list_v2(call) [() -> set of RECORD;] {
        let set = call.result_set();
        check_list(set);
        pump::pump_all();
        let store = set.begin();
        for job in registry::tracked() {
            let visible = registry::may_see(&job);
            let outcome = job.outcome.get();
            set.put_leading(store, &[
                datum::int32(job.pid.get()),
                datum::int64(job.cookie),
                datum::timestamp(job.launched_at),
                datum::oid(job.user),
                datum::int32(job.queue_size),
                datum::text(job.current_state().name()),
                if visible { clipped(job.sql, PREVIEW_LIMIT) } else { None },
                outcome.fields.message.filter(|_| visible).and_then(|m| clipped(m, LAST_ERROR_LIMIT)),
                datum::bool(job.consumed.get()),
                job.label.filter(|_| visible).and_then(datum::text),
            ]);
        }
        set.finish(store)
    }

    /// `pg_background_stats() -> stats`
    fn pg_background_stats, pg_background_stats_v2(call) [() -> ROW;] {
        pump::pump_all();
        let counters = &STATE.counters;
        call.row(row_types::STATS, &[
            datum::int64(counters.launched.get()),
            datum::int64(counters.completed.get()),
            datum::int64(counters.failed.get()),
            datum::int64(counters.canceled.get()),
            datum::int32(counters.active()),
            counters.average_ms().and_then(datum::float8),
            datum::int32(settings::MAX_WORKERS.get()),
            datum::int64(counters.timed_out.get()),
        ])
    }

    /// `pg_background_record_timeout()`: version 2.0 notices in SQL that a job took too long, after it has cancelled it
    fn pg_background_record_timeout(_call) [() -> VOID;] {
        STATE.counters.count_as_timed_out();
        VOID
    }

    /// `pg_background_result_info(pid, cookie)`, `(handle)`: `-> result_info`
    fn pg_background_result_info, pg_background_result_info_v2(call) [
        (INT4, INT8) -> ROW;
        (ROW) -> ROW;
    ] {
        let job = match known_job(call) {
            Known::Own(job) => job,
            Known::Other(seen) => return call.row(row_types::RESULT_INFO, &cluster::result_columns(&seen.job)),
        };
        let (outcome, ended) = (job.outcome.get(), !job.is_running());
        call.row(row_types::RESULT_INFO, &[
            if ended { datum::int64(outcome.row_count) } else { None },
            outcome.command_tag.and_then(datum::text),
            datum::bool(ended),
            datum::bool(job.has_error()),
            datum::timestamp(outcome.started_at),
            datum::timestamp(outcome.finished_at),
        ])
    }

    /// `pg_background_error_info(pid, cookie)`, `(handle)`: `-> error`
    fn pg_background_error_info, pg_background_error_info_v2(call) [
        (INT4, INT8) -> ROW;
        (ROW) -> ROW;
    ] {
        let job = match known_job(call) {
            Known::Own(job) => job,
            Known::Other(seen) if seen.job.sqlstate == 0 => return call.null(),
            Known::Other(seen) => return call.row(row_types::ERROR, &cluster::error_columns(&seen.job)),
        };
        if !job.has_error() {
            return call.null();
        }
        let fields = job.outcome.get().fields;
        let text = |field: Option<Str>| field.and_then(datum::text);
        call.row(row_types::ERROR, &[
            sqlstate_of(&job),
            text(fields.message),
            text(fields.detail),
            text(fields.hint),
            text(fields.context),
            text(fields.schema_name),
            text(fields.table_name),
            text(fields.column_name),
            text(fields.constraint_name),
        ])
    }

    /// `pg_background_outcome(pid, cookie)`, `(handle)`: `-> outcome`
    fn pg_background_outcome, pg_background_outcome_v2(call) [
        (INT4, INT8) -> ROW;
        (ROW) -> ROW;
    ] {
        pump::pump_all();
        let handle = handle(call);
        if let Some(job) = registry::find(handle) {
            registry::check_rights(&job);
            return call.row(row_types::OUTCOME, &outcome_columns(&job));
        }
        match others::look_up(handle) {
            Some(seen) => call.row(row_types::OUTCOME, &cluster::outcome_columns(&seen.job)),
            None => call.row(row_types::OUTCOME, &[]),
        }
    }

    /// `pg_background_full_sql(pid, cookie)`, `(handle)`: `-> text`
    fn pg_background_full_sql, pg_background_full_sql_v2(call) [
        (INT4, INT8) -> TEXT;
        (ROW) -> TEXT;
    ] {
        datum::text(job(call).sql).unwrap_or(0)
    }
}

/// The columns of pg_background_outcome.
pub fn outcome_columns(job: &Job) -> [Option<sys::Datum>; 12] {
    let (outcome, ended) = (job.outcome.get(), !job.is_running());
    [
        datum::int32(job.pid.get()),
        datum::int64(job.cookie),
        datum::text(job.current_state().name()),
        datum::bool(job.consumed.get()),
        datum::bool(ended),
        datum::bool(job.has_error()),
        if ended {
            datum::int64(outcome.row_count)
        } else {
            None
        },
        outcome.command_tag.and_then(datum::text),
        sqlstate_of(job),
        outcome.fields.message.and_then(datum::text),
        job.label.and_then(datum::text),
        datum::timestamp(job.launched_at),
    ]
}

fn sqlstate_of(job: &Job) -> Option<sys::Datum> {
    match job.outcome.get().sqlstate {
        0 => None,
        sqlstate => datum::text_from_bytes(&sqlstate_text(sqlstate)),
    }
}

fn clipped(text: Str, limit: usize) -> Option<sys::Datum> {
    datum::text_from_bytes(clip(text.bytes(), limit, character_length))
}

/// The list's columns: nine, and since 1.9 a label.
const LIST_TYPES: [sys::Oid; 10] = [
    sys::INT4OID,
    sys::INT8OID,
    sys::TIMESTAMPTZOID,
    sys::OIDOID,
    sys::INT4OID,
    sys::TEXTOID,
    sys::TEXTOID,
    sys::TEXTOID,
    sys::BOOLOID,
    sys::TEXTOID,
];

/// 42804 unless the column definition list is nine or ten columns of just these types.
fn check_list(set: ResultSet) {
    let count = set.desc.len();
    let fits = |i: usize| {
        LIST_TYPES
            .get(i)
            .is_some_and(|wanted| set.desc.column(i).type_oid == *wanted)
    };
    if (9..=10).contains(&count) && (0..count).all(fits) {
        return;
    }
    Report::error(code::DATATYPE_MISMATCH)
        .message(format_args!("column definition list does not match pg_background_list()"))
        .hint(format_args!(
            "Use AS (pid int4, cookie int8, launched_at timestamptz, user_id oid, queue_size int4, state text, \
             sql_preview text, last_error text, consumed bool, label text), with or without the label."
        ))
        .raise()
}
