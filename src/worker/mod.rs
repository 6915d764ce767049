//! The other process: connects, becomes who the launcher was, runs jobs, and says how each ended.
//!
//! `start` is where it comes in; `identity`, `execute`, `rows`, `sending` and `outcome` are the steps in the order of a job's
//! life, `messages` what it says meanwhile, `idle` what lies between two jobs, and `exit` how the process comes and goes.

mod columns;
mod entry;
mod execute;
mod exit;
mod fresh;
mod identity;
mod idle;
mod log;
mod messages;
mod name;
mod notify;
mod outcome;
mod params;
mod plans;
mod rows;
mod sending;
mod state;

use crate::channel::segment::Channel;
use crate::channel::wire::request::Request;
use crate::directory;
use crate::injection;
use crate::pg::error::{self, Report, catch_on_stack, code};
use crate::pg::memory::Context;
use crate::pg::shm_mq::Received;
use crate::pg::{dsm, lwlock, process, timeout, xact};
use core::cell::Cell;
use state::STATE;

pub use exit::{in_job, report_progress};

/// What the process does, from being forked to its exit.
pub fn start(segment_handle: u32) -> ! {
    process::handle_signals();
    process::leave_at_exit();
    let context = Context::top().create(c"pg_background worker");
    context.enter();
    injection::point("worker-start");
    let Some(segment) = dsm::Segment::attach(segment_handle) else {
        // The launcher was interrupted, or is gone: nobody waits for this job.
        process::exit(0);
    };
    let channel = match Channel::open(segment) {
        Ok(channel) => channel,
        Err(why) => Report::error(code::OBJECT_NOT_IN_PREREQUISITE_STATE)
            .message(format_args!(
                "could not attach to the session that launched this background job"
            ))
            .detail(format_args!("{why}"))
            .hint(format_args!(
                "Reconnect, so that the session uses the library that is installed now."
            ))
            .raise(),
    };
    exit::attach(channel, context);
    let job_context = context.create(c"pg_background request");
    loop {
        let taken = Cell::new(None);
        let stays = match catch_on_stack(|| serve(channel, job_context, &taken)) {
            Ok(stays) => outcome::publish_success(channel, stays),
            Err(caught) => fail(channel, caught, context, taken.get()),
        };
        injection::point("worker-published");
        log::tell(channel);
        notify::tell(channel);
        job_context.reset();
        if !stays {
            idle::give_way();
            break;
        }
        if !idle::next_job(channel) {
            break;
        }
    }
    process::exit(0)
}

/// Takes a request and does the job. Returns whether the process may do another. `taken` gets the request once the process is
/// what it asks for, so that nothing but the job itself can have failed.
fn serve<'a>(channel: Channel, job_context: Context, taken: &Cell<Option<Request<'a>>>) -> bool {
    injection::point("worker-attached");
    // A cancel waits until it is known what it cancels, and whom to tell.
    let request = process::with_cancels_held(|| receive(channel, job_context));
    notify::note_request(&request);
    log::note_request(&request);
    execute::start_timers(request.worker_timeout_ms);
    sending::begin(channel, &request);
    injection::point("worker-received");
    entry::begin(channel);
    if channel.is_cancel_requested() {
        error::raise_canceled();
    }
    let is_new = !STATE.connected.get();
    if is_new {
        identity::connect(channel);
        if channel.set_connected() {
            channel.wake_launcher();
        }
    }
    injection::point("worker-connected");
    identity::adopt(&request, channel, job_context);
    injection::point("worker-restored");
    taken.set(Some(request));
    if is_new {
        directory::run();
    }
    execute::run(channel, &request);
    idle::may_stay(&request)
}

/// Waits for the request and copies it to `context`: what the decoder has checked, nobody changes any more.
fn receive<'a>(channel: Channel, context: Context) -> Request<'a> {
    let message = STATE.next_request.take().unwrap_or_else(|| {
        match STATE.requests.get().map(|r| r.receive(false)) {
            Some(Received::Message(message)) => message,
            // The launcher gave up before it had sent everything.
            _ => process::exit(0),
        }
    });
    injection::point("worker-taking");
    if channel.take_job() {
        channel.wake_launcher();
    }
    Request::decode(context.copy_bytes(message)).unwrap_or_else(|malformed| {
        Report::error(code::PROTOCOL_VIOLATION)
            .message(format_args!(
                "malformed request from the session that launched this background job"
            ))
            .detail(format_args!("{}", malformed.as_str()))
            .raise()
    })
}

/// An error ended the job: reports it, rolls back, publishes. The order is PostgresMain's. Returns whether the process may do
/// another.
fn fail(
    channel: Channel,
    caught: error::Caught,
    context: Context,
    taken: Option<Request<'_>>,
) -> bool {
    let mut stays = false;
    error::reset_context_stack();
    error::with_interrupts_held(|| {
        timeout::stop_all();
        process::forget_cancel();
        crate::pg::guc::clear_restoring();
        caught.report();
        crate::pg::activity::forget_statement();
        // Before the process is connected there is nothing to roll back, and nothing to do it with.
        if STATE.connected.get() {
            xact::abort();
            identity::leave_job_user();
            crate::pg::statement::clean_up_after_error();
        } else {
            lwlock::release_all();
        }
        context.enter();
        caught.forget();
        if let Some(request) = taken {
            stays = idle::may_stay_after_error(&request);
        }
        stays = outcome::publish_failure(channel, stays);
    });
    stays
}
