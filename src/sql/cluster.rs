//! What the server knows of its jobs: those of all sessions, and statistics.

use super::{VOID, row_types, sql_functions};
use crate::directory::{self, Mode, Record, Seen, Statistics};
use crate::pg::call::datum;
use crate::pg::error::sqlstate_text;
use crate::pg::memory::Context;
use crate::pg::{encoding, identity, timestamp};
use crate::pg_sys as sys;
use crate::session::job;

sql_functions! {
    /// `pg_background_jobs() -> setof record`
    fn pg_background_jobs(call) [() -> set of RECORD;] {
        let set = call.result_set();
        let shape = set.shape(row_types::JOBS);
        directory::attach();
        let store = set.begin();
        let scratch = Context::current().create(c"pg_background jobs");
        directory::for_each(|seen| {
            scratch.run(|| set.put(store, &shape, &columns(seen)));
            scratch.reset();
        });
        scratch.delete();
        set.finish(store)
    }

    /// `pg_stat_background() -> setof record`
    fn pg_stat_background(call) [() -> set of RECORD;] {
        let set = call.result_set();
        let shape = set.shape(row_types::STATISTICS);
        directory::attach();
        let store = set.begin();
        directory::for_each_statistics(|row, reset| {
            set.put(store, &shape, &counters(row, reset));
        });
        set.finish(store)
    }

    /// `pg_stat_background_reset()`
    fn pg_stat_background_reset(_call) [() -> VOID;] {
        directory::attach();
        directory::reset_statistics();
        VOID
    }
}

/// The columns of pg_background_jobs. Whoever may not use the job sees where it is and since when, as in pg_stat_activity.
fn columns(seen: &Seen) -> [Option<sys::Datum>; 19] {
    let job = &seen.job;
    let is_whole = identity::has_privileges_of(job.user)
        || identity::has_privileges_of(sys::ROLE_PG_READ_ALL_STATS);
    let whole = |value: Option<sys::Datum>| value.filter(|_| is_whole);
    let text = |bytes: Option<&[u8]>| bytes.filter(|_| is_whole).and_then(text);
    [
        datum::int32(job.pid).filter(|_| job.pid != 0),
        whole(datum::int64(job.id)),
        datum::oid(job.database),
        whole(datum::oid(job.user)),
        whole(datum::int32(job.launcher_pid)),
        text(job.label.get()),
        job.state()
            .map(state)
            .and_then(|state| datum::text(state.name())),
        whole(datum::int32(job.percent)).filter(|_| (0..=100).contains(&job.percent)),
        text(job.progress.get()),
        time(job.launched_at),
        time(job.started_at),
        time(job.finished_at),
        whole(datum::int64(job.row_count)).filter(|_| job.has_ended()),
        text(job.tag.get()),
        whole(sqlstate(job.sqlstate)),
        text(job.message.get()),
        text(seen.sql.get()),
        whole(datum::int32(job.queue_size)),
        whole(datum::text_from_bytes(mode(job.mode()))),
    ]
}

fn mode(mode: Option<Mode>) -> &'static [u8] {
    match mode {
        Some(Mode::Launch) => b"launch",
        Some(Mode::Submit) => b"submit",
        Some(Mode::Run) => b"run",
        Some(Mode::Batch) => b"batch",
        None => b"",
    }
}

/// The columns of pg_background_outcome, as far as the directory knows them.
pub fn outcome_columns(job: &Record) -> [Option<sys::Datum>; 12] {
    let ended = job.has_ended();
    [
        datum::int32(job.pid),
        datum::int64(job.id),
        job.state()
            .map(state)
            .and_then(|state| datum::text(state.name())),
        None,
        datum::bool(ended),
        datum::bool(job.sqlstate != 0),
        datum::int64(job.row_count).filter(|_| ended),
        job.tag.get().and_then(text),
        sqlstate(job.sqlstate),
        job.message.get().and_then(text),
        job.label.get().and_then(text),
        time(job.launched_at),
    ]
}

/// The columns of pg_background_progress_info; None where nothing was reported.
pub fn progress_columns(job: &Record) -> Option<[Option<sys::Datum>; 2]> {
    let is_reported = (0..=100).contains(&job.percent);
    is_reported.then(|| [datum::int32(job.percent), job.progress.get().and_then(text)])
}

/// The columns of pg_background_result_info.
pub fn result_columns(job: &Record) -> [Option<sys::Datum>; 6] {
    let ended = job.has_ended();
    [
        datum::int64(job.row_count).filter(|_| ended),
        job.tag.get().and_then(text),
        datum::bool(ended),
        datum::bool(job.sqlstate != 0),
        time(job.started_at),
        time(job.finished_at),
    ]
}

/// The columns of pg_background_error that the directory has.
pub fn error_columns(job: &Record) -> [Option<sys::Datum>; 2] {
    [sqlstate(job.sqlstate), job.message.get().and_then(text)]
}

/// The state as the launching session would say.
fn state(state: directory::State) -> job::State {
    match state {
        directory::State::Launching | directory::State::Connecting => job::State::Starting,
        directory::State::Running => job::State::Running,
        directory::State::Stopped => job::State::Stopped,
        directory::State::Error => job::State::Error,
        directory::State::Canceled => job::State::Canceled,
    }
}

/// A text of the directory, which another session wrote, maybe in the encoding of another database.
fn text(bytes: &[u8]) -> Option<sys::Datum> {
    let text = encoding::to_database(Context::current(), bytes, encoding::database());
    datum::text(text)
}

/// A time of the directory; NULL for "not yet" and for what is none.
fn time(time: timestamp::Timestamp) -> Option<sys::Datum> {
    datum::timestamp(time).filter(|_| timestamp::RANGE.contains(&time))
}

/// NULL for success.
fn sqlstate(packed: i32) -> Option<sys::Datum> {
    if packed == 0 {
        return None;
    }
    datum::text_from_bytes(&sqlstate_text(packed))
}

fn counters(row: &Statistics, reset: timestamp::Timestamp) -> [Option<sys::Datum>; 15] {
    let milliseconds = |microseconds: i64| datum::float8(microseconds as f64 / 1000.0);
    // The row for all that found none has neither.
    let is_one = row.role != 0;
    [
        datum::oid(row.database).filter(|_| is_one),
        datum::oid(row.role).filter(|_| is_one),
        datum::int64(row.launched),
        datum::int64(row.completed),
        datum::int64(row.failed),
        datum::int64(row.canceled),
        datum::int64(row.timed_out),
        datum::int64(row.lost),
        datum::int64(row.warm),
        datum::int64(row.cold),
        datum::int64(row.rows),
        milliseconds(row.total_time),
        milliseconds(row.max_time),
        milliseconds(row.wait_for_slot_time),
        time(reset),
    ]
}
