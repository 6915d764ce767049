//! What this worker process knows of itself: one place.

use super::log::Line;
use super::notify::Due;
use super::plans::Plans;
use super::sending::Sending;
use crate::channel::outcome::Summary;
use crate::channel::segment::Channel;
use crate::pg::clock::Deadline;
use crate::pg::guc_count::{Mark, Variables};
use crate::pg::guc_picture::Picture;
use crate::pg::identity::{Identity, NameBuffer};
use crate::pg::latch::Patience;
use crate::pg::memory::Context;
use crate::pg::plugins::Dblink;
use crate::pg::shm_mq::QueueHandle;
use crate::pg::timeout::Timeout;
use core::cell::Cell;
use core::sync::atomic::AtomicBool;

/// The state of a worker; in a launcher it stays empty.
pub struct State {
    /// Set once attached.
    pub channel: Cell<Option<Channel>>,
    pub requests: Cell<Option<QueueHandle>>,
    /// A request that arrived while idle, valid until the next is received.
    pub next_request: Cell<Option<&'static [u8]>>,
    /// It has begun to connect, which no process can do twice.
    pub connecting: Cell<bool>,
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
    /// It has more than it should keep.
    pub has_grown: Cell<bool>,
    /// When to leave for want of work.
    pub idle_deadline: Cell<Deadline>,
    /// Of waits for the next job.
    pub patience: Patience,
    /// Set by a signal handler: pg_background.worker_timeout is over.
    pub timed_out: AtomicBool,
    /// The way to the launcher.
    pub sending: Cell<Sending>,
    /// The job at hand.
    pub job: Cell<Job>,
    /// What will have to be told whom about the job's end.
    pub due: Cell<Option<Due>>,
    /// What the server log is to say of the job.
    pub line: Cell<Line>,
    /// The outcome, while it is being published.
    pub summary: Cell<Option<Summary>>,
}

/// What is known of a job besides what it sends, until its outcome is about to be published. What is told of it afterwards
/// (`due`, `line`) ends when that is done, and `sending` when its output has.
#[derive(Clone, Copy)]
pub struct Job {
    /// The job's last commit has begun, and has happened.
    pub committing: bool,
    pub committed: bool,
    /// TimestampTz of the first statement's start; 0 before.
    pub started_at: i64,
    /// Rows of the last statement.
    pub row_count: u64,
    /// What ErrorResponse said, for the outcome record: packed SQLSTATE, 0 for none.
    pub sqlstate: i32,
    pub position: i32,
    pub internal_position: i32,
    /// pg_enc of the error's texts.
    pub encoding: i32,
    /// A copy of the ErrorResponse, if the record could not hold all of it.
    pub whole_error: Option<&'static [u8]>,
}

impl Job {
    /// Nothing known.
    pub const NONE: Self = Self {
        committing: false,
        committed: false,
        started_at: 0,
        row_count: 0,
        sqlstate: 0,
        position: 0,
        internal_position: 0,
        encoding: 0,
        whole_error: None,
    };
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
    pub variables: Variables,
    pub mark: Mark,
    /// The session's application_name, and what the process calls itself instead.
    pub session_name: NameBuffer,
    pub name: Option<NameBuffer>,
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
    next_request: Cell::new(None),
    connecting: Cell::new(false),
    connected: Cell::new(false),
    settings: Cell::new(None),
    message_context: Cell::new(None),
    plans: Plans::new(),
    timers: Cell::new(None),
    dblink: Dblink::new(),
    jobs: Cell::new(0),
    first_allocated: Cell::new(0),
    has_grown: Cell::new(false),
    idle_deadline: Cell::new(Deadline::NEVER),
    patience: Patience::new(),
    timed_out: AtomicBool::new(false),
    sending: Cell::new(Sending::NONE),
    job: Cell::new(Job::NONE),
    due: Cell::new(None),
    line: Cell::new(Line::NONE),
    summary: Cell::new(None),
};

impl State {
    /// Notes something about the job at hand.
    pub fn note(&self, change: impl FnOnce(&mut Job)) {
        let mut job = self.job.get();
        change(&mut job);
        self.job.set(job);
    }
}
