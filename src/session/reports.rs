//! Errors, notices and outcomes as a worker reports them, in this session's terms.

use super::job::{Job, Outcome, State};
use super::link::LinkRef;
use crate::channel::outcome::{Ending, Summary, Text};
use crate::channel::wire::report::{Report as WireReport, Severity, decimal};
use crate::channel::wire::text::clip;
use crate::directory;
use crate::pg::error::{Fields, Level, Report, code, sqlstate};
use crate::pg::memory::Context;
use crate::pg::text::Str;
use crate::pg::{encoding, latch, timestamp};
use core::ffi::c_int;

/// Raises a worker's notice here, for the client.
pub fn pass_on(job: &Job, report: &WireReport<'_>, encoding: c_int) {
    let level = match report.severity() {
        Severity::Debug => Level::Debug,
        Severity::Log => Level::Log,
        Severity::Info => Level::Info,
        Severity::Warning => Level::Warning,
        _ => Level::Notice,
    };
    let context = Context::current().create(c"pg_background notice");
    let fields = context.run(|| job.in_context(fields_of(context, report, encoding)));
    Report::new(level, sqlstate(&report.sqlstate))
        .fields(&fields)
        .emit();
    context.delete();
    // Writing to the client waits on this process's latch as well, and may have taken a wake-up of a worker's with it.
    latch::set();
}

pub fn fields_of(context: Context, report: &WireReport<'_>, encoding: c_int) -> Fields {
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
pub fn outcome_of(job: &Job, link: LinkRef, summary: &Summary) -> Outcome {
    let record = &link.channel.outcome;
    let copy = |which| {
        record
            .text(which)
            .map(|bytes| encoding::to_database(job.context, bytes, summary.encoding))
    };
    let failed = summary.ending == Ending::Failed;
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
        row_count: summary.rows(),
        started_at: summary.started_at,
        finished_at: summary.finished_at,
        timed_out: summary.timed_out,
    }
}

/// What has become of a job whose worker did not say it.
pub fn failed(sqlstate: c_int, message: Str, detail: Option<Str>) -> Outcome {
    Outcome {
        sqlstate,
        fields: Fields {
            message: Some(message),
            detail,
            ..Fields::NONE
        },
        finished_at: timestamp::now(),
        ..Outcome::NONE
    }
}

pub fn state_of(job: &Job, summary: &Summary) -> State {
    match summary.ending {
        Ending::Succeeded => State::Stopped,
        Ending::Failed if summary.is_canceled(job.cancel_requested.get()) => State::Canceled,
        Ending::Failed => State::Error,
    }
}

/// Says in the directory how a job ended whose worker may not have been able to.
pub fn settle_in_directory(job: &Job, outcome: &Outcome, state: State) {
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
        &directory::End {
            ending: match (state, outcome.sqlstate) {
                (State::Canceled, _) => directory::Ending::Canceled,
                (_, code::CONNECTION_FAILURE) => directory::Ending::Lost,
                _ => directory::Ending::Failed,
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
