//! The other process: connects, becomes who the launcher was, runs the job, and says how it ended.
//!
//! `start` is where it comes in; `identity`, `execute`, `rows` and `report` are the steps in the order of a job's life.

mod execute;
mod identity;
mod report;
mod rows;
mod state;

use crate::channel::segment::Channel;
use crate::channel::wire::request::Request;
use crate::pg::error::{self, Report, catch, code};
use crate::pg::memory::Context;
use crate::pg::shm_mq::Received;
use crate::pg::{dsm, process, timeout, xact};
use core::ffi::CStr;
use state::STATE;

pub use report::{in_job, report_progress};

/// The exported symbol that `start` has, with the layout's version in it: a session that still holds an older library
/// starts its own name, not ours.
pub const ENTRY: &CStr = c"pg_background_worker_layout_1";
const _: () = assert!(crate::channel::LAYOUT == 1);

/// The library as the postmaster's child finds it: a short name, looked up in dynamic_library_path.
pub const LIBRARY: &CStr = c"pg_background";

/// bgw_type: backend_type in pg_stat_activity.
pub const KIND: &CStr = c"pg_background";

/// What the process does, from being forked to its exit.
pub fn start(segment_handle: u32) -> ! {
    process::handle_signals();
    let context = Context::top().create(c"pg_background worker");
    context.enter();
    let Some(segment) = dsm::Segment::attach(segment_handle) else {
        // The launcher was interrupted, or is gone: nobody waits for this job.
        process::exit(0);
    };
    let channel = match Channel::open(segment) {
        Ok(channel) => channel,
        Err(why) => Report::error(code::OBJECT_NOT_IN_PREREQUISITE_STATE)
            .message(format_args!("could not attach to the session that launched this background job"))
            .detail(format_args!("{why}"))
            .hint(format_args!("Reconnect, so that the session uses the library that is installed now."))
            .raise(),
    };
    report::attach(channel, context);
    match catch(|| serve(channel, context)) {
        Ok(()) => report::publish_success(),
        Err(caught) => fail(caught, context),
    }
    process::exit(0)
}

/// Takes the request, connects, and runs the job.
fn serve(channel: Channel, context: Context) {
    let request = receive(context);
    if channel.is_cancel_requested() {
        error::raise_canceled();
    }
    identity::connect(channel);
    identity::restore(&request);
    channel.set_running();
    execute::run(channel, &request);
}

/// Waits for the request and copies it to `context`: what the decoder has checked, nobody changes any more.
fn receive<'a>(context: Context) -> Request<'a> {
    let Some(requests) = STATE.requests.get() else {
        unreachable!()
    };
    match requests.receive(false) {
        Received::Message(message) => match Request::decode(context.copy_bytes(message)) {
            Ok(request) => request,
            Err(malformed) => Report::error(code::PROTOCOL_VIOLATION)
                .message(format_args!("malformed request from the session that launched this background job"))
                .detail(format_args!("{}", malformed.as_str()))
                .raise(),
        },
        // The launcher gave up before it had sent anything.
        _ => process::exit(0),
    }
}

/// An error ended the job: reports it, rolls back, publishes. The order is PostgresMain's.
fn fail(caught: error::Caught, context: Context) {
    error::reset_context_stack();
    error::with_interrupts_held(|| {
        timeout::stop_all();
        process::forget_cancel();
        crate::pg::guc::clear_restoring();
        caught.report();
        crate::pg::activity::forget_statement();
        xact::abort();
        crate::pg::statement::clean_up_after_error();
        context.enter();
        caught.forget();
        report::publish_failure();
    });
    report::send_whole_error();
}
