//! The launching side: which jobs this session has, and everything that can be done with them.
//!
//! `launch` makes a job, `pump` moves what its worker sends, `wait` waits for outcomes, `result` delivers rows, `cancel`
//! ends work early; `registry` remembers.

pub mod batch;
pub mod cancel;
mod ceilings;
mod convert;
mod deadlock;
mod idle;
pub mod job;
pub mod launch;
mod link;
pub mod others;
pub mod parameters;
pub mod pump;
pub mod registry;
pub mod result;
pub mod run;
mod settings;
mod spool;
mod start;
pub mod stats;
pub mod wait;

use crate::pg::latch::Patience;
use crate::pg::memory::Context;
use crate::pg::random::Cookies;
use core::cell::Cell;
use core::ptr::NonNull;
use job::JobRef;
use link::LinkRef;
use stats::Counters;

/// Everything a session remembers between calls: one place.
pub struct State {
    /// TopMemoryContext's child; made at the first use.
    context: Cell<Option<Context>>,
    /// Newest first.
    jobs: Cell<Option<JobRef>>,
    /// Workers that are warm, or may be: most recently used first.
    idle: Cell<Option<LinkRef>>,
    /// Workers that were let go, but whose process the postmaster has not reaped yet.
    leaving: Cell<Option<LinkRef>>,
    /// Spools that cannot be closed for now.
    parked: Cell<Option<NonNull<spool::Parked>>>,
    cookies: Cookies,
    /// A launch fails where it would wait for a place: others of its call run, and leave theirs.
    launches_only_at_once: Cell<bool>,
    /// Of waits for jobs.
    patience: Patience,
    pub counters: Counters,
}

// SAFETY: a backend has one thread, and no signal handler touches this.
unsafe impl Sync for State {}

pub static STATE: State = State {
    context: Cell::new(None),
    jobs: Cell::new(None),
    idle: Cell::new(None),
    leaving: Cell::new(None),
    parked: Cell::new(None),
    cookies: Cookies::new(),
    launches_only_at_once: Cell::new(false),
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

/// The worker that became idle last, for tests that harm what is shared with it.
#[cfg(feature = "test-hooks")]
pub fn newest_idle() -> Option<crate::channel::segment::Channel> {
    STATE.idle.get().map(|link| link.channel)
}
