//! What the worker tells the launcher: messages through the response queue, the outcome record, progress.
//!
//! PostgreSQL's own redirection (pq_redirect_to_shm_mq) will not do: it does not know of rows that are half sent, and an
//! error that ends the process never passes a handler of ours. So the message methods are ours, and every ErrorResponse
//! fills the outcome record before anything else is done with it.

use super::entry;
use super::notify;
use super::state::STATE;
use crate::channel::IDLE;
use crate::channel::outcome::{Ending, Summary, Text};
use crate::channel::progress::MESSAGE_LIMIT;
use crate::channel::segment::{Availability, Channel};
use crate::channel::wire::report::{Report as WireReport, decimal};
use crate::channel::wire::response::{self, Kind};
use crate::channel::wire::text::clip;
use crate::directory;
use crate::nested;
use crate::pg::error::{Report, code, interrupts_can_be_processed, sqlstate};
use crate::pg::memory::{Context, free};
use crate::pg::shm_mq::Sent;
use crate::pg::text::Str;
use crate::pg::{discard, encoding, identity, libpq, process, procs, timestamp, xact};
use crate::pg_sys as sys;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

/// Takes hold of both queues and of the process's messages. The exit callback is registered here, before the process
/// connects: callbacks run in reverse, so it comes after the rollback.
pub fn attach(channel: Channel, context: Context) {
    entry::attach(channel);
    let (requests, responses) = (channel.requests(), channel.responses());
    requests.become_receiver();
    responses.become_sender();
    STATE
        .requests
        .set(Some(requests.attach(channel.segment(), context)));
    STATE
        .responses
        .set(Some(responses.attach(channel.segment(), context)));
    STATE.channel.set(Some(channel));
    nested::set_waits(Some(&channel.waits));
    libpq::redirect(&METHODS);
    process::before_exit(on_exit);
    xact::register_callback(on_transaction_end);
    channel.set_attached(identity::pid());
    requests.wake_sender();
}

/// Whether this process is a worker that runs a job.
pub fn in_job() -> bool {
    STATE.channel.get().is_some()
}

/// pg_background_progress: what the launcher may look at while the job runs.
pub fn report_progress(percent: i32, message: Option<Str>) {
    if let Some(channel) = STATE.channel.get() {
        let message = message.map(|m| clip(m.bytes(), MESSAGE_LIMIT, encoding::character_length));
        let percent = percent.clamp(0, 100);
        channel.progress.write(percent, message);
        directory::report_progress(percent, message);
    }
}

/// Sends one message, waiting interruptibly while the queue is full. If an error leaves it half sent, `busy` stays set and
/// nothing else is ever sent.
pub fn send<const N: usize>(parts: [&[u8]; N], flush: bool) {
    if STATE.discard.get() {
        return;
    }
    if STATE.busy.get() {
        // The job has caught the error that left a message half sent, and goes on: what it has to say cannot arrive.
        Report::error(code::QUERY_CANCELED)
            .message(format_args!(
                "background job was interrupted while it was sending a message"
            ))
            .raise();
    }
    send_unsent();
    send_whole(parts, flush);
}

fn send_whole<const N: usize>(parts: [&[u8]; N], flush: bool) {
    let Some(responses) = STATE.responses.get() else {
        return;
    };
    #[cfg(feature = "test-hooks")]
    let parts = crate::hooks::corrupt(parts);
    STATE.busy.set(true);
    let sent = responses.send(parts, false, flush);
    STATE.busy.set(false);
    match sent {
        Sent::Done => STATE.messages.set(STATE.messages.get() + 1),
        _ => STATE.discard.set(true),
    }
}

/// The launcher has made a new response queue for this job, in place of the one that both sides had let go of.
pub fn take_new_queue(channel: Channel) {
    let responses = channel.responses();
    responses.become_sender();
    STATE
        .responses
        .set(Some(responses.attach(channel.segment(), Context::top())));
}

/// The table that elog.c sends through.
static METHODS: sys::PQcommMethods = sys::PQcommMethods {
    comm_reset: Some(comm_reset),
    flush: Some(flush_nothing),
    flush_if_writable: Some(flush_nothing),
    is_send_pending: Some(is_send_pending),
    putmessage: Some(put_message),
    putmessage_noblock: Some(put_message_noblock),
};

unsafe extern "C-unwind" fn comm_reset() {}

unsafe extern "C-unwind" fn flush_nothing() -> c_int {
    0
}

unsafe extern "C-unwind" fn is_send_pending() -> bool {
    false
}

unsafe extern "C-unwind" fn put_message(kind: c_char, body: *const c_char, length: usize) -> c_int {
    // SAFETY: pqformat.c passes the body it has built.
    let body = unsafe { core::slice::from_raw_parts(body.cast::<u8>(), length) };
    match kind as u8 {
        b'E' => capture_error(body),
        b'N' => send_notice(body),
        // Only errors and notices concern the launcher: rows take another way, everything else is for clients.
        _ => {}
    }
    0
}

unsafe extern "C-unwind" fn put_message_noblock(kind: c_char, body: *const c_char, length: usize) {
    // SAFETY: as passed to us.
    unsafe { put_message(kind, body, length) };
}

/// Passes a notice on. Where waiting could not be interrupted it goes as far as there is room, and the rest before the
/// next message: a full queue whose reader is elsewhere must never hold up an abort. A second one meanwhile is left to the
/// server log, which has it already.
fn send_notice(body: &[u8]) {
    if STATE.busy.get() {
        return;
    }
    let header = response::header(Kind::Notice, encoding::client() as u8, 0);
    if interrupts_can_be_processed() {
        send([&header, body], true);
        return;
    }
    let Some(responses) = STATE.responses.get() else {
        return;
    };
    if STATE.discard.get() || STATE.unsent.get().is_some() {
        return;
    }
    // Copied first: once a part is in the queue, nothing may fail before the rest is safe.
    let rest = Context::top().copy_bytes(body);
    match responses.send([&header, rest], true, true) {
        Sent::Done => STATE.messages.set(STATE.messages.get() + 1),
        Sent::WouldBlock => {
            STATE.unsent.set(Some((header, rest)));
            return;
        }
        Sent::Detached => STATE.discard.set(true),
    }
    free_body(rest);
}

fn free_body(body: &'static [u8]) {
    // SAFETY: `send_notice` has copied it, and nobody uses it any more.
    unsafe { free(NonNull::from(body).cast::<u8>()) };
}

/// Sends the rest of a notice that had found no room. Nothing else may go into the queue before.
pub fn send_unsent() {
    if let Some((header, body)) = STATE.unsent.take() {
        if !STATE.discard.get() {
            send_whole([&header, body], true);
        }
        free_body(body);
    }
}

/// Keeps an ErrorResponse, of an ERROR or a FATAL, for the outcome record.
fn capture_error(body: &[u8]) {
    let (Some(channel), Ok(report)) = (STATE.channel.get(), WireReport::decode(body)) else {
        return;
    };
    if channel.outcome.is_published() || STATE.committed.get() {
        return;
    }
    let client_encoding = encoding::client();
    let cut = |bytes: &[u8], limit: usize| {
        clip(bytes, limit, |rest| {
            encoding::character_length_in(client_encoding, rest)
        })
        .len()
    };
    let mut all_fits = true;
    for (which, text) in [
        (Text::Message, Some(report.message)),
        (Text::Detail, report.detail),
        (Text::Hint, report.hint),
        (Text::Context, report.context),
        (Text::SchemaName, report.schema_name),
        (Text::TableName, report.table_name),
        (Text::ColumnName, report.column_name),
        (Text::DatatypeName, report.datatype_name),
        (Text::ConstraintName, report.constraint_name),
        (Text::InternalQuery, report.internal_query),
    ] {
        all_fits &= channel.outcome.set_text(which, text, cut);
    }
    let mut state = sqlstate(&report.sqlstate);
    if STATE.timed_out.load(Ordering::Relaxed)
        && matches!(state, code::QUERY_CANCELED | code::ADMIN_SHUTDOWN)
    {
        state = code::QUERY_CANCELED;
        channel.outcome.set_text(
            Text::Message,
            Some(b"canceling background job due to its time-out"),
            cut,
        );
    }
    STATE.sqlstate.set(state);
    STATE.encoding.set(client_encoding);
    STATE.position.set(decimal(report.position).unwrap_or(0));
    STATE
        .internal_position
        .set(decimal(report.internal_position).unwrap_or(0));
    STATE.whole_error.set(None);
    if !all_fits && !STATE.discard.get() && !STATE.busy.get() && !process::is_exiting() {
        STATE.whole_error.set(Some(Context::top().copy_bytes(body)));
    }
}

/// The tag of the statement that ran last. Written before the commit, so that publishing needs no memory.
pub fn set_command_tag(tag: Str) {
    if let Some(channel) = STATE.channel.get() {
        channel
            .outcome
            .set_text(Text::CommandTag, Some(tag.bytes()), |_, limit| limit);
    }
}

fn summary(ending: Ending, error_follows: bool) -> Summary {
    Summary {
        ending,
        encoding: STATE.encoding.get(),
        sqlstate: if ending == Ending::Failed {
            STATE.sqlstate.get()
        } else {
            0
        },
        position: STATE.position.get(),
        internal_position: STATE.internal_position.get(),
        timed_out: ending == Ending::Failed && STATE.timed_out.load(Ordering::Relaxed),
        error_follows,
        row_count: STATE.row_count.get(),
        messages: STATE.messages.get() + u64::from(error_follows),
        started_at: STATE.started_at.get(),
        finished_at: timestamp::now(),
    }
}

fn publish(channel: Channel, summary: &Summary) {
    entry::end(channel, summary, false);
    notify::note_end(summary, channel.outcome.text(Text::CommandTag));
    channel.outcome.publish(summary);
    STATE.summary.set(None);
    // The sender of requests is the launcher, also where it let go of the responses.
    channel.requests().wake_sender();
}

/// The process is about to end and counts no more, unless that may take long: before it ends it drops temporary tables, and
/// waits for whoever has locked one.
fn resign() {
    if !discard::has_temp_namespace() {
        procs::resign();
    }
}

/// The job has committed. Returns whether the process stays.
pub fn publish_success(channel: Channel, stays: bool) -> bool {
    end(channel, &summary(Ending::Succeeded, false), stays)
}

/// The job has ended, one way or the other. If the process stays, it can be claimed from here on; not if a signal of another
/// session may be on its way. Returns whether it does.
fn end(channel: Channel, summary: &Summary, stays: bool) -> bool {
    STATE.summary.set(Some(*summary));
    let stays = !entry::end(channel, summary, stays) && stays;
    STATE.forget_job();
    if stays {
        let let_go = channel.is_let_go().then(|| STATE.responses.take());
        if let Some(Some(responses)) = let_go {
            responses.detach();
            channel.set_released();
        }
        channel.set_availability(Availability::Idle);
        IDLE.advertise();
    } else {
        resign();
    }
    publish(channel, summary);
    stays
}

/// An error has ended the job, which has been rolled back, unless it was committed before. Returns whether the process stays.
pub fn publish_failure(channel: Channel, stays: bool) -> bool {
    if STATE.committed.get() {
        publish_success(channel, stays)
    } else if stays {
        end(channel, &summary(Ending::Failed, false), true)
    } else {
        let error_follows = STATE.whole_error.get().is_some();
        // Its reader may take his time; until then the process is there and counts.
        if !error_follows {
            resign();
        }
        publish(channel, &summary(Ending::Failed, error_follows));
        false
    }
}

/// Sends the error whose texts the record had to cut. The job is over: waiting for the reader holds nothing but a process,
/// and a cancel comes too late to cut them.
pub fn send_whole_error() {
    let Some(body) = STATE.whole_error.take() else {
        return;
    };
    if !STATE.busy.get() && STATE.unsent.get().is_none() {
        let header = response::header(Kind::Error, STATE.encoding.get() as u8, 0);
        process::with_cancels_held(|| send([&header, body], true));
    }
    resign();
}

/// Notes the commit of the job's last transaction, so that whatever happens after it is no failure any more.
unsafe extern "C-unwind" fn on_transaction_end(event: sys::XactEvent, _argument: *mut c_void) {
    if event == sys::XACT_EVENT_COMMIT && STATE.committing.get() {
        STATE.committed.set(true);
    }
}

/// Says how the job ended, if nobody has: the process was terminated, or left by a way of its own. Nothing here may fail.
unsafe extern "C-unwind" fn on_exit(_code: c_int, _argument: sys::Datum) {
    if let Some(channel) = STATE.channel.get() {
        settle(channel);
    }
    // The segment is unmapped next; a message that somebody still has to send goes nowhere.
    STATE.channel.set(None);
    nested::set_waits(None);
    STATE.requests.set(None);
    STATE.responses.set(None);
}

fn settle(channel: Channel) {
    if let Some(summary) = STATE.summary.get() {
        publish(channel, &summary);
        return;
    }
    let has_no_job = channel.change_availability(Availability::Idle, Availability::Leaving)
        || channel.change_availability(Availability::Leaving, Availability::Leaving);
    if has_no_job || channel.outcome.is_published() {
        return;
    }
    if STATE.committed.get() {
        publish_success(channel, false);
        return;
    }
    if STATE.sqlstate.get() == 0 {
        STATE.sqlstate.set(code::ADMIN_SHUTDOWN);
        channel.outcome.set_text(
            Text::Message,
            Some(b"background worker exited before its job was finished"),
            |_, limit| limit,
        );
    }
    publish(channel, &summary(Ending::Failed, false));
}
