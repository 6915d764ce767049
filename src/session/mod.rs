//! The launching side: which jobs this session has, and everything that can be done with them.
//!
//! `launch` makes a job, `pump` moves what its worker sends, `kept` has what nobody had read in time, `wait` waits for outcomes, `result` delivers rows, `cancel`
//! ends work early; `registry` remembers.

mod assembler;
pub mod batch;
pub mod cancel;
mod ceilings;
mod deadlock;
mod idle;
pub mod job;
mod kept;
pub mod launch;
mod link;
mod list;
pub mod others;
pub mod parameters;
mod parts;
pub mod pump;
pub mod registry;
mod reports;
pub mod result;
pub mod run;
mod settings;
mod start;
pub mod statements;
pub mod stats;
pub mod wait;

use crate::pg::latch::Patience;
use crate::pg::memory::Context;
use crate::pg::random::Cookies;
use crate::pg::{identity, process};
use crate::rows::file;
use core::cell::Cell;
use job::Job;
use link::{Link, LinkRef};
use list::List;
use stats::Counters;

/// Everything a session remembers between calls: one place.
pub struct State {
    /// TopMemoryContext's child; made at the first use.
    context: Cell<Option<Context>>,
    /// Newest first.
    jobs: List<Job>,
    /// Workers that are warm, or may be: most recently used first.
    idle: List<Link>,
    /// Workers that were let go, but whose process the postmaster has not reaped yet.
    leaving: List<Link>,
    /// Bytes of unread output in memory and in files.
    kept: Cell<usize>,
    filed: Cell<u64>,
    /// The worker that is being given a job, of which nobody knows yet, and whether it is a new one.
    handed: Cell<Option<(LinkRef, bool)>>,
    /// It waits, and says so to the workers that it reads from.
    is_waiting: Cell<bool>,
    /// Its exit will be noticed.
    cleans_up: Cell<bool>,
    cookies: Cookies,
    /// The session's end is told to `run`.
    ends_are_told: Cell<bool>,
    /// Of waits for jobs.
    patience: Patience,
    pub counters: Counters,
}

// SAFETY: a backend has one thread, and no signal handler touches this.
unsafe impl Sync for State {}

pub static STATE: State = State {
    context: Cell::new(None),
    jobs: List::new(),
    idle: List::new(),
    leaving: List::new(),
    kept: Cell::new(0),
    filed: Cell::new(0),
    handed: Cell::new(None),
    is_waiting: Cell::new(false),
    cleans_up: Cell::new(false),
    cookies: Cookies::new(),
    ends_are_told: Cell::new(false),
    patience: Patience::new(),
    counters: Counters::new(),
};

/// The context of everything that outlives a call.
pub fn context() -> Context {
    STATE.context.get().unwrap_or_else(|| {
        let context = Context::top().create(c"pg_background");
        STATE.context.set(Some(context));
        context
    })
}

/// Sees to it that the session leaves no files behind.
fn clean_up_at_exit() {
    if !STATE.cleans_up.replace(true) {
        process::before_exit(on_exit);
    }
}

/// Nobody will read what jobs have written to files, and what they write from here on. Nothing here may fail.
fn on_exit() {
    // The workers first: who makes a file looks at this word afterwards.
    let busy = registry::running().filter_map(|job| job.link.get());
    busy.chain(STATE.idle.iter())
        .chain(STATE.handed.get().map(|(link, _)| link))
        .for_each(|link| {
            link.channel.flow.set_orphaned();
            // Who dozes would not see the queue go.
            link.channel.wake_worker();
        });
    crate::injection::point("session-ending");
    if let Some((link, true)) = STATE.handed.take() {
        link.channel.request_cancel();
        link.terminate();
    }
    file::remove_all(identity::pid());
}

/// The worker that became idle last, for tests that harm what is shared with it.
#[cfg(feature = "injection-points")]
pub fn newest_idle() -> Option<crate::channel::segment::Channel> {
    STATE.idle.first().map(|link| link.channel)
}
