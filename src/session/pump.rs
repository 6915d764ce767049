//! Moves what workers send into jobs: rows, notices, errors, and how each ended.
//!
//! Everything that waits calls `pump_all`, for all jobs of the session: a worker that holds a lock and sleeps on its full
//! queue would block others where nobody can see it.

use super::job::{Column, Columns, Job, JobRef, Outcome, State};
use super::link::LinkRef;
use super::spool::{self, Spool};
use super::{STATE, idle, link, registry};
use crate::channel::outcome::{self, Summary, Text};
use crate::channel::wire::Malformed;
use crate::channel::wire::report::{Report as WireReport, Severity, decimal};
use crate::channel::wire::response::{Description, Message, Rows};
use crate::channel::wire::text::clip;
use crate::channel::wire::tuple::check_tuple_attributes;
use crate::directory::{self, End, Ending};
use crate::pg::bgworker::Status;
use crate::pg::error::{Fields, Report, catch_into, check_for_interrupts, code, sqlstate};
use crate::pg::memory::Context;
use crate::pg::shm_mq::Received;
use crate::pg::text::Str;
use crate::pg::tuple::MinimalTuple;
use crate::pg::{encoding, latch, text, timestamp};
use crate::pg_sys as sys;
use core::cell::Cell;
use core::ffi::c_int;

/// Messages taken from one queue before the others get their turn.
const TURN: usize = 256;

/// Brings every job up to date. Raises an interrupt, or what a notice raises on its way to the client.
pub fn pump_all() {
    registry::running().for_each(pump);
    idle::release_gone();
    spool::end_parked();
    link::reap();
}

/// Whether a worker of this session is about to end: its job has ended, and it sends what is left or is on its way out.
pub fn is_about_to_lose_a_worker() -> bool {
    let has_ended = |job: JobRef| {
        let link = job.link.get();
        link.is_some_and(|link| link.channel.outcome.is_published())
    };
    STATE.leaving.get().is_some() || registry::running().any(has_ended)
}

/// Brings one job up to date. A detached job that has ended is forgotten.
pub fn pump(job: JobRef) {
    let Some(link) = job.link.get() else { return };
    // In this order: what was published before the process stopped, and sent before it was published, is seen.
    let stopped = link.process.status() == Status::Stopped;
    let published = link.channel.outcome.is_published();
    let drained = match drain(job) {
        Ok(drained) => drained,
        Err(malformed) => {
            fail_protocol(job, link, malformed.as_str());
            return;
        }
    };
    if drained == Drained::TurnOver {
        // More is waiting: do not sleep.
        latch::set();
    } else if published {
        match link.channel.outcome.summary() {
            Some(summary) if drained == Drained::Gone || job.received.get() >= summary.messages => {
                finish(
                    job,
                    outcome_of(&job, link, &summary),
                    &summary_state(&job, &summary),
                );
            }
            Some(_) => {}
            None => fail_protocol(job, link, "The outcome record makes no sense."),
        }
    } else if stopped && !link.channel.outcome.is_published() {
        let message = Str::from_static(c"background worker exited without reporting an outcome");
        let fields = Fields {
            message: Some(message),
            ..Fields::NONE
        };
        let outcome = Outcome {
            sqlstate: code::CONNECTION_FAILURE,
            fields,
            finished_at: timestamp::now(),
            ..Outcome::NONE
        };
        finish(job, outcome, &State::Error);
    } else if stopped {
        // Published between our two looks.
        latch::set();
    }
}

/// What became of a queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drained {
    /// Nothing more for now.
    Empty,
    /// Nothing will come any more, or nobody wants it.
    Gone,
    /// There may be more.
    TurnOver,
}

/// Takes messages from the job's queue. An error while a row was being kept is kept with the job, for whoever wants its
/// rows; every other is raised.
fn drain(job: JobRef) -> Result<Drained, Malformed> {
    let keeping = Cell::new(false);
    let taken = catch_into(job.context, || take_messages(job, &keeping));
    taken.unwrap_or_else(|error| {
        if !keeping.get() {
            if error.code() == code::PROGRAM_LIMIT_EXCEEDED {
                // A length that no message can have would be met again at every look.
                return Err(Malformed::MessageLength);
            }
            error.rethrow();
        }
        job.rows_lost.set(Some(error));
        if let Some(spool) = job.spool.take() {
            spool.end();
        }
        // Want of disk or memory leaves nothing behind that only a rollback could clean up. Anything else may.
        if !error.is_want_of_resources() {
            error.rethrow();
        }
        latch::set();
        Ok(Drained::TurnOver)
    })
}

fn take_messages(job: JobRef, keeping: &Cell<bool>) -> Result<Drained, Malformed> {
    for _ in 0..TURN {
        let Some(responses) = job.link.get().and_then(|link| link.responses.get()) else {
            return Ok(Drained::Gone);
        };
        let message = match responses.receive(true) {
            Received::Message(message) => message,
            Received::WouldBlock => return Ok(Drained::Empty),
            Received::Detached => return Ok(Drained::Gone),
        };
        let mut stream = job.stream.get();
        let decoded = stream.accept(message)?;
        job.stream.set(stream);
        job.received.set(job.received.get() + 1);
        match decoded {
            Message::Rows(rows) => take_rows(&job, rows, keeping)?,
            Message::Description(description) => {
                take_description(&job, &description);
                if job.stop_at_columns.get() {
                    return Ok(Drained::TurnOver);
                }
            }
            Message::Notice(report, encoding) => pass_on(&job, &report, c_int::from(encoding)),
            Message::Error(report, encoding) => {
                job.whole_error
                    .set(Some(fields_of(job.context, &report, c_int::from(encoding))));
            }
        }
        crate::hooks::point("pump-message");
        check_for_interrupts();
    }
    Ok(Drained::TurnOver)
}

fn take_rows(job: &Job, rows: Rows<'_>, keeping: &Cell<bool>) -> Result<(), Malformed> {
    if let Some(direct) = job.direct.get() {
        // SAFETY: `result` set it for as long as it runs, and is what is waiting here.
        let attributes = unsafe { direct.attributes.as_ref() };
        for bytes in rows.tuples() {
            check_tuple_attributes(bytes, attributes)?;
            direct.store.put(tuple(bytes)?);
        }
        return Ok(());
    }
    if job.rows_lost.get().is_some() {
        return Ok(());
    }
    keeping.set(true);
    let spool = job.spool.get().unwrap_or_else(|| {
        let spool = Spool::new();
        job.spool.set(Some(spool));
        spool
    });
    for bytes in rows.tuples() {
        spool.put(tuple(bytes)?);
    }
    keeping.set(false);
    Ok(())
}

fn tuple(bytes: &[u8]) -> Result<MinimalTuple<'_>, Malformed> {
    MinimalTuple::from_bytes(bytes).ok_or(Malformed::TupleLength)
}

fn take_description(job: &Job, description: &Description<'_>) {
    let encoding = c_int::from(description.encoding());
    let mut announced = description.columns();
    let columns = job.context.alloc_slice(description.len(), |_| {
        // The decoder has counted them.
        let Some(column) = announced.next() else {
            unreachable!()
        };
        Column {
            name: encoding::to_database(job.context, column.name, encoding),
            type_oid: column.type_oid,
            typmod: column.typmod,
            layout: column.layout,
        }
    });
    job.columns.set(Some(Columns(columns)));
}

/// Raises a worker's notice here, for the client.
fn pass_on(job: &Job, report: &WireReport<'_>, encoding: c_int) {
    let level = match report.severity() {
        Severity::Debug => sys::DEBUG1,
        Severity::Log => sys::LOG,
        Severity::Info => sys::INFO,
        Severity::Warning => sys::WARNING,
        _ => sys::NOTICE,
    };
    let context = Context::current().create(c"pg_background notice");
    let fields = context.run(|| job.in_context(fields_of(context, report, encoding)));
    Report::new(level as c_int, sqlstate(&report.sqlstate))
        .fields(&fields)
        .emit();
    context.delete();
    // Writing to the client waits on this process's latch as well, and may have taken a wake-up of a worker's with it.
    latch::set();
}

fn fields_of(context: Context, report: &WireReport<'_>, encoding: c_int) -> Fields {
    let copy = |bytes: Option<&[u8]>| bytes.map(|b| encoding::to_database(context, b, encoding));
    Fields {
        message: copy(Some(report.message)),
        detail: copy(report.detail),
        hint: copy(report.hint),
        context: copy(report.context),
        schema_name: copy(report.schema_name),
        table_name: copy(report.table_name),
        column_name: copy(report.column_name),
        datatype_name: copy(report.datatype_name),
        constraint_name: copy(report.constraint_name),
        internal_query: copy(report.internal_query),
        internal_position: decimal(report.internal_position).unwrap_or(0),
    }
}

/// Copies the record's texts into the job's own memory.
fn outcome_of(job: &Job, link: LinkRef, summary: &Summary) -> Outcome {
    let record = &link.channel.outcome;
    let copy = |which| {
        record
            .text(which)
            .map(|bytes| encoding::to_database(job.context, bytes, summary.encoding))
    };
    let failed = summary.ending == outcome::Ending::Failed;
    let mut fields = Fields::NONE;
    if failed {
        fields = job.whole_error.get().unwrap_or_else(|| Fields {
            message: copy(Text::Message),
            detail: copy(Text::Detail),
            hint: copy(Text::Hint),
            context: copy(Text::Context),
            schema_name: copy(Text::SchemaName),
            table_name: copy(Text::TableName),
            column_name: copy(Text::ColumnName),
            datatype_name: copy(Text::DatatypeName),
            constraint_name: copy(Text::ConstraintName),
            internal_query: copy(Text::InternalQuery),
            internal_position: summary.internal_position,
        });
        // Handlers take for granted that every error has a message.
        fields.message = fields
            .message
            .or(Some(Str::from_static(c"missing error text")));
        // Here the job's SQL is not what the client sent, so its cursor position is an internal one.
        if summary.position > 0 && fields.internal_query.is_none() {
            fields.internal_query = Some(job.sql);
            fields.internal_position = summary.position;
        }
    }
    let tag = record
        .text(Text::CommandTag)
        .map(|tag| job.context.copy_string(tag));
    Outcome {
        // A failure without a code would read as success.
        sqlstate: match summary.sqlstate {
            0 if failed => code::INTERNAL_ERROR,
            sqlstate if failed => sqlstate,
            _ => 0,
        },
        fields,
        command_tag: if failed { None } else { tag },
        row_count: if failed {
            0
        } else {
            i64::try_from(summary.row_count).unwrap_or(i64::MAX)
        },
        started_at: summary.started_at,
        finished_at: summary.finished_at,
        timed_out: summary.timed_out,
    }
}

fn summary_state(job: &Job, summary: &Summary) -> State {
    match (summary.ending, summary.sqlstate) {
        (outcome::Ending::Succeeded, _) => State::Stopped,
        (_, code::QUERY_CANCELED) => State::Canceled,
        (_, code::ADMIN_SHUTDOWN) if job.cancel_requested.get() => State::Canceled,
        _ => State::Error,
    }
}

/// What arrived cannot be understood: the job has failed here, whatever becomes of it there.
fn fail_protocol(job: JobRef, link: LinkRef, why: &str) {
    link.cancel();
    let detail = job.context.run(|| text::format(format_args!("{why}")));
    let fields = Fields {
        message: Some(Str::from_static(
            c"malformed message from background worker",
        )),
        detail: Some(detail),
        ..Fields::NONE
    };
    let outcome = Outcome {
        sqlstate: code::PROTOCOL_VIOLATION,
        fields,
        finished_at: timestamp::now(),
        ..Outcome::NONE
    };
    finish(job, outcome, &State::Error);
}

/// The outcome is final: keeps it, counts it, lets the worker go or keeps it warm.
fn finish(job: JobRef, outcome: Outcome, state: &State) {
    job.outcome.set(outcome);
    job.state.set(*state);
    job.keep_progress();
    job.finished_as.set(STATE.counters.ended());
    if *state != State::Stopped {
        settle_in_directory(&job, &outcome, *state);
    }
    if let Some(link) = job.link.take() {
        idle::keep(link);
    }
    STATE.counters.count_end(&job);
    if job.detached.get() {
        registry::forget(job);
    }
}

/// Says in the directory how a job ended whose worker may not have been able to.
fn settle_in_directory(job: &Job, outcome: &Outcome, state: State) {
    let Some(ticket) = job.ticket else { return };
    let message = outcome.fields.message.map(Str::bytes);
    let message = message.map(|message| {
        clip(
            message,
            directory::MESSAGE_LIMIT,
            encoding::character_length,
        )
    });
    directory::settle(
        ticket,
        &End {
            ending: match (state, outcome.sqlstate) {
                (State::Canceled, _) => Ending::Canceled,
                (_, code::CONNECTION_FAILURE) => Ending::Lost,
                _ => Ending::Failed,
            },
            timed_out: outcome.timed_out,
            sqlstate: outcome.sqlstate,
            message,
            tag: None,
            row_count: 0,
            started_at: outcome.started_at,
            finished_at: outcome.finished_at,
        },
    );
}

/// Nobody wants the job's rows and notices any more: the worker discards them from here on.
pub fn let_go(job: JobRef) {
    if let Some(link) = job.link.get() {
        link.let_go_of_responses();
    }
    if let Some(spool) = job.spool.take() {
        spool.end();
    }
}
