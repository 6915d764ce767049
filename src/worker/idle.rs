//! Between two jobs: docs/ARCHITECTURE.md, Warm workers.

use super::state::{STATE, Settings};
use super::{execute, identity, sending};
use crate::channel::segment::{Availability, Channel};
use crate::channel::wire::request::Request;
use crate::channel::{self, IDLE, READY};
use crate::directory;
use crate::injection;
use crate::nested;
use crate::pg::clock::{Deadline, now};
use crate::pg::error::{catch_on_stack, code};
use crate::pg::guc_count::{self, Mark};
use crate::pg::latch;
use crate::pg::memory::Context;
use crate::pg::procs::Waiting;
use crate::pg::shm_mq::{QueueHandle, Received};
use crate::pg::{activity, backup, discard, libraries, plugins, process, procs, xact};
use crate::settings::WORKER_IDLE_TIMEOUT;
use core::cell::Cell;
use core::sync::atomic::Ordering;

/// Bytes that a process may have more than after its first job: caches grow, of tables and functions that were used once.
const GROWTH_LIMIT: usize = 32 * 1024 * 1024;

/// After so many jobs it looks at what it has.
const JOBS_BETWEEN_LOOKS: u32 = 64;

/// Statistics that were too young to be sent after the job are sent this much later, in milliseconds.
const STATISTICS_DELAY: i64 = 1000;

/// Output that nobody has read, or a result that keeps the worker from other jobs, is taken at once, or the worker leaves, in
/// milliseconds: else it would hold its slot for whoever is not there, and there are callers who wait until its process ID is
/// gone.
const UNREAD_PATIENCE: i64 = 200;

/// Microseconds that a process which ends with its job leaves to those who go on.
const WAY: u32 = 500;

/// Whether the process may do another job: nothing of the one that has just committed must be visible to it, other than
/// what the documentation says.
pub fn may_stay(request: &Request<'_>) -> bool {
    STATE.jobs.set(STATE.jobs.get().wrapping_add(1));
    let Some(settings) = STATE.settings.get() else {
        return false;
    };
    let timeout = WORKER_IDLE_TIMEOUT.get();
    STATE.idle_deadline.set(Deadline::after(i64::from(timeout)));
    if timeout == 0
        || STATE.has_grown.get()
        || STATE.timed_out.load(Ordering::Relaxed)
        || nested::has_launched()
        || process::was_asked_to_leave()
        || discard::has_temp_namespace()
        || !identity::is_unchanged(request)
    {
        return false;
    }
    let mark = Mark::now();
    if mark != settings.mark {
        // Counting takes longer than a job: what a library has once added is counted once. What libraries define when
        // they are loaded the session has if it has them.
        let (now, before) = (guc_count::count_variables(), settings.variables);
        let has_gained = mark.has_other_variables(settings.mark)
            && !libraries::are_among(settings.libraries)
            || now.undefined != before.undefined;
        if let (Some(channel), true) = (STATE.channel.get(), has_gained) {
            channel.set_has_gained();
        }
        if now.all != before.all {
            return false;
        }
        STATE.settings.set(Some(Settings { mark, ..settings }));
    }
    plugins::hooks() == settings.hooks
        && !backup::is_running()
        && !STATE.dblink.has_left_connections()
}

/// The same of one that an error has ended, once it is rolled back. Not after a cancel, which may have been meant for what
/// comes next; nor where PostgreSQL itself has found something that cannot be (class XX): that is for a fresh process.
pub fn may_stay_after_error(request: &Request<'_>) -> bool {
    let sqlstate = STATE.job.get().sqlstate;
    if matches!(sqlstate, code::QUERY_CANCELED | code::ADMIN_SHUTDOWN)
        || code::is_internal(sqlstate)
        || STATE.job.get().whole_error.is_some()
    {
        return false;
    }
    let looked = catch_on_stack(|| {
        STATE.plans.forget();
        execute::forget();
        STATE.dblink.look_between();
        activity::idle();
        may_stay(request)
    });
    looked.unwrap_or_else(|caught| {
        xact::abort();
        caught.forget();
        false
    })
}

/// The process ends with its job. To take it apart takes longer than its session and the client need to go on: they go first,
/// and the scheduler sees where they run when this process wakes. Not if somebody sleeps until there is a place, or a job ends.
pub fn give_way() {
    if !process::was_asked_to_leave() && !directory::has_waiters() {
        process::sleep(WAY);
    }
}

/// Tidies up and waits for the session's next job. False when there will be none for this process.
pub fn next_job(channel: Channel) -> bool {
    injection::point("worker-tidying");
    identity::take_back_settings();
    discard::session_state(|| STATE.plans.reset_others());
    activity::report_statistics(false);
    let Some(requests) = STATE.requests.get() else {
        return false;
    };
    READY.advertise();
    let is_claimed = wait_for_job(channel, requests);
    if is_claimed {
        latch::conceal_wait();
    }
    is_claimed
}

fn wait_for_job(channel: Channel, requests: QueueHandle) -> bool {
    if has_grown() && leave(channel) {
        return false;
    }
    let is_unread =
        || channel.is_unread() || (sending::is_unread() && channel.outcome.is_published());
    let mut deadline = STATE.idle_deadline.get();
    if is_unread() {
        deadline = deadline.earlier(Deadline::after(UNREAD_PATIENCE));
    }
    let mut statistics = Deadline::after(STATISTICS_DELAY);
    let is_counted = Cell::new(false);
    let tell = |dozes| {
        if dozes {
            let event = if is_counted.get() { &IDLE } else { &READY };
            event.advertise();
        }
        channel.worker_dozing.set(dozes);
    };
    loop {
        latch::reset();
        process::serve_interrupts_but_cancel();
        match requests.receive(true) {
            Received::Message(message) => {
                STATE.next_request.set(Some(message));
                return true;
            }
            Received::Detached => return false,
            Received::WouldBlock => {}
        }
        let time = now();
        if deadline.passed(time) && !is_unread() {
            deadline = STATE.idle_deadline.get();
        }
        if deadline.passed(time) || process::was_asked_to_leave() {
            if leave(channel) {
                return false;
            }
            // Claimed: the request is about to come, and wakes us.
            deadline = Deadline::NEVER;
        }
        if statistics.passed(time) {
            activity::report_statistics(true);
            statistics = Deadline::NEVER;
        }
        let until = deadline.earlier(statistics);
        let left = match channel.flow.is_orphaned() {
            // Its end is known by the queue, of which only the latch tells.
            true => Some(0),
            false => until.left(time),
        };
        if !STATE.patience.latch_gets_set(time, left, tell) {
            // Not before: of sessions that run one job after another, each needs its own.
            IDLE.advertise();
            if !is_counted.replace(true) && is_one_too_many() && leave(channel) {
                return false;
            }
            latch::wait_only(until.left(now()), &IDLE);
        }
    }
}

/// Whether the process has more memory than it should keep. It is looked at between jobs, when nobody waits for it. If the
/// launcher is faster then, and claims it, it does not stay after that job.
fn has_grown() -> bool {
    let jobs = STATE.jobs.get();
    if jobs != 1 && jobs % JOBS_BETWEEN_LOOKS != 0 {
        return false;
    }
    let allocated = Context::top().allocated();
    if jobs == 1 {
        STATE.first_allocated.set(allocated);
    }
    let grown = allocated.saturating_sub(STATE.first_allocated.get()) > GROWTH_LIMIT;
    STATE.has_grown.set(grown);
    grown
}

/// At most a quarter of max_worker_processes may be idle for longer than they doze. The first in PostgreSQL's process array
/// stay, so that of many that become idle at the same time not all leave; a newcomer among the first sends the others away.
/// All processes are looked at only where there may be too many.
fn is_one_too_many() -> bool {
    let limit = (procs::max_worker_processes() / 4).max(1);
    if !directory::may_have_idle(limit) {
        return false;
    }
    let idle = Waiting {
        backend_type: channel::BACKEND_TYPE,
        events: [IDLE.id(); 2],
        role: None,
    };
    let (count, rank) = idle.count_and_rank();
    if count > limit && rank < limit {
        idle.signal(limit, libc::SIGUSR2);
    }
    rank >= limit
}

/// Leaves, unless the launcher was faster and has claimed the worker.
fn leave(channel: Channel) -> bool {
    channel.change_availability(Availability::Idle, Availability::Leaving)
}
