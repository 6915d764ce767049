//! Starting a job: docs/ARCHITECTURE.md, One job, there and back. An error or interrupt at any step leaves nothing behind.

use super::assembler::Assembler;
use super::ceilings::{self, Admission};
use super::job::{Job, JobRef, Outcome, State};
use super::kept;
use super::link::{self, LinkRef};
use super::parts::Kept;
use super::settings::{news, was_told};
use super::start::{
    WAIT_FOR_START, fail_to_start, list, start_worker, wait_for_attach, wait_for_connection,
    wait_for_snapshot, wait_for_taking,
};
use super::{STATE, context, idle, pump, registry};
use crate::channel::credit;
use crate::channel::segment::Availability;
use crate::channel::wire::expected::Expected;
use crate::channel::wire::parameters::Parameters;
use crate::channel::wire::request::{Request, User};
use crate::channel::wire::response::Stream;
use crate::channel::wire::text::clip;
use crate::directory::{self, Listing, Mode, Ticket};
use crate::injection;
use crate::nested;
use crate::pg::bgworker::Status;
use crate::pg::clock::Deadline;
use crate::pg::encoding::character_length;
use crate::pg::error::{Report, catch, code};
use crate::pg::identity::{self, Identity};
use crate::pg::latch;
use crate::pg::memory::Context;
use crate::pg::shm_mq::{Queue, Sent};
use crate::pg::text::{Str, copy_into};
use crate::pg::timestamp::now;
use crate::pg::xact;
use crate::rows::file::Name;
use crate::settings;
use core::cell::Cell;
use core::ffi::{CStr, c_int};

/// What the caller wants run.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    pub sql: Str,
    /// Bytes; 0 for pg_background.default_queue_size.
    pub queue_size: c_int,
    pub label: Option<Str>,
    /// Fire and forget: rows and messages are discarded in the worker.
    pub submitted: bool,
    /// v1 handles have no cookie.
    pub with_cookie: bool,
    /// While the result is unread, no other job may run on the process: integers may name it.
    pub keeps_worker: bool,
    /// For whoever looks at the cluster's jobs.
    pub mode: Mode,
    /// When the time of the call that launches is over: then it waits for no place any longer, nor for the job.
    pub deadline: Deadline,
    /// What becomes of its rows, where that is known.
    pub expected: Expected<'a>,
    pub options: Options<'a>,
}

/// What most callers do not ask for.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// What `$1` and so on stand for.
    pub parameters: Parameters<'a>,
    /// A worker_timeout for this job, in milliseconds, 0 for none; None for the setting.
    pub timeout_ms: Option<c_int>,
    /// An exported snapshot of this transaction, which the job shall see.
    pub snapshot: Option<Str>,
    /// Whom to notify when the outcome is final.
    pub channel: Option<Str>,
}

/// Starts a job and returns once its worker has the request.
pub fn launch(order: &Order<'_>) -> JobRef {
    xact::check_may_launch();
    super::clean_up_at_exit();
    let queue_size = check_queue_size(order.queue_size);
    directory::attach();
    pump::pump_all();
    registry::prune();
    let admission = Admission::new(order.deadline);
    ceilings::wait_for_job_place(&admission);
    let identity = Identity::current();
    let listing = listing(order, &identity, queue_size);
    let cookie = if order.with_cookie { listing.id } else { 0 };
    let response_size = credit::queue_size(usize::try_from(queue_size).unwrap_or(0));
    let claimed = idle::claim(
        &identity,
        response_size,
        ceilings::is_exceeded(identity.authenticated_user),
        // Who waits for the job itself sees then whether its worker has taken it.
        match order.mode {
            Mode::Launch | Mode::Submit => Availability::Awaited,
            Mode::Run | Mode::Batch => Availability::Claimed,
        },
    );
    let handed_over = claimed.and_then(|link| {
        let listing = Listing {
            pid: link.pid.get(),
            ..listing
        };
        hand_over(
            link,
            order,
            cookie,
            queue_size,
            Some((&listing, &admission)),
        )
    });
    let job = handed_over.unwrap_or_else(|| {
        ceilings::guard(identity.authenticated_user, &admission, || {
            let link = start_worker(identity, response_size, &listing, &admission);
            hand_over(link, order, cookie, queue_size, None).unwrap_or_else(|| fail_to_start())
        })
    });
    STATE.counters.count_launch();
    nested::note_launch();
    job
}

/// What the cluster's directory is to say of the job.
fn listing<'a>(order: &'a Order<'_>, identity: &Identity, queue_size: c_int) -> Listing<'a> {
    let cut = |text: Str, limit| clip(text.bytes(), limit, character_length);
    Listing {
        id: STATE.cookies.next(),
        pid: 0,
        launcher_pid: identity::pid(),
        database: identity::database(),
        user: identity.current_user,
        authenticated_user: identity.authenticated_user,
        queue_size,
        mode: order.mode,
        launched_at: now(),
        waited: 0,
        label: order.label.map(|label| cut(label, directory::LABEL_LIMIT)),
        sql: cut(order.sql, directory::SQL_LIMIT),
        preview: cut(order.sql, directory::PREVIEW_LIMIT).len(),
    }
}

/// Gives the job to a worker that has none; one that is warm has to be told where the job is `listed`. A new one has yet to
/// come, and finds the request there, or as much of it as has room. If that fails, the
/// worker is of no more use: half a request may be on its way. None where the worker has left without the job.
fn hand_over(
    link: LinkRef,
    order: &Order<'_>,
    cookie: i64,
    queue_size: c_int,
    listed: Option<(&Listing<'_>, &Admission)>,
) -> Option<JobRef> {
    let job_context = Cell::new(None);
    let is_new = listed.is_none();
    STATE.handed.set(Some((link, is_new)));
    let handed_over = catch(|| {
        // Everything that may fail comes first: once the worker has the request, the job is there.
        injection::point("launch-ready");
        let new_context = context().create(c"pg_background job");
        job_context.set(Some(new_context));
        if let Some((listing, admission)) = listed {
            list(link.channel, listing, admission);
        }
        let new_job = new_job(new_context, link, order, cookie, queue_size);
        link.channel.set_unread(order.keeps_worker);
        let is_sent = send_request(link, order, cookie, new_job.file);
        if !is_sent && is_new {
            return None;
        }
        if is_new {
            wait_for_attach(link);
            new_job.pid.set(link.pid.get());
            injection::point("launch-attached");
        }
        if is_sent {
            wait_for_worker(link, order);
        }
        // Not where somebody has cancelled it meanwhile.
        if (!is_sent || link.has_left_early()) && directory::take_back(new_job.ticket) {
            return None;
        }
        registry::insert(new_job);
        directory::confirm();
        Some(new_job)
    });
    STATE.handed.set(None);
    if let Ok(Some(job)) = handed_over {
        return Some(job);
    }
    directory::withdraw();
    link.channel.request_cancel();
    link.process.terminate();
    link::release(link);
    if let Some(job_context) = job_context.get() {
        job_context.delete();
    }
    handed_over.unwrap_or_else(|caught| caught.rethrow())
}

/// Waits for what the caller needs of a worker that has the request.
fn wait_for_worker(link: LinkRef, order: &Order<'_>) {
    if ceilings::are_there() {
        wait_for_connection(link);
    }
    if order.options.snapshot.is_some() {
        wait_for_snapshot(link);
    }
    if matches!(order.mode, Mode::Launch | Mode::Submit) {
        wait_for_taking(link);
    }
}

fn new_job(
    job_context: Context,
    link: LinkRef,
    order: &Order<'_>,
    cookie: i64,
    queue_size: c_int,
) -> JobRef {
    JobRef::new(Job {
        next: Cell::new(None),
        context: job_context,
        pid: Cell::new(link.pid.get()),
        cookie,
        ticket: Ticket::of(link.channel.entry()),
        sql: copy_into(job_context, order.sql),
        label: order.label.map(|label| copy_into(job_context, label)),
        keeps_worker: order.keeps_worker,
        launched_at: now(),
        user: identity::current_user(),
        queue_size,
        submitted: order.submitted,
        consumed: Cell::new(false),
        announced: Cell::new(false),
        detached: Cell::new(false),
        cancel_requested: Cell::new(false),
        is_synchronous: Cell::new(false),
        is_left: Cell::new(false),
        is_stuck: Cell::new(false),
        in_use: Cell::new(false),
        link: Cell::new(Some(link)),
        is_let_go: Cell::new(false),
        is_rolled_back: Cell::new(false),
        stream: Cell::new(Stream::new()),
        assembler: Assembler::new(job_context),
        received: Cell::new(0),
        file: Name {
            session: identity::pid(),
            // v1 jobs have no cookie.
            number: match cookie {
                0 => STATE.cookies.next().unsigned_abs(),
                cookie => cookie.unsigned_abs(),
            },
        },
        file_read: Cell::new(0),
        file_due: Cell::new(0),
        kept: Kept::new(),
        noticed: Cell::new(0),
        columns: Cell::new(None),
        direct: Cell::new(None),
        rows_lost: Cell::new(None),
        whole_error: Cell::new(None),
        last_progress: Cell::new(None),
        finished_as: Cell::new(0),
        state: Cell::new(State::Starting),
        outcome: Cell::new(Outcome::NONE),
    })
}

/// Sends the request: identity, libraries, settings, SQL. What the worker was told before and what has not changed since
/// is left out. False if the worker has left.
fn send_request(link: LinkRef, order: &Order<'_>, cookie: i64, file: Name) -> bool {
    let news = news(&link.told, link.context);
    let identity = &link.identity;
    // SAFETY: a Str is NUL-terminated.
    let c_str = |text: Str| unsafe { CStr::from_ptr(text.as_ptr()) };
    let request = Request {
        cookie,
        discard_output: order.submitted,
        read_only: xact::is_read_only(),
        session_user: User {
            oid: identity.session_user,
            is_superuser: identity.session_user_is_superuser,
        },
        role: User {
            oid: identity.role,
            is_superuser: identity.role_is_superuser,
        },
        current_user: identity.current_user,
        sec_context: identity.security_context,
        worker_timeout_ms: order
            .options
            .timeout_ms
            .unwrap_or_else(|| settings::WORKER_TIMEOUT.get()),
        file: file.number,
        file_limit: kept::file_limit(),
        library_state: news.map_or(&[], |news| news.needed),
        guc_state: news.map_or(&[], |news| news.settings),
        label: order.label.map(c_str),
        parameters: order.options.parameters,
        expected: order.expected,
        snapshot: order.options.snapshot.map(c_str),
        channel: order.options.channel.map(c_str),
        sql: c_str(order.sql),
    };
    let fixed = request.encode_fixed();
    let parts = request.parts(&fixed);
    injection::point("launch-send");
    loop {
        latch::reset();
        let sent = link.requests.send(parts, true, true);
        link.channel.rouse_worker();
        match sent {
            Sent::Done => break,
            Sent::Detached => return false,
            Sent::WouldBlock => injection::point("launch-sending"),
        }
        if link.process.status() == Status::Stopped {
            return false;
        }
        pump::pump_all();
        latch::wait(None, &WAIT_FOR_START);
    }
    injection::point("launch-sent");
    if let Some(news) = news {
        was_told(&link.told, news);
    }
    true
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
            .detail(format_args!(
                "It has to be 0, for the default, or between {minimum} and {maximum} bytes."
            ))
            .raise();
    }
    asked
}
