//! What this worker process knows of itself: one place.

use super::notify::Due;
use super::plans::Plans;
use crate::channel::outcome::Summary;
use crate::channel::segment::Channel;
use crate::pg::clock::Deadline;
use crate::pg::guc_tables::Picture;
use crate::pg::identity::Identity;
use crate::pg::latch::Patience;
use crate::pg::memory::Context;
use crate::pg::plugins::Dblink;
use crate::pg::shm_mq::Handle;
use crate::pg::timeout::Timeout;
use core::cell::Cell;
use core::ffi::c_int;
use core::sync::atomic::AtomicBool;

/// The state of a worker; in a launcher it stays empty.
pub struct State {
    /// Set once attached.
    pub channel: Cell<Option<Channel>>,
    pub requests: Cell<Option<Handle>>,
    /// None between jobs if the launcher let go of the queue.
    pub responses: Cell<Option<Handle>>,
    /// A request that arrived while idle, valid until the next is received.
    pub next_request: Cell<Option<&'static [u8]>>,
    pub connected: Cell<bool>,
    /// What was restored last.
    pub settings: Cell<Option<Settings>>,
    /// For parse trees and plans.
    pub message_context: Cell<Option<Context>>,
    /// Statements that are analysed and planned once.
    pub plans: Plans,
    /// worker_timeout's: the one that cancels, the one that ends the process.
    pub timers: Cell<Option<(Timeout, Timeout)>>,
    pub dblink: Dblink,
    /// Jobs done.
    pub jobs: Cell<u32>,
    /// Bytes that the process had after the first.
    pub first_allocated: Cell<usize>,
    /// When to leave for want of work.
    pub idle_deadline: Cell<Deadline>,
    /// Of waits for the next job.
    pub patience: Patience,
    /// Set by a signal handler: pg_background.worker_timeout is over.
    pub timed_out: AtomicBool,
    /// A message is half sent. While this is set nothing else may go into the queue: it would be read as the rest.
    pub busy: Cell<bool>,

    // Of the job at hand:
    /// Nobody reads: a submitted job, or the launcher let go of the queue.
    pub discard: Cell<bool>,
    /// Complete messages in the response queue.
    pub messages: Cell<u64>,
    /// The job's last commit has begun, and has happened.
    pub committing: Cell<bool>,
    pub committed: Cell<bool>,
    /// TimestampTz of the first statement's start; 0 before.
    pub started_at: Cell<i64>,
    /// Rows of the last statement.
    pub row_count: Cell<u64>,
    /// What ErrorResponse said, for the outcome record: packed SQLSTATE, 0 for none.
    pub sqlstate: Cell<i32>,
    pub position: Cell<i32>,
    pub internal_position: Cell<i32>,
    /// pg_enc of the error's texts.
    pub encoding: Cell<i32>,
    /// A copy of the ErrorResponse, if the record could not hold all of it.
    pub whole_error: Cell<Option<&'static [u8]>>,
    /// A notice of which a part is in the queue: header and body.
    pub unsent: Cell<Option<([u8; 8], &'static [u8])>>,
    /// What will have to be told whom about the job's end.
    pub due: Cell<Option<Due>>,
    /// The outcome, while it is being published.
    pub summary: Cell<Option<Summary>>,
}

/// Libraries and settings as the launcher sent them, and what became of them here.
#[derive(Clone, Copy)]
pub struct Settings {
    /// Everything here lives in it.
    pub context: Context,
    pub libraries: &'static [u8],
    pub state: &'static [u8],
    /// For `picture` alone.
    pub restored: Context,
    /// This process's settings, right after they were restored.
    pub picture: Picture,
    /// How many settings there were then, and what is quicker to compare.
    pub variables: c_int,
    pub mark: usize,
    /// What libraries had hooked into.
    pub hooks: u64,
    /// Session user and role that go with them.
    pub identity: Identity,
    /// They were restored for a read-only job.
    pub read_only: bool,
}

// SAFETY: a backend has one thread; the signal handler touches the atomic alone.
unsafe impl Sync for State {}

pub static STATE: State = State {
    channel: Cell::new(None),
    requests: Cell::new(None),
    responses: Cell::new(None),
    next_request: Cell::new(None),
    connected: Cell::new(false),
    settings: Cell::new(None),
    message_context: Cell::new(None),
    plans: Plans::new(),
    timers: Cell::new(None),
    dblink: Dblink::new(),
    jobs: Cell::new(0),
    first_allocated: Cell::new(0),
    idle_deadline: Cell::new(Deadline::NEVER),
    patience: Patience::new(),
    timed_out: AtomicBool::new(false),
    busy: Cell::new(false),
    discard: Cell::new(false),
    messages: Cell::new(0),
    committing: Cell::new(false),
    committed: Cell::new(false),
    started_at: Cell::new(0),
    row_count: Cell::new(0),
    sqlstate: Cell::new(0),
    position: Cell::new(0),
    internal_position: Cell::new(0),
    encoding: Cell::new(0),
    whole_error: Cell::new(None),
    unsent: Cell::new(None),
    due: Cell::new(None),
    summary: Cell::new(None),
};

impl State {
    /// Forgets the job at hand, whose outcome is settled.
    pub fn forget_job(&self) {
        // Until the next job says otherwise, nobody listens.
        self.discard.set(true);
        self.messages.set(0);
        self.committing.set(false);
        self.committed.set(false);
        self.started_at.set(0);
        self.row_count.set(0);
        self.sqlstate.set(0);
        self.position.set(0);
        self.internal_position.set(0);
        self.whole_error.set(None);
        self.unsent.set(None);
    }
}
