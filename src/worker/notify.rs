//! Tells whoever listens that a job has ended.
//!
//! In a transaction of its own, once the outcome is published: the launcher does not wait for it. It may fail, and whoever
//! is terminated meanwhile loses it; the outcome is none the worse for that.

use super::identity;
use super::state::STATE;
use crate::channel::outcome::{self, Ending, Summary};
use crate::channel::segment::Channel;
use crate::channel::wire::request::Request;
use crate::channel::wire::text::clip;
use crate::injection;
use crate::pg::error::{Level, Report, catch_into, sqlstate_text};
use crate::pg::memory::Context;
use crate::pg::notify::notify;
use crate::pg::statement::TAG_LIMIT;
use crate::pg::text::{Str, Text, format};
use crate::pg::{encoding, guc, process, xact};
use core::ffi::c_int;

/// Bytes of a label that are told.
const LABEL_LIMIT: usize = 100;

/// What will have to be told of the job at hand. The texts are where the request is.
#[derive(Clone, Copy)]
pub struct Due {
    channel: Str,
    label: Option<Str>,
    cookie: i64,
    /// Packed; 0 for success.
    sqlstate: c_int,
    is_canceled: bool,
    row_count: u64,
    tag: [u8; TAG_LIMIT],
    tag_length: usize,
}

/// Notes what a request asks for.
pub fn note_request(request: &Request<'_>) {
    // SAFETY: the request was copied to a context that lives until the notification is sent.
    let text = |text| unsafe { Str::from_cstr(text) };
    STATE.due.set(request.channel.map(|channel| Due {
        channel: text(channel),
        label: request.label.map(text),
        cookie: request.cookie,
        sqlstate: 0,
        is_canceled: false,
        row_count: 0,
        tag: [0; TAG_LIMIT],
        tag_length: 0,
    }));
}

/// Notes how the job ended, right before that is published. Nothing here may fail.
pub fn note_end(channel: Channel, summary: &Summary) {
    let Some(mut due) = STATE.due.get() else {
        return;
    };
    if summary.ending == Ending::Succeeded {
        due.row_count = summary.row_count;
        let tag = channel
            .outcome
            .text(outcome::Text::CommandTag)
            .unwrap_or(&[]);
        due.tag_length = tag.len().min(TAG_LIMIT);
        due.tag[..due.tag_length].copy_from_slice(&tag[..due.tag_length]);
    } else {
        due.sqlstate = summary.sqlstate;
        due.is_canceled = summary.is_canceled(channel.is_cancel_requested());
    }
    STATE.due.set(Some(due));
}

/// Sends the notification that is due, if one is. Whatever goes wrong is a warning in the server's log.
pub fn tell(channel: Channel) {
    if STATE.due.get().is_some() && !STATE.connecting.get() {
        // The job was over before it began.
        identity::connect(channel);
    }
    let Some(due) = STATE.due.take() else { return };
    if !STATE.connected.get() {
        return;
    }
    let context = Context::current().create(c"pg_background notification");
    // The launcher has all messages that it was told of; none follows, since the job has ended (`sending::end`).
    // A cancel that comes now is not for this; it is served before the next job's statements.
    let send = || process::with_cancels_held(|| context.run(|| send(&due)));
    if let Err(caught) = catch_into(context, send) {
        xact::abort();
        context.run(|| {
            Report::new(Level::Warning, caught.code())
                .message(format_args!(
                    "could not notify channel \"{}\" of the end of a background job",
                    due.channel
                ))
                .detail(format_args!("{}", caught.message()))
                .emit();
        });
    }
    context.delete();
}

fn send(due: &Due) {
    injection::point("worker-notify");
    xact::start_command();
    // The commit may wait for others that notify, and must not wait for a disk or a standby: the job is over.
    guc::set_local(c"synchronous_commit", c"off");
    guc::set_local(c"lock_timeout", c"0");
    if guc::HAS_TRANSACTION_TIMEOUT {
        guc::set_local(c"transaction_timeout", c"0");
    }
    notify(due.channel, payload(due));
    xact::commit_command();
}

fn payload(due: &Due) -> Str {
    let sqlstate = sqlstate_text(due.sqlstate);
    let state: &[u8] = match due.sqlstate {
        0 => b"stopped",
        _ if due.is_canceled => b"canceled",
        _ => b"error",
    };
    let label = |label: Str| clip(label.bytes(), LABEL_LIMIT, encoding::character_length);
    let mut json = Text::new();
    json.push(b"{\"pid\":");
    json.push(format(format_args!("{}", crate::pg::identity::pid())).bytes());
    json.push(b",\"cookie\":");
    json.push(format(format_args!("{}", due.cookie)).bytes());
    json.push(b",\"label\":");
    push_string(&mut json, due.label.map(label));
    json.push(b",\"state\":");
    push_string(&mut json, Some(state));
    json.push(b",\"sqlstate\":");
    push_string(&mut json, (due.sqlstate != 0).then_some(&sqlstate));
    json.push(b",\"row_count\":");
    json.push(format(format_args!("{}", due.row_count)).bytes());
    json.push(b",\"command_tag\":");
    let tag = &due.tag[..due.tag_length];
    push_string(&mut json, (!tag.is_empty()).then_some(tag));
    json.push(b"}");
    json.into_str()
}

/// A string of JSON, or null.
fn push_string(json: &mut Text, text: Option<&[u8]>) {
    match text {
        Some(text) => json.push_quoted(text),
        None => json.push(b"null"),
    }
}
