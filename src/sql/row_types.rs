//! The columns of our row types: docs/REFERENCE.md, Types. Scripts older than the library declare fewer of them, or in another order.

use crate::pg::shape::Known;
use crate::pg_sys::{
    BOOLOID as BOOL, FLOAT8OID as FLOAT8, INT4OID as INT4, INT8OID as INT8, OIDOID as OID,
    TEXTOID as TEXT, TIMESTAMPTZOID as TIMESTAMPTZ,
};

/// pg_background_handle
pub const HANDLE: &[Known] = &[(c"pid", INT4), (c"cookie", INT8)];

/// pg_background_stats
pub const STATS: &[Known] = &[
    (c"workers_launched", INT8),
    (c"workers_completed", INT8),
    (c"workers_failed", INT8),
    (c"workers_canceled", INT8),
    (c"workers_active", INT4),
    (c"avg_execution_ms", FLOAT8),
    (c"max_workers", INT4),
    (c"workers_timed_out", INT8),
];

/// pg_background_progress_info, before 2.0 pg_background_progress
pub const PROGRESS: &[Known] = &[(c"progress_pct", INT4), (c"progress_msg", TEXT)];

/// pg_background_result_info
pub const RESULT_INFO: &[Known] = &[
    (c"row_count", INT8),
    (c"command_tag", TEXT),
    (c"completed", BOOL),
    (c"has_error", BOOL),
    (c"started_at", TIMESTAMPTZ),
    (c"finished_at", TIMESTAMPTZ),
];

/// pg_background_error
pub const ERROR: &[Known] = &[
    (c"sqlstate", TEXT),
    (c"message", TEXT),
    (c"detail", TEXT),
    (c"hint", TEXT),
    (c"context", TEXT),
    (c"schema_name", TEXT),
    (c"table_name", TEXT),
    (c"column_name", TEXT),
    (c"constraint_name", TEXT),
];

/// pg_background_outcome
pub const OUTCOME: &[Known] = &[
    (c"pid", INT4),
    (c"cookie", INT8),
    (c"state", TEXT),
    (c"consumed", BOOL),
    (c"completed", BOOL),
    (c"has_error", BOOL),
    (c"row_count", INT8),
    (c"command_tag", TEXT),
    (c"sqlstate", TEXT),
    (c"error_message", TEXT),
    (c"label", TEXT),
    (c"launched_at", TIMESTAMPTZ),
];

/// pg_background_run_result
pub const RUN_RESULT: &[Known] = &[
    OUTCOME[0],
    OUTCOME[1],
    OUTCOME[2],
    OUTCOME[3],
    OUTCOME[4],
    OUTCOME[5],
    OUTCOME[6],
    OUTCOME[7],
    OUTCOME[8],
    OUTCOME[9],
    OUTCOME[10],
    OUTCOME[11],
    (c"timed_out", BOOL),
    (c"elapsed_ms", INT8),
];

/// pg_background_batch_result: these, then RUN_RESULT.
pub const BATCH_RESULT: &[Known] = &[
    (c"n", INT4),
    (c"attempts", INT4),
    RUN_RESULT[0],
    RUN_RESULT[1],
    RUN_RESULT[2],
    RUN_RESULT[3],
    RUN_RESULT[4],
    RUN_RESULT[5],
    RUN_RESULT[6],
    RUN_RESULT[7],
    RUN_RESULT[8],
    RUN_RESULT[9],
    RUN_RESULT[10],
    RUN_RESULT[11],
    RUN_RESULT[12],
    RUN_RESULT[13],
];

/// The rows of pg_background_jobs()
pub const JOBS: &[Known] = &[
    (c"pid", INT4),
    (c"cookie", INT8),
    (c"database_id", OID),
    (c"user_id", OID),
    (c"launcher_pid", INT4),
    (c"label", TEXT),
    (c"state", TEXT),
    (c"progress_pct", INT4),
    (c"progress_msg", TEXT),
    (c"launched_at", TIMESTAMPTZ),
    (c"started_at", TIMESTAMPTZ),
    (c"finished_at", TIMESTAMPTZ),
    (c"row_count", INT8),
    (c"command_tag", TEXT),
    (c"sqlstate", TEXT),
    (c"error_message", TEXT),
    (c"sql_preview", TEXT),
    (c"queue_size", INT4),
    (c"mode", TEXT),
];

/// The rows of pg_stat_background()
pub const STATISTICS: &[Known] = &[
    (c"database_id", OID),
    (c"user_id", OID),
    (c"launched", INT8),
    (c"completed", INT8),
    (c"failed", INT8),
    (c"canceled", INT8),
    (c"timed_out", INT8),
    (c"lost", INT8),
    (c"warm", INT8),
    (c"cold", INT8),
    (c"rows", INT8),
    (c"total_time", FLOAT8),
    (c"max_time", FLOAT8),
    (c"wait_for_slot_time", FLOAT8),
    (c"stats_reset", TIMESTAMPTZ),
];
