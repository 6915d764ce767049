//! Starting a worker process: segment, queues, registration; and waiting for it. An error or interrupt at any step leaves nothing
//! behind.

use super::ceilings::Admission;
use super::link::{Link, LinkRef};
use super::settings::Told;
use super::{context, deadlock, idle, pump, wait};
use crate::channel;
use crate::channel::credit::Inlet;
use crate::channel::segment::{Channel, Peer};
use crate::directory::{self, Listing, NoEntry};
use crate::injection;
use crate::pg::bgworker::{Registration, Status, WorkerHandle};
use crate::pg::clock::now;
use crate::pg::error::{Report, catch, check_for_interrupts, code};
use crate::pg::identity::{self, Identity};
use crate::pg::latch::{self, WaitEvent};
use crate::pg::memory::Context;
use crate::pg::text::format;
use core::cell::Cell;

/// Shown while a launch waits for its worker to start and take the request.
pub static WAIT_FOR_START: WaitEvent = WaitEvent::new(c"PgBackgroundLaunch");
/// What a starting worker has so far; an error takes it back.
struct Start {
    context: Context,
    channel: Cell<Option<Channel>>,
    process: Cell<Option<WorkerHandle>>,
}

/// Starts a worker process, which takes its time. From here on the link is what an error takes back.
pub fn start_worker(
    identity: Identity,
    response_size: usize,
    listing: &Listing<'_>,
    admission: &Admission,
) -> LinkRef {
    let start = Start {
        context: context().create(c"pg_background worker link"),
        channel: Cell::new(None),
        process: Cell::new(None),
    };
    catch(|| try_start(&start, identity, response_size, listing, admission)).unwrap_or_else(
        |caught| {
            directory::withdraw();
            // A worker that was registered never starts, or ends. Queues go with their segment.
            if let Some(process) = start.process.get() {
                process.terminate();
            }
            if let Some(channel) = start.channel.get() {
                channel.segment().detach();
            }
            start.context.delete();
            caught.rethrow()
        },
    )
}

/// Every resource is noted in `start` as soon as it is there.
fn try_start(
    start: &Start,
    identity: Identity,
    response_size: usize,
    listing: &Listing<'_>,
    admission: &Admission,
) -> LinkRef {
    let channel = create_channel(&identity, response_size, admission);
    start.channel.set(Some(channel));
    injection::point("launch-segment");
    let requests = channel.requests().attach(channel.segment(), start.context);
    let responses = channel.responses().attach(channel.segment(), start.context);
    let process = register(channel, start.context, listing, admission);
    start.process.set(Some(process));
    injection::point("launch-registered");
    LinkRef::new(Link {
        next: Cell::new(None),
        context: start.context,
        channel,
        process,
        pid: Cell::new(0),
        requests,
        responses: Cell::new(Inlet::new(channel, responses)),
        identity,
        told: Cell::new(Told::nothing(start.context)),
        signaled: Cell::new(false),
    })
}

/// Makes the segment. Where none is left, idle workers of this session give theirs back: those of others have a second
/// holder, their session, which lets go when it calls us next.
fn create_channel(identity: &Identity, response_size: usize, admission: &Admission) -> Channel {
    let peer = Peer {
        database: identity::database(),
        authenticated_user: identity.authenticated_user,
        launcher_pid: identity::pid(),
    };
    let create = || Channel::create(&peer, response_size);
    let ask = || _ = idle::dismiss_all();
    // A worker of ours holds its segment until it has ended; of others' segments nobody knows.
    let Some(channel) =
        create().or_else(|| admission.wait(ask, create, Some(&|| false), || usize::MAX))
    else {
        Report::error(code::INSUFFICIENT_RESOURCES)
            .message(format_args!("could not create shared memory for a background job"))
            .detail(format_args!("The cluster has no dynamic shared memory segment left."))
            .hint(format_args!(
                "Wait until other background jobs or parallel queries have ended, raise max_connections, or raise pg_background.launch_timeout."
            ))
            .raise()
    };
    channel
}

/// Registers the worker. Where every slot is taken, idle workers of all sessions are asked to leave.
fn register(
    channel: Channel,
    handle_context: Context,
    listing: &Listing<'_>,
    admission: &Admission,
) -> WorkerHandle {
    let registration = Registration {
        name: format(format_args!(
            "pg_background worker for PID {}",
            identity::pid()
        )),
        backend_type: channel::BACKEND_TYPE,
        library: channel::LIBRARY,
        function: channel::ENTRY,
        argument: channel.segment().handle() as usize,
    };
    // A job that has no worker yet holds an entry for a moment only.
    let register = || {
        if !try_to_list(channel, listing, admission) {
            return None;
        }
        let handle = WorkerHandle::register(&registration, handle_context);
        if handle.is_none() {
            directory::retract();
        }
        handle
    };
    let ask = || _ = idle::evict(None);
    let Some(handle) = register()
        .or_else(|| admission.wait(ask, register, Some(&idle::slot_is_coming), idle::busy_slots))
    else {
        Report::error(code::INSUFFICIENT_RESOURCES)
            .message(format_args!("could not register a background worker"))
            .detail(format_args!(
                "All slots of max_worker_processes are in use."
            ))
            .hint(format_args!(
                "Raise max_worker_processes or pg_background.launch_timeout."
            ))
            .raise()
    };
    handle
}

/// Enters the job into the cluster's directory, if there is one, and says to its worker where.
pub fn list(channel: Channel, listing: &Listing<'_>, admission: &Admission) {
    let attempt = || try_to_list(channel, listing, admission).then_some(());
    if attempt()
        .or_else(|| admission.wait(|| (), attempt, Some(&|| false), || usize::MAX))
        .is_none()
    {
        Report::error(code::INSUFFICIENT_RESOURCES)
            .message(format_args!(
                "could not enter a background job into the server's directory"
            ))
            .detail(format_args!("All of its entries are in use."))
            .raise();
    }
}

fn try_to_list(channel: Channel, listing: &Listing<'_>, admission: &Admission) -> bool {
    let waited = admission.waited();
    match directory::enter(&Listing { waited, ..*listing }) {
        Ok(Some(ticket)) => channel.set_entry(directory::handle(), ticket.place, ticket.id),
        Ok(None) => {}
        Err(NoEntry) => return false,
    }
    true
}

/// Waits until a new worker has come to where its request is, which tells who it is. By then it may have done the job, and have ended.
pub fn wait_for_attach(link: LinkRef) {
    loop {
        latch::reset();
        // In this order: what it said before it stopped is seen.
        let status = link.process.status();
        match (link.channel.worker_pid(), status) {
            (Some(pid), Status::Stopped) | (Some(_), Status::Started(pid)) => {
                link.pid.set(pid);
                return;
            }
            (None, Status::Stopped) => fail_to_start(),
            _ => {}
        }
        pump::pump_all();
        injection::point("launch-attaching");
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
    link.channel.await_connection();
    wait_for(link, || link.channel.is_connected());
}

/// Waits until the worker sees what the launching transaction has exported, or has failed to.
pub fn wait_for_snapshot(link: LinkRef) {
    wait_for(link, || link.channel.is_running());
}

/// Waits until a worker that was claimed has taken the request, or has left.
pub fn wait_for_taking(link: LinkRef) {
    wait_for(link, || !link.channel.is_claimed());
}

fn wait_for(link: LinkRef, is_so: impl Fn() -> bool) {
    let mut check = wait::next_check();
    loop {
        latch::reset();
        let is_settled = is_so()
            || link.channel.outcome.is_published()
            || link.process.status() == Status::Stopped;
        if is_settled {
            return;
        }
        pump::pump_all();
        let time = now();
        if check.passed(time) {
            if deadlock::waits_for_us(link.pid.get()) {
                wait::raise_deadlock(link.pid.get(), true, deadlock::hint(link.pid.get()));
            }
            check = wait::next_check();
        }
        if link.channel.is_connected()
            && wait::latch_gets_set(time, check.left(time), Some(link), &WAIT_FOR_START)
        {
            check_for_interrupts();
        } else {
            latch::wait(check.left(now()), &WAIT_FOR_START);
        }
    }
}
