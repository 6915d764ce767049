//! Starting a job: DESIGN.md section 4, Launch. An error or interrupt at any step leaves nothing behind.

use super::job::{Job, JobRef, Link, Outcome, State};
use super::{STATE, context, pump, registry, settings};
use crate::channel::segment::{Channel, Peer};
use crate::channel::wire::request::{Request, User};
use crate::channel::wire::response::Stream;
use crate::pg::bgworker::{Handle, Registration, Status};
use crate::pg::error::{Report, catch, code};
use crate::pg::identity::{self, Identity};
use crate::pg::latch::{self, WaitEvent};
use crate::pg::memory::Context;
use crate::pg::shm_mq::{Queue, Sent};
use crate::pg::text::{Str, copy_into, format};
use crate::pg::timestamp::{Deadline, now};
use crate::pg::{guc, random, xact};
use crate::worker;
use core::cell::Cell;
use core::ffi::{CStr, c_int, c_long};

/// Shown while a launch waits for its worker to start and take the request.
static WAIT_FOR_START: WaitEvent = WaitEvent::new(c"PgBackgroundLaunch");
/// Shown while a launch waits for a worker slot.
static WAIT_FOR_SLOT: WaitEvent = WaitEvent::new(c"PgBackgroundSlot");

/// How often to look for a slot, in milliseconds: nothing tells when another session's worker has left.
const SLOT_RETRY: c_long = 10;

/// What the caller wants run.
#[derive(Clone, Copy)]
pub struct Order {
    pub sql: Str,
    /// Bytes; 0 for pg_background.default_queue_size.
    pub queue_size: c_int,
    pub label: Option<Str>,
    /// Fire and forget: rows and messages are discarded in the worker.
    pub submitted: bool,
    /// v1 handles have no cookie.
    pub with_cookie: bool,
}

/// Starts a job and returns once its worker has the request.
pub fn launch(order: &Order) -> JobRef {
    xact::check_may_launch();
    let queue_size = check_queue_size(order.queue_size);
    pump::pump_all();
    check_max_workers();
    let job_context = context().create(c"pg_background job");
    let link = Cell::new(None);
    let process = Cell::new(None);
    let started = Cell::new(None);
    let result = catch(|| {
        let new_link = connect(queue_size, &link, &process);
        let pid = wait_for_attach(&new_link);
        let cookie = if order.with_cookie { random::cookie() } else { 0 };
        send_request(&new_link, order, cookie);
        started.set(Some((new_link, pid, cookie)));
    });
    let (Ok(()), Some((link, pid, cookie))) = (&result, started.get()) else {
        undo(link.get(), process.get());
        job_context.delete();
        match result {
            Err(caught) => caught.rethrow(),
            Ok(()) => unreachable!(),
        }
    };
    STATE.counters.count_launch();
    registry::insert(Job {
        next: Cell::new(None),
        context: job_context,
        pid,
        cookie,
        sql: copy_into(job_context, order.sql),
        label: order.label.map(|label| copy_into(job_context, label)),
        launched_at: now(),
        user: identity::current_user(),
        queue_size,
        submitted: order.submitted,
        consumed: Cell::new(false),
        detached: Cell::new(false),
        cancel_requested: Cell::new(false),
        link: Cell::new(Some(link)),
        stream: Cell::new(Stream::new()),
        received: Cell::new(0),
        columns: Cell::new(None),
        stop_at_columns: Cell::new(false),
        spool: Cell::new(None),
        direct: Cell::new(None),
        rows_lost: Cell::new(None),
        whole_error: Cell::new(None),
        last_progress: Cell::new(None),
        state: Cell::new(State::Starting),
        outcome: Cell::new(Outcome::NONE),
    })
}

/// Takes back what an interrupted launch had made. A worker that was registered never starts, or ends.
fn undo(link: Option<(Channel, crate::pg::shm_mq::Handle, crate::pg::shm_mq::Handle)>, process: Option<Handle>) {
    if let Some(process) = process {
        process.terminate();
        process.free();
    }
    if let Some((channel, requests, responses)) = link {
        requests.detach();
        responses.detach();
        channel.segment().detach();
    }
}

type QueuesCell = Cell<Option<(Channel, crate::pg::shm_mq::Handle, crate::pg::shm_mq::Handle)>>;

/// Makes the segment and registers the worker, noting each in its cell as soon as it is there.
fn connect(queue_size: c_int, link: &QueuesCell, process: &Cell<Option<Handle>>) -> Link {
    let peer = Peer {
        database: identity::database(),
        authenticated_user: Identity::current().authenticated_user,
        launcher_pid: identity::pid(),
    };
    let response_size = usize::try_from(queue_size).unwrap_or(0) & !7;
    let Some(channel) = Channel::create(&peer, response_size) else {
        Report::error(code::INSUFFICIENT_RESOURCES)
            .message(format_args!("could not create shared memory for a background job"))
            .detail(format_args!("The cluster has no dynamic shared memory segment left."))
            .hint(format_args!("Wait until other background jobs or parallel queries have ended, or raise max_connections."))
            .raise()
    };
    let requests = channel.requests().attach(channel.segment(), context());
    let responses = channel.responses().attach(channel.segment(), context());
    link.set(Some((channel, requests, responses)));
    let handle = register(channel);
    process.set(Some(handle));
    Link { channel, process: handle, requests, responses: Some(responses) }
}

/// Registers the worker. Where every slot is taken it waits: a moment if own workers are leaving, otherwise up to
/// pg_background.launch_timeout.
fn register(channel: Channel) -> Handle {
    let registration = Registration {
        name: format(format_args!("pg_background worker for PID {}", identity::pid())),
        kind: worker::KIND,
        library: worker::LIBRARY,
        function: worker::ENTRY,
        argument: channel.segment().handle() as usize,
    };
    let deadline = Deadline::after(i64::from(settings::LAUNCH_TIMEOUT.get()));
    let leaving_deadline = Deadline::after(1000);
    loop {
        latch::reset();
        if let Some(handle) = Handle::register(&registration, context()) {
            return handle;
        }
        pump::pump_all();
        let time = now();
        let may_wait = !deadline.passed(time) || (pump::anyone_leaving() && !leaving_deadline.passed(time));
        if !may_wait {
            Report::error(code::INSUFFICIENT_RESOURCES)
                .message(format_args!("could not register a background worker"))
                .detail(format_args!("All slots of max_worker_processes are in use."))
                .hint(format_args!(
                    "Raise max_worker_processes, or set pg_background.launch_timeout to wait for a free slot."
                ))
                .raise();
        }
        latch::wait(Some(SLOT_RETRY), &WAIT_FOR_SLOT);
    }
}

/// Waits until the worker holds both queues; returns its process id.
fn wait_for_attach(link: &Link) -> c_int {
    loop {
        latch::reset();
        let status = link.process.status();
        if let (Status::Started(pid), true) = (status, link.channel.is_attached()) {
            return pid;
        }
        if status == Status::Stopped {
            fail_to_start();
        }
        pump::pump_all();
        latch::wait(None, &WAIT_FOR_START);
    }
}

fn fail_to_start() -> ! {
    Report::error(code::INSUFFICIENT_RESOURCES)
        .message(format_args!("background worker could not be started"))
        .detail(format_args!("The process ended before it took the job."))
        .hint(format_args!("The server log may tell more."))
        .raise()
}

/// Sends the request: identity, libraries, settings, SQL.
fn send_request(link: &Link, order: &Order, cookie: i64) {
    let temporary = Context::current().create(c"pg_background request");
    let identity = Identity::current();
    // SAFETY: a Str is NUL-terminated.
    let c_str = |text: Str| unsafe { CStr::from_ptr(text.as_ptr()) };
    let request = Request {
        cookie,
        discard_output: order.submitted,
        read_only: xact::is_read_only(),
        session_user: User { oid: identity.session_user, is_superuser: identity.session_user_is_superuser },
        role: User { oid: identity.role, is_superuser: identity.role_is_superuser },
        current_user: identity.current_user,
        sec_context: identity.security_context,
        worker_timeout_ms: settings::WORKER_TIMEOUT.get(),
        library_state: guc::serialize_libraries(temporary),
        guc_state: guc::serialize_state(temporary),
        label: order.label.map(c_str),
        sql: c_str(order.sql),
    };
    let fixed = request.encode_fixed();
    let parts = request.parts(&fixed);
    loop {
        latch::reset();
        match link.requests.send(parts, true, true) {
            Sent::Done => break,
            Sent::Detached => fail_to_start(),
            Sent::WouldBlock => {}
        }
        if link.process.status() == Status::Stopped {
            fail_to_start();
        }
        pump::pump_all();
        latch::wait(None, &WAIT_FOR_START);
    }
    temporary.delete();
}

/// The size to use, or 22023.
fn check_queue_size(asked: c_int) -> c_int {
    let maximum = settings::MAX_QUEUE_SIZE.get();
    if asked == 0 {
        return settings::DEFAULT_QUEUE_SIZE.get().min(maximum);
    }
    let minimum = c_int::try_from(Queue::minimum_size()).unwrap_or(c_int::MAX);
    if !(minimum..=maximum).contains(&asked) {
        Report::error(code::INVALID_PARAMETER_VALUE)
            .message(format_args!("queue size {asked} is out of range"))
            .detail(format_args!("It has to be 0, for the default, or between {minimum} and {maximum} bytes."))
            .raise();
    }
    asked
}

fn check_max_workers() {
    let (active, maximum) = (STATE.counters.active(), settings::MAX_WORKERS.get());
    if active >= maximum {
        Report::error(code::CONFIGURATION_LIMIT_EXCEEDED)
            .message(format_args!("too many background jobs in this session"))
            .detail(format_args!("{active} jobs run, and pg_background.max_workers is {maximum}. Finished jobs do not count, detached ones do."))
            .hint(format_args!("Wait for a job to end, or raise pg_background.max_workers."))
            .raise();
    }
}
