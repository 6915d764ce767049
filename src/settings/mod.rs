//! The settings below `pg_background.`: docs/REFERENCE.md, Settings.

use crate::injection;
use crate::pg::guc::{EnumSetting, IntSetting, TextSetting, reserve_prefix};
use crate::pg::guc_array;
use crate::pg::shm_mq::Queue;
use core::ffi::c_int;

/// Running jobs of this session, at most.
pub static MAX_WORKERS: IntSetting = IntSetting::new(
    c"pg_background.max_workers",
    c"Sets the maximum number of background jobs of this session that run at a time.",
    16,
    1000,
);

/// The largest queue that anyone may ask for: 256 MB.
const QUEUE_LIMIT: c_int = 256 * 1024 * 1024;

/// Bytes of the queue through which a job's rows come, where the caller does not say.
pub static DEFAULT_QUEUE_SIZE: IntSetting = IntSetting::new(
    c"pg_background.default_queue_size",
    c"Sets the size of a job's result queue where the caller gives 0.",
    64 * 1024,
    QUEUE_LIMIT,
)
.bytes();

/// Milliseconds a whole job may take; 0 for no limit.
pub static WORKER_TIMEOUT: IntSetting = IntSetting::new(
    c"pg_background.worker_timeout",
    c"Sets the maximum allowed duration of a background job.",
    0,
    c_int::MAX,
)
.milliseconds();

/// Milliseconds that a worker without a job stays for the session's next one; 0 for not at all. An hour at most.
pub static WORKER_IDLE_TIMEOUT: IntSetting = IntSetting::new(
    c"pg_background.worker_idle_timeout",
    c"Sets how long an idle background worker waits for its session's next job.",
    5000,
    3_600_000,
)
.milliseconds();

/// Bytes; what `queue_size` may be at most.
pub static MAX_QUEUE_SIZE: IntSetting = IntSetting::new(
    c"pg_background.max_queue_size",
    c"Sets the maximum size of a job's result queue.",
    QUEUE_LIMIT,
    QUEUE_LIMIT,
)
.bytes()
.for_superusers();

/// Workers of one role (the one that logged in), over all sessions; 0 for no limit.
pub static MAX_WORKERS_PER_ROLE: IntSetting = IntSetting::new(
    c"pg_background.max_workers_per_role",
    c"Sets the maximum number of background workers of one role in all of its sessions.",
    0,
    c_int::MAX,
)
.for_superusers();

/// Workers of all sessions of the server; 0 for no limit.
pub static MAX_WORKERS_TOTAL: IntSetting = IntSetting::new(
    c"pg_background.max_workers_total",
    c"Sets the maximum number of background workers of all sessions.",
    0,
    c_int::MAX,
)
.in_configuration();

/// Milliseconds to wait for a place below every ceiling: slots, segments, the limits above; 0 to fail at once.
pub static LAUNCH_TIMEOUT: IntSetting = IntSetting::new(
    c"pg_background.launch_timeout",
    c"Sets how long a launch waits for a free place: a worker slot, shared memory, or below a limit.",
    10_000,
    c_int::MAX,
)
.milliseconds();

/// Jobs that have ended of which the directory keeps a record; counts when it is made.
pub static JOB_HISTORY: IntSetting = IntSetting::new(
    c"pg_background.job_history",
    c"Sets how many finished background jobs the server remembers.",
    1000,
    100_000,
)
.in_configuration();

/// Which jobs' ends the server log has a line of.
pub static LOG_JOBS: EnumSetting<4> = EnumSetting::new(
    c"pg_background.log_jobs",
    c"Sets which background jobs' ends are logged: none, those that did not succeed, or all.",
    [c"none", c"errors", c"all", c""],
);

/// Values of that.
pub mod log_jobs {
    pub const NONE: core::ffi::c_int = 0;
    pub const ERRORS: core::ffi::c_int = 1;
}

/// What workers call themselves; empty for what their session does.
pub static APPLICATION_NAME: TextSetting = TextSetting::new(
    c"pg_background.application_name",
    c"Sets the application_name of background workers; %l is the job's label, %p the launcher's PID, %a its application_name.",
);

/// Tells the server about all of them.
pub fn define() {
    let smallest_queue = c_int::try_from(Queue::minimum_size()).unwrap_or(c_int::MAX);
    // In the order of their names.
    guc_array::define_quickly(b"pg_background.", || {
        APPLICATION_NAME.define();
        DEFAULT_QUEUE_SIZE.define(smallest_queue);
        JOB_HISTORY.define(0);
        LAUNCH_TIMEOUT.define(0);
        LOG_JOBS.define();
        MAX_QUEUE_SIZE.define(smallest_queue);
        injection::point("settings");
        MAX_WORKERS.define(1);
        MAX_WORKERS_PER_ROLE.define(0);
        MAX_WORKERS_TOTAL.define(0);
        WORKER_IDLE_TIMEOUT.define(0);
        WORKER_TIMEOUT.define(0);
    });
    reserve_prefix(c"pg_background");
}
