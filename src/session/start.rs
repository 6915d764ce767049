//! Starting a worker process: segment, queues, registration, attachment. An error or interrupt at any step leaves nothing
//! behind.

use super::link::{Link, LinkRef, Told};
use super::{context, deadlock, idle, pump, wait};
use crate::channel::segment::{Channel, Peer};
use crate::channel::{self, settings};
use crate::hooks;
use crate::pg::bgworker::{Handle, Registration, Status};
use crate::pg::error::{Report, catch, code};
use crate::pg::identity::{self, Identity};
use crate::pg::latch::{self, WaitEvent};
use crate::pg::memory::Context;
use crate::pg::text::format;
use crate::pg::timestamp::{Deadline, now};
use core::cell::Cell;
use core::ffi::{c_int, c_long};

/// Shown while a launch waits for its worker to start and take the request.
pub static WAIT_FOR_START: WaitEvent = WaitEvent::new(c"PgBackgroundLaunch");
/// Shown while a launch waits for a worker slot.
static WAIT_FOR_SLOT: WaitEvent = WaitEvent::new(c"PgBackgroundSlot");

/// How often to look for a slot, in milliseconds: nothing tells when another session's worker has left.
const SLOT_RETRY: c_long = 10;

/// So many looks in a row have to find every slot taken by a busy worker.
const LOOKS: u32 = 3;

/// How long to wait where a slot is about to become free, in milliseconds.
const COURTESY: i64 = 1000;

/// What a starting worker has so far; an error takes it back.
struct Start {
    context: Context,
    channel: Cell<Option<Channel>>,
    process: Cell<Option<Handle>>,
}

/// Starts a worker process and waits until it holds both queues.
pub fn start_worker(identity: Identity, response_size: usize) -> LinkRef {
    let start = Start {
        context: context().create(c"pg_background worker link"),
        channel: Cell::new(None),
        process: Cell::new(None),
    };
    let link = Cell::new(None);
    if let Err(caught) = catch(|| link.set(Some(try_start(&start, identity, response_size)))) {
        // A worker that was registered never starts, or ends. Queues go with their segment.
        if let Some(process) = start.process.get() {
            process.terminate();
        }
        if let Some(channel) = start.channel.get() {
            channel.segment().detach();
        }
        start.context.delete();
        caught.rethrow();
    }
    match link.get() {
        Some(link) => link,
        None => unreachable!(),
    }
}

/// Every resource is noted in `start` as soon as it is there.
fn try_start(start: &Start, identity: Identity, response_size: usize) -> LinkRef {
    let channel = create_channel(&identity, response_size);
    start.channel.set(Some(channel));
    hooks::point("launch-segment");
    let requests = channel.requests().attach(channel.segment(), start.context);
    let responses = channel.responses().attach(channel.segment(), start.context);
    let process = register(channel, start.context);
    start.process.set(Some(process));
    hooks::point("launch-registered");
    let pid = wait_for_attach(channel, process);
    hooks::point("launch-attached");
    LinkRef::new(Link {
        next: Cell::new(None),
        context: start.context,
        channel,
        process,
        pid,
        requests,
        responses: Cell::new(Some(responses)),
        identity,
        told: Cell::new(Told {
            context: start.context.create(c"pg_background settings sent"),
            libraries: &[],
            settings: &[],
        }),
        signaled: Cell::new(false),
    })
}

/// Makes the segment. Where none is left, idle workers give theirs back.
fn create_channel(identity: &Identity, response_size: usize) -> Channel {
    let peer = Peer {
        database: identity::database(),
        authenticated_user: identity.authenticated_user,
        launcher_pid: identity::pid(),
    };
    if let Some(channel) = Channel::create(&peer, response_size) {
        return channel;
    }
    let second_try = idle::dismiss_all().then(|| Channel::create(&peer, response_size));
    if let Some(Some(channel)) = second_try {
        return channel;
    }
    Report::error(code::INSUFFICIENT_RESOURCES)
        .message(format_args!("could not create shared memory for a background job"))
        .detail(format_args!("The cluster has no dynamic shared memory segment left."))
        .hint(format_args!(
            "Wait until other background jobs or parallel queries have ended, or raise max_connections."
        ))
        .raise()
}

/// Registers the worker. Where every slot is taken, idle workers of all sessions are asked to leave; then it waits up to
/// pg_background.launch_timeout, or a moment if anyone may be leaving.
fn register(channel: Channel, handle_context: Context) -> Handle {
    let registration = Registration {
        name: format(format_args!(
            "pg_background worker for PID {}",
            identity::pid()
        )),
        kind: channel::KIND,
        library: channel::LIBRARY,
        function: channel::ENTRY,
        argument: channel.segment().handle() as usize,
    };
    if let Some(handle) = Handle::register(&registration, handle_context) {
        return handle;
    }
    let deadline = Deadline::after(i64::from(settings::LAUNCH_TIMEOUT.get()));
    let courtesy = Deadline::after(COURTESY);
    let mut looks = 0;
    loop {
        latch::reset();
        idle::evict(None);
        if let Some(handle) = Handle::register(&registration, handle_context) {
            return handle;
        }
        pump::pump_all();
        let time = now();
        // A worker that has just been woken shows for a moment neither that it was idle nor that it leaves: look again.
        looks = if idle::slot_is_coming() { 0 } else { looks + 1 };
        let may_wait = !deadline.passed(time) || (looks < LOOKS && !courtesy.passed(time));
        if !may_wait {
            Report::error(code::INSUFFICIENT_RESOURCES)
                .message(format_args!("could not register a background worker"))
                .detail(format_args!("All slots of max_worker_processes are in use."))
                .hint(format_args!(
                    "Raise max_worker_processes, or set pg_background.launch_timeout to wait for a free slot."
                ))
                .raise();
        }
        hooks::point("launch-slot");
        latch::wait(Some(SLOT_RETRY), &WAIT_FOR_SLOT);
    }
}

/// Waits until the worker holds both queues; returns its process id.
fn wait_for_attach(channel: Channel, process: Handle) -> c_int {
    loop {
        latch::reset();
        let status = process.status();
        if let (Status::Started(pid), true) = (status, channel.is_attached()) {
            return pid;
        }
        if status == Status::Stopped {
            fail_to_start();
        }
        pump::pump_all();
        hooks::point("launch-attaching");
        latch::wait(None, &WAIT_FOR_START);
    }
}

pub fn fail_to_start() -> ! {
    Report::error(code::INSUFFICIENT_RESOURCES)
        .message(format_args!("background worker could not be started"))
        .detail(format_args!("The process ended before it took the job."))
        .hint(format_args!("The server log may tell more."))
        .raise()
}

/// Waits until everyone can see as whom the worker is connected, or it has failed to.
pub fn wait_for_connection(link: LinkRef) {
    let mut check = wait::next_check();
    loop {
        latch::reset();
        let is_settled = link.channel.is_connected()
            || link.channel.outcome.is_published()
            || link.process.status() == Status::Stopped;
        if is_settled {
            return;
        }
        pump::pump_all();
        let time = now();
        if check.passed(time) {
            if deadlock::waits_for_us(link.pid) {
                wait::raise_deadlock(link.pid);
            }
            check = wait::next_check();
        }
        latch::wait(check.left(time), &WAIT_FOR_START);
    }
}
