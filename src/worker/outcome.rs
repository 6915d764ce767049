//! How the job ended: the outcome record, filled and published once.

use super::entry;
use super::notify;
use super::sending::{self, Sent};
use super::state::{Job, STATE};
use crate::channel::READY;
use crate::channel::outcome::{Ending, Summary, Text};
use crate::channel::segment::{Availability, Channel};
use crate::channel::wire::response::{self, Kind};
use crate::directory;
use crate::pg::error::{catch_on_stack, code};
use crate::pg::text::Str;
use crate::pg::timestamp;
use core::sync::atomic::Ordering;

/// The tag of the statement that ran last. Written before the commit, so that publishing needs no memory.
pub fn set_command_tag(tag: Str) {
    if let Some(channel) = STATE.channel.get() {
        channel
            .outcome
            .set_text(Text::CommandTag, Some(tag.bytes()), |_, limit| limit);
    }
}

fn summary(ending: Ending, sent: Sent) -> Summary {
    let job = STATE.job.get();
    Summary {
        ending,
        encoding: job.encoding,
        sqlstate: if ending == Ending::Failed {
            job.sqlstate
        } else {
            0
        },
        position: job.position,
        internal_position: job.internal_position,
        timed_out: ending == Ending::Failed && STATE.timed_out.load(Ordering::Relaxed),
        is_incomplete: sent.is_incomplete,
        row_count: job.row_count,
        frames: sent.frames,
        filed: sent.filed,
        started_at: job.started_at,
        finished_at: timestamp::now(),
    }
}

fn publish(channel: Channel, summary: &Summary) {
    let ended = entry::end(channel, summary, false);
    notify::note_end(channel, summary);
    channel.outcome.publish(summary);
    STATE.summary.set(None);
    channel.wake_launcher();
    directory::wake_for_ended(ended);
}

/// The job has committed. Returns whether the process stays.
pub fn publish_success(channel: Channel, stays: bool) -> bool {
    let sent = sending::end(channel);
    end(channel, &summary(Ending::Succeeded, sent), stays)
}

/// The job has ended, one way or the other. If the process stays, it can be claimed from here on; not if a signal of another
/// session may be on its way. Returns whether it does.
fn end(channel: Channel, summary: &Summary, stays: bool) -> bool {
    STATE.summary.set(Some(*summary));
    let ended = entry::end(channel, summary, stays);
    STATE.job.set(Job::NONE);
    if ended.stays {
        channel.set_availability(Availability::Idle);
        READY.advertise();
    }
    publish(channel, summary);
    directory::wake_for_ended(ended);
    ended.stays
}

/// An error has ended the job, which has been rolled back, unless it was committed before. Returns whether the process stays.
pub fn publish_failure(channel: Channel, stays: bool) -> bool {
    if STATE.job.get().committed {
        return publish_success(channel, stays);
    }
    send_whole_error();
    let sent = sending::end(channel);
    end(channel, &summary(Ending::Failed, sent), stays)
}

/// Sends the error whose texts the record had to cut. If that fails, they stay cut.
fn send_whole_error() {
    if let Some(body) = STATE.job.get().whole_error {
        let header = response::header(Kind::Error, STATE.job.get().encoding as u8, 0);
        if let Err(caught) = catch_on_stack(|| sending::send_last(header, body)) {
            caught.forget();
        }
    }
}

/// Says how the job ended, if nobody has: the process was terminated, or left by a way of its own. Nothing here may fail.
pub fn settle(channel: Channel) {
    if let Some(summary) = STATE.summary.get() {
        publish(channel, &summary);
        return;
    }
    if channel.leave_without_job() {
        channel.wake_launcher();
        return;
    }
    if channel.outcome.is_published() {
        return;
    }
    if STATE.job.get().committed {
        publish_success(channel, false);
        return;
    }
    if STATE.job.get().sqlstate == 0 {
        STATE.note(|job| job.sqlstate = code::ADMIN_SHUTDOWN);
        channel.outcome.set_text(
            Text::Message,
            Some(b"background worker exited before its job was finished"),
            |_, limit| limit,
        );
    }
    let sent = sending::end(channel);
    publish(channel, &summary(Ending::Failed, sent));
}
