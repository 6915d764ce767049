//! What this worker process knows of itself: one place.

use crate::channel::segment::Channel;
use crate::pg::shm_mq::Handle;
use crate::pg::timeout::Timeout;
use core::cell::Cell;
use core::sync::atomic::AtomicBool;

/// The state of a worker; in a launcher it stays empty.
pub struct State {
    /// Set once attached.
    pub channel: Cell<Option<Channel>>,
    pub requests: Cell<Option<Handle>>,
    pub responses: Cell<Option<Handle>>,
    /// A message is half sent. While this is set nothing else may go into the queue: it would be read as the rest.
    pub busy: Cell<bool>,
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
    /// worker_timeout's: the one that cancels, the one that ends the process.
    pub timers: Cell<Option<(Timeout, Timeout)>>,
    /// Set by a signal handler: pg_background.worker_timeout is over.
    pub timed_out: AtomicBool,
}

// SAFETY: a backend has one thread; the signal handler touches the atomic alone.
unsafe impl Sync for State {}

pub static STATE: State = State {
    channel: Cell::new(None),
    requests: Cell::new(None),
    responses: Cell::new(None),
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
    timers: Cell::new(None),
    timed_out: AtomicBool::new(false),
};
