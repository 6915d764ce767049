//! docs/ARCHITECTURE.md, Warm workers. A worker whose job went well stays for the session's next one.

use super::link::{self, LinkRef};
use super::{STATE, registry};
use crate::channel;
use crate::channel::segment::Availability;
use crate::directory;
use crate::pg::Oid;
use crate::pg::bgworker::Status;
use crate::pg::identity::Identity;
use crate::pg::procs::{self, Waiting};
use crate::settings;

/// A worker's job has ended: keeps it, if it stays and may be used again.
pub fn keep(link: LinkRef) {
    let off = settings::WORKER_IDLE_TIMEOUT.get() == 0;
    if off || link.signaled.get() || !link.channel.is_idle() {
        link::release(link);
        return;
    }
    // The outcome was copied: from here on the record belongs to the next job. If the worker ends meanwhile, it says so
    // there, and not that it did what the last job did.
    link.channel.clear_for_next_job();
    if !registry::has_unread_result(link.pid.get()) {
        link.channel.set_unread(false);
    }
    STATE.idle.push(link);
}

/// Lets go of workers that have left.
pub fn release_gone() {
    take(|link| match link.channel.is_idle() {
        true => Taken::Keep,
        false => Taken::Release,
    });
}

/// Claims an idle worker that may do a job of this identity and size, if there is one and there are not too many, as `Claimed`
/// or `Awaited`. Workers found gone are let go.
pub fn claim(
    identity: &Identity,
    queue_size: usize,
    is_one_too_many: bool,
    claimed: Availability,
) -> Option<LinkRef> {
    if settings::WORKER_IDLE_TIMEOUT.get() == 0 || is_one_too_many {
        dismiss_all();
        return None;
    }
    let fits = |link: LinkRef| {
        link.identity == *identity
            && link.channel.response_size() >= queue_size
            && !registry::has_unread_result(link.pid.get())
            && !(link.channel.has_gained() && link.told.get().is_news())
    };
    take(|link| {
        if !link.channel.is_idle() {
            // It decided to leave, or did not stay in the first place.
            return Taken::Release;
        }
        if !fits(link) {
            return Taken::Keep;
        }
        if link
            .channel
            .change_availability(Availability::Idle, claimed)
        {
            Taken::Return
        } else {
            Taken::Release
        }
    })
}

/// Lets every idle worker of this session go. Returns whether there was any.
pub fn dismiss_all() -> bool {
    let any = STATE.idle.first().is_some();
    take(|link| {
        let _ = link
            .channel
            .change_availability(Availability::Idle, Availability::Claimed);
        Taken::Release
    });
    any
}

/// Asks idle workers of all sessions to leave, of one role or of all. Returns whether anyone was asked.
pub fn evict(role: Option<Oid>) -> bool {
    let own = dismiss_all();
    let others = Waiting {
        backend_type: channel::BACKEND_TYPE,
        events: [channel::IDLE.id(), channel::READY.id()],
        role,
    };
    own || others.signal(0, libc::SIGUSR2) > 0
}

/// How many slots are in use by workers that have something to do, of this extension and of others; without a directory, by
/// all.
pub fn busy_slots() -> usize {
    let ours = directory::count_running(None)
        .unwrap_or_else(|| procs::count_workers(channel::BACKEND_TYPE, None));
    ours + procs::count_workers_of_others(channel::BACKEND_TYPE)
}

/// Whether a slot is about to become free, as far as can be known: some worker is idle, on its way out, or not to be seen yet
/// or any more.
pub fn slot_is_coming() -> bool {
    !directory::is_there() || busy_slots() < procs::max_worker_processes()
}

/// What to do with an idle worker.
enum Taken {
    Keep,
    Release,
    Return,
}

/// Walks the list, releasing what `decide` says, until it returns one.
fn take(decide: impl Fn(LinkRef) -> Taken) -> Option<LinkRef> {
    for link in STATE.idle.iter() {
        let taken = if link.process.status() == Status::Stopped {
            Taken::Release
        } else {
            decide(link)
        };
        if let Taken::Keep = taken {
            continue;
        }
        STATE.idle.remove(link);
        if let Taken::Return = taken {
            return Some(link);
        }
        link::release(link);
    }
    None
}
