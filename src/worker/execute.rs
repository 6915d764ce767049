//! Runs the job's statements: docs/ARCHITECTURE.md, One job, there and back.

use super::identity::JobUser;
use super::plans::Known;
use super::rows::RowSender;
use super::state::STATE;
use super::{identity, log, outcome, params, sending};
use crate::channel::segment::Channel;
use crate::channel::wire::request::Request;
use crate::injection;
use crate::pg::error::{Report, check_for_interrupts, code, raise_canceled};
use crate::pg::memory::Context;
use crate::pg::params::Given;
use crate::pg::statement::{self, Class, Statements};
use crate::pg::text::{Str, copy_into};
use crate::pg::timeout::Timeout;
use crate::pg::{activity, guc, process, snapshot, timestamp, xact};
use crate::rows::expected;
use core::ffi::c_int;
use core::sync::atomic::Ordering;

/// How long after worker_timeout's cancel a job may still catch its breath, in milliseconds.
const TIMEOUT_GRACE: c_int = 1000;

/// Runs all statements in one transaction and commits it. Raises what they raise.
pub fn run(channel: Channel, request: &Request<'_>) {
    let message_context = message_context();
    // SAFETY: the request is in a context that is emptied when the job is over.
    let sql = unsafe { Str::from_cstr(request.sql) };
    if request.snapshot.is_none() {
        channel.set_running();
    }
    activity::running(sql);
    STATE.note(|job| job.started_at = timestamp::now());
    let given = params::of(request, message_context);
    let known = STATE.plans.find(sql, given);
    let statements = message_context.run(|| known.statements(sql));
    let was_logged = statements.log(sql);
    refuse(request, statements);
    let user = JobUser::of(request, statements);
    user.before_transaction();
    xact::start_command();
    user.in_transaction();
    if let Some(snapshot) = request.snapshot {
        // SAFETY: as the SQL.
        snapshot::import(unsafe { Str::from_cstr(snapshot) });
        // Its launcher waits for this: the snapshot may go with the launching transaction.
        channel.set_running();
        channel.wake_launcher();
    }
    log::note_user();
    let looked_up = STATE.plans.look_again(known, given);
    let statements = if looked_up == known {
        statements
    } else {
        message_context.run(|| looked_up.statements(sql))
    };
    injection::point("worker-run");
    params::check(request);
    expected::check(request.expected);
    let work = Work {
        sql,
        statements,
        given,
        known: looked_up,
    };
    run_each(channel, request, &work, message_context, &user);
    STATE.dblink.look();
    injection::point("worker-commit");
    Timeout::STATEMENT.stop();
    STATE.note(|job| job.committing = true);
    xact::commit_command();
    injection::point("worker-committed");
    stop_timers();
    // A cancel that came while the commit could not be interrupted is too late.
    process::forget_cancel();
    identity::leave_job_user();
    statement::log_duration(sql, was_logged);
    activity::idle();
    message_context.reset();
}

/// What an error has left of the statements.
pub fn forget() {
    message_context().reset();
}

fn message_context() -> Context {
    STATE.message_context.get().unwrap_or_else(|| {
        let context = statement::make_message_context();
        STATE.message_context.set(Some(context));
        context
    })
}

/// What a job is to do.
struct Work {
    sql: Str,
    statements: Statements,
    given: &'static [Given],
    known: Known,
}

/// Runs one statement after the other and sends the answer: the rows of the last, or every command's tag.
fn run_each(
    channel: Channel,
    request: &Request<'_>,
    work: &Work,
    message_context: Context,
    user: &JobUser,
) {
    let Work {
        sql,
        statements,
        given,
        known,
    } = *work;
    let count = statements.len();
    let sender = RowSender::new(message_context, request.expected);
    // Whether they are the answer is known when the last statement has been planned.
    let tags = message_context.alloc_slice(count, |_| Str::from_static(c""));
    for (i, statement) in statements.iter().enumerate() {
        let is_last = i + 1 == count;
        if count > 1 {
            xact::begin_implicit_block();
        }
        if request.read_only {
            xact::force_read_only();
        }
        Timeout::STATEMENT.start(guc::statement_timeout());
        if channel.is_cancel_requested() {
            raise_canceled();
        }
        check_for_interrupts();
        let context = message_context.create(c"pg_background statement");
        let portal = known.with_planning(statements, given, |planning| {
            // SAFETY: the parameters were checked, and are where the request is, which outlives the job.
            unsafe { statement.open(sql, context, given, planning) }
        });
        let receiver = is_last.then(|| sender.receiver());
        if let Some(desc) = portal.columns_of_stored_rows() {
            if is_last && !sending::is_discarding() {
                sender.check(desc);
            }
        }
        let top_level = !(user.is_restricted(request) && statement.class() == Class::CallOrDo);
        // SAFETY: the sender is complete and lives until this function returns.
        let completion = unsafe { portal.run(top_level, receiver) };
        portal.close();
        if is_last {
            STATE.note(|job| job.row_count = completion.rows);
            outcome::set_command_tag(completion.tag);
        }
        tags[i] = copy_into(message_context, completion.tag);
        if is_last {
            if count > 1 {
                xact::end_implicit_block();
            }
        } else {
            xact::command_counter_increment();
            Timeout::STATEMENT.stop();
        }
        context.delete();
    }
    if sending::is_discarding() {
        return;
    }
    if sender.has_begun() {
        sender.finish();
    } else {
        sender.send_tags(tags);
    }
}

/// Refuses what a job cannot do, before anything runs: 0A000.
fn refuse(request: &Request<'_>, statements: Statements) {
    for statement in statements.iter() {
        match statement.class() {
            Class::TransactionControl => Report::error(code::FEATURE_NOT_SUPPORTED)
                .message(format_args!(
                    "{} is not supported in a background job",
                    statement.tag_name()
                ))
                .detail(format_args!(
                    "A job is one transaction of its own: all of its statements commit or none."
                ))
                .hint(format_args!(
                    "Launch one job for each transaction, or CALL a procedure that commits."
                ))
                .raise(),
            Class::ClientCopy => Report::error(code::FEATURE_NOT_SUPPORTED)
                .message(format_args!(
                    "COPY FROM STDIN and COPY TO STDOUT are not supported in a background job"
                ))
                .detail(format_args!(
                    "A background job has no client to copy from or to."
                ))
                .hint(format_args!(
                    "Use a file or a program, INSERT, or SELECT and fetch the rows."
                ))
                .raise(),
            Class::NoTransactionBlock | Class::CallOrDo
                if request.snapshot.is_some() && statements.len() == 1 =>
            {
                Report::error(code::INVALID_PARAMETER_VALUE)
                    .message(format_args!(
                        "{} cannot run with the snapshot of another transaction",
                        statement.tag_name()
                    ))
                    .detail(format_args!("It may start transactions of its own."))
                    .raise();
            }
            _ => {}
        }
    }
}

/// pg_background.worker_timeout: cancels the job, and if it survives that, ends the process. Connecting counts: it may have
/// to wait for locks.
pub fn start_timers(milliseconds: c_int) {
    if milliseconds <= 0 {
        return;
    }
    let (cancel, end) = STATE.timers.get().unwrap_or_else(|| {
        (
            Timeout::register(on_timeout),
            Timeout::register(on_grace_over),
        )
    });
    STATE.timers.set(Some((cancel, end)));
    cancel.start(milliseconds);
    end.start(milliseconds.saturating_add(TIMEOUT_GRACE));
}

fn stop_timers() {
    if let Some((cancel, end)) = STATE.timers.get() {
        cancel.stop();
        end.stop();
    }
}

/// Runs in a signal handler.
unsafe extern "C-unwind" fn on_timeout() {
    STATE.timed_out.store(true, Ordering::Relaxed);
    process::signal_self(libc::SIGINT);
}

/// Runs in a signal handler.
unsafe extern "C-unwind" fn on_grace_over() {
    process::signal_self(libc::SIGTERM);
}
