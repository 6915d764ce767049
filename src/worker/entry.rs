//! The job's entry in the cluster's directory.

use super::log;
use super::state::STATE;
use crate::channel::outcome::{Ending, Summary, Text};
use crate::channel::segment::Channel;
use crate::channel::wire::text::clip;
use crate::directory::{self, Begun, Ended, Ticket};
use crate::pg::error::raise_canceled;
use crate::pg::{encoding, process};

/// Maps the directory, if the launcher has, and says that this process will get the job. Before exit callbacks of ours are
/// registered, so that the directory's comes after them.
pub fn attach(channel: Channel) {
    directory::attach_segment(channel.entry().0);
    if let Some(ticket) = Ticket::of(channel.entry()) {
        directory::assign(ticket);
    }
}

/// The process is about to begin with the job. Raises 57014 if somebody has cancelled it.
pub fn begin(channel: Channel) {
    let Some(ticket) = Ticket::of(channel.entry()) else {
        return;
    };
    match directory::begin(ticket, STATE.connected.get()) {
        Begun::Yes => {}
        Begun::Canceled => raise_canceled(),
        // Its launch has failed meanwhile: nobody knows of it.
        Begun::Gone => process::exit(0),
    }
}

/// Says how the job ended, once. Nothing here may fail. Whoever waits for the job is to be woken once that is published.
pub fn end(channel: Channel, summary: &Summary, would_stay: bool) -> Ended {
    let failed = summary.ending == Ending::Failed;
    let text = |which, wanted| channel.outcome.text(which).filter(|_| wanted);
    let mut ascii = [0; directory::MESSAGE_LIMIT];
    let message = text(Text::Message, failed).map(|message| {
        let message = clip(message, directory::MESSAGE_LIMIT, |rest| {
            encoding::character_length_in(summary.encoding, rest)
        });
        if summary.encoding == encoding::database() {
            return message;
        }
        // Converting might fail.
        for (to, from) in ascii.iter_mut().zip(message) {
            *to = if from.is_ascii() { *from } else { b'?' };
        }
        ascii.get(..message.len()).unwrap_or(message)
    });
    let ending = match summary.ending {
        Ending::Succeeded => directory::Ending::Succeeded,
        Ending::Failed if summary.is_canceled(channel.is_cancel_requested()) => {
            directory::Ending::Canceled
        }
        Ending::Failed => directory::Ending::Failed,
    };
    let end = directory::End {
        ending,
        timed_out: summary.timed_out,
        sqlstate: summary.sqlstate,
        message,
        tag: text(Text::CommandTag, !failed),
        row_count: summary.rows(),
        started_at: summary.started_at,
        finished_at: summary.finished_at,
    };
    let ended = directory::end(&end, would_stay);
    log::note_end(ended.ending, summary);
    ended
}
