//! What the process does when it comes and when it goes, whichever way that is.

use super::state::STATE;
use super::{entry, log, messages, outcome, sending};
use crate::channel::credit::Outlet;
use crate::channel::progress::MESSAGE_LIMIT;
use crate::channel::segment::Channel;
use crate::channel::wire::text::clip;
use crate::directory;
use crate::nested;
use crate::pg::memory::Context;
use crate::pg::text::Str;
use crate::pg::{encoding, identity, process, xact};
use crate::rows::file;

/// Takes hold of both queues and of the process's messages. The exit callback is registered here, before the process
/// connects: callbacks run in reverse, so it comes after the rollback.
pub fn attach(channel: Channel, context: Context) {
    entry::attach(channel);
    let (requests, responses) = (channel.requests(), channel.responses());
    responses.become_sender();
    let handle = responses.attach(channel.segment(), context);
    sending::attach(Outlet::new(channel, handle));
    STATE.channel.set(Some(channel));
    nested::set_waits(Some(&channel.waits));
    messages::redirect();
    process::before_exit(on_exit);
    xact::after_commit(on_commit);
    channel.set_attached(identity::pid());
    // This wakes the launcher.
    requests.become_receiver();
    STATE
        .requests
        .set(Some(requests.attach(channel.segment(), context)));
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

/// Notes the commit of the job's last transaction, so that whatever happens after it is no failure any more.
fn on_commit() {
    if STATE.job.get().committing {
        STATE.note(|job| job.committed = true);
    }
}

/// Nothing here may fail.
fn on_exit() {
    if let Some(channel) = STATE.channel.get() {
        outcome::settle(channel);
        log::tell(channel);
        if channel.flow.is_orphaned() {
            // The session removes it as well, but may have been there before us.
            file::remove_all(channel.launcher_pid());
        }
    }
    // The segment is unmapped next; a message that somebody still has to send goes nowhere.
    STATE.channel.set(None);
    nested::set_waits(None);
    STATE.requests.set(None);
    sending::detach();
}
