//! This session's hold on a worker process: segment, queues, process handle, and what the worker was told last.

use super::STATE;
use super::list::{Listed, Ref};
use super::settings::Told;
use crate::channel::credit::Inlet;
use crate::channel::segment::Channel;
use crate::pg::bgworker::{self, Status};
use crate::pg::identity::Identity;
use crate::pg::memory::Context;
use crate::pg::shm_mq::{QueueHandle, Received};
use core::cell::Cell;
use core::ffi::c_int;

/// A link. It is in one place at a time: with a running job, in the list of idle workers, or in that of leaving ones.
pub struct Link {
    pub next: Cell<Option<LinkRef>>,
    /// The link itself, its handles and what was sent live here.
    pub context: Context,
    pub channel: Channel,
    pub process: bgworker::WorkerHandle,
    /// 0 until it has attached.
    pub pid: Cell<c_int>,
    pub requests: QueueHandle,
    pub responses: Cell<Inlet>,
    /// As whom the worker runs jobs.
    pub identity: Identity,
    /// The libraries and settings that the worker was sent last.
    pub told: Cell<Told>,
    /// A signal went out to it: it might arrive in the middle of another job, so there will be none.
    pub signaled: Cell<bool>,
}

/// A link. `reap` ends it, once it is in the list of leaving workers.
pub type LinkRef = Ref<Link>;

impl Listed for Link {
    fn context(&self) -> Context {
        self.context
    }

    fn next(&self) -> &Cell<Option<LinkRef>> {
        &self.next
    }
}

impl Link {
    /// Asks the job to end. Nothing is signalled whose outcome is final.
    pub fn cancel(&self) {
        self.channel.request_cancel();
        if !self.channel.outcome.is_published() {
            self.signaled.set(true);
            self.process.interrupt();
        }
    }

    /// Ends the process, unless the outcome is final.
    pub fn terminate(&self) {
        if !self.channel.outcome.is_published() {
            self.signaled.set(true);
            self.process.terminate();
        }
    }

    /// Whether the worker has left without the job that it was claimed for. It leaves after it has said how a job ended, so in this
    /// order.
    pub fn has_left_early(&self) -> bool {
        self.channel.is_leaving() && !self.channel.outcome.is_published()
    }

    /// The next frame, if there is one, valid until the next call.
    pub fn receive<'a>(&self) -> Received<'a> {
        let mut responses = self.responses.get();
        let received = responses.receive();
        self.responses.set(responses);
        received
    }
}

/// Gives up a worker's segment and queues, which makes it leave. Its slot is free once the postmaster has noticed.
pub fn release(link: LinkRef) {
    // A job that still runs there, because it could not be handed over or talked nonsense, leaves no file behind.
    link.channel.set_unwanted();
    link.requests.detach();
    link.channel.rouse_worker();
    link.channel.segment().detach();
    STATE.leaving.push(link);
}

/// Forgets workers that the postmaster has reaped.
pub fn reap() {
    for link in STATE.leaving.iter() {
        if link.process.status() == Status::Stopped {
            STATE.leaving.remove(link);
            link.context.delete();
        }
    }
}
