//! A job as the launching session knows it.

use super::assembler::Assembler;
use super::link::LinkRef;
use super::list::{Listed, Ref};
use super::parts::Kept;
use crate::channel::progress::MESSAGE_LIMIT;
use crate::channel::wire::response::Stream;
use crate::channel::wire::tuple::Attribute;
use crate::directory::Ticket;
use crate::pg::Oid;
use crate::pg::error::{CaughtError, Fields};
use crate::pg::memory::Context;
use crate::pg::text::{Str, Text};
use crate::pg::timestamp::Timestamp;
use crate::pg::tuplestore::Tuplestore;
use crate::rows::columns::Columns;
use crate::rows::file::Name;
use core::cell::Cell;
use core::ffi::c_int;
use core::fmt::Write;
use core::ptr::NonNull;

/// docs/REFERENCE.md, States.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The worker starts or connects.
    Starting,
    Running,
    /// Succeeded.
    Stopped,
    Error,
    Canceled,
}

impl State {
    /// As SQL shows it.
    pub const fn name(self) -> Str {
        Str::from_static(match self {
            Self::Starting => c"starting",
            Self::Running => c"running",
            Self::Stopped => c"stopped",
            Self::Error => c"error",
            Self::Canceled => c"canceled",
        })
    }
}

/// How a job ended; what is not known yet is zero or None. Texts live in the job's context.
#[derive(Clone, Copy)]
pub struct Outcome {
    /// Packed; 0 for success.
    pub sqlstate: c_int,
    pub fields: Fields,
    pub command_tag: Option<Str>,
    pub row_count: i64,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    pub timed_out: bool,
}

impl Outcome {
    /// Nothing known.
    pub const NONE: Self = Self {
        sqlstate: 0,
        fields: Fields::NONE,
        command_tag: None,
        row_count: 0,
        started_at: 0,
        finished_at: 0,
        timed_out: false,
    };
}

/// Where rows go while `result` waits for them: the executor's own tuplestore. Valid only while it runs.
#[derive(Clone, Copy)]
pub struct Direct {
    pub store: Tuplestore,
    /// What every row is checked against.
    pub attributes: NonNull<[Attribute]>,
}

/// A job. Fields that change are Cells: a backend has one thread, and a JobRef may be held anywhere.
pub struct Job {
    pub next: Cell<Option<JobRef>>,
    /// Everything of the job lives here, the job itself included.
    pub context: Context,
    pub pid: Cell<c_int>,
    /// 0 for jobs of the v1 functions.
    pub cookie: i64,
    /// Where the cluster's directory has it.
    pub ticket: Option<Ticket>,
    pub sql: Str,
    pub label: Option<Str>,
    /// Integers may name it: while its result is unread, no other job may run on its process.
    pub keeps_worker: bool,
    pub launched_at: Timestamp,
    /// The current user at launch: whose rights the job has, and who may touch it.
    pub user: Oid,
    /// As asked for; 0 became the default.
    pub queue_size: c_int,
    /// Fire and forget: it sends nothing.
    pub submitted: bool,
    pub consumed: Cell<bool>,
    /// Somebody who waits for any job was told that this one has ended.
    pub announced: Cell<bool>,
    /// Forgotten by its handle, but still running and counted.
    pub detached: Cell<bool>,
    pub cancel_requested: Cell<bool>,
    /// A call of this session waits for it, and nobody has its handle.
    pub is_synchronous: Cell<bool>,
    /// Its worker has left before the job began. The call that waits for it launches it again.
    pub is_left: Cell<bool>,
    /// It waited for this session when a deadlock was last looked for.
    pub is_stuck: Cell<bool>,
    /// Its rows are being delivered. Code of the user's may run meanwhile (a domain's check), and must not make us forget
    /// the job.
    pub in_use: Cell<bool>,
    /// None once the outcome is final.
    pub link: Cell<Option<LinkRef>>,
    /// Nobody wants what it sends any more.
    pub is_let_go: Cell<bool>,
    /// It has failed: nothing of its rows counts.
    pub is_rolled_back: Cell<bool>,
    pub stream: Cell<Stream>,
    pub assembler: Assembler,
    /// Frames that were received.
    pub received: Cell<u64>,
    /// Where output is that nobody read in time, if there is any.
    pub file: Name,
    /// The next of the stream is the file, from the first to the second of these lengths; where both are equal, the queue.
    pub file_read: Cell<u64>,
    pub file_due: Cell<u64>,
    /// What was unread when the job ended.
    pub kept: Kept,
    /// How many of the notices in there have been passed on.
    pub noticed: Cell<u64>,
    /// The rows' columns as the worker announced them, in the job's context.
    pub columns: Cell<Option<Columns<'static>>>,
    pub direct: Cell<Option<Direct>>,
    /// Why rows could not be kept.
    pub rows_lost: Cell<Option<CaughtError>>,
    /// An error that came whole as a message, because the record had to cut it.
    pub whole_error: Cell<Option<Fields>>,
    /// Progress as it was when the job ended.
    pub last_progress: Cell<Option<(i32, Option<Str>)>>,
    /// The how-manieth of this session's jobs to finish; 0 before.
    pub finished_as: Cell<i64>,
    pub state: Cell<State>,
    pub outcome: Cell<Outcome>,
}

/// A job in the registry. `registry::forget` ends it.
pub type JobRef = Ref<Job>;

impl Listed for Job {
    fn context(&self) -> Context {
        self.context
    }

    fn next(&self) -> &Cell<Option<JobRef>> {
        &self.next
    }
}

impl Job {
    /// Whether the outcome is still open.
    pub fn is_running(&self) -> bool {
        self.link.get().is_some()
    }

    /// Whether its worker has not taken it yet, and may leave without it.
    pub fn is_claimed(&self) -> bool {
        self.link
            .get()
            .is_some_and(|link| link.channel.is_claimed() || link.has_left_early())
    }

    /// Not where its worker still has to start or to connect, for which it may need this very processor.
    pub fn may_end_soon(&self) -> bool {
        self.link
            .get()
            .is_none_or(|link| link.channel.is_connected())
    }

    /// The state now: a worker that is connected shows as running.
    pub fn current_state(&self) -> State {
        match self.link.get() {
            Some(link) if link.channel.is_running() => State::Running,
            _ => self.state.get(),
        }
    }

    /// The latest progress: a percentage and the length of the message put into `buffer`. None where none was reported.
    pub fn progress(&self, buffer: &mut [u8; MESSAGE_LIMIT]) -> Option<(i32, Option<usize>)> {
        if let Some(link) = self.link.get() {
            return link
                .channel
                .progress
                .read(buffer)
                .map(|r| (r.percent, r.message_length));
        }
        let (percent, message) = self.last_progress.get()?;
        if let Some(message) = message {
            for (to, from) in buffer.iter_mut().zip(message.bytes()) {
                *to = *from;
            }
        }
        Some((
            percent,
            message.map(|message| message.bytes().len().min(MESSAGE_LIMIT)),
        ))
    }

    /// Keeps the latest progress beyond the worker's life.
    pub fn keep_progress(&self) {
        let mut buffer = [0; MESSAGE_LIMIT];
        let kept = self.progress(&mut buffer).map(|(percent, length)| {
            let message = length.and_then(|length| buffer.get(..length));
            (
                percent,
                message.map(|message| self.context.copy_string(message)),
            )
        });
        self.last_progress.set(kept);
    }

    /// The texts of an error or notice of the job, with the job in CONTEXT, below what the job itself has there: whoever
    /// waits for several jobs sees which one it came from. In the current memory context.
    pub fn in_context(&self, fields: Fields) -> Fields {
        let mut context = Text::new();
        if let Some(inner) = fields.context.filter(|inner| !inner.bytes().is_empty()) {
            context.push(inner.bytes());
            context.push(b"\n");
        }
        let pid = self.pid.get();
        // Writing to a Text fails by ereport alone.
        let _ = match self.label {
            Some(label) => write!(context, "background job \"{label}\" (PID {pid})"),
            None => write!(context, "background job (PID {pid})"),
        };
        Fields {
            context: Some(context.into_str()),
            ..fields
        }
    }

    /// Asks it to end, if it has not.
    pub fn cancel(&self) {
        let Some(link) = self.link.get() else { return };
        self.cancel_requested.set(true);
        link.cancel();
    }

    /// Whether it ended with an error.
    pub fn has_error(&self) -> bool {
        !self.is_running() && self.outcome.get().sqlstate != 0
    }
}
