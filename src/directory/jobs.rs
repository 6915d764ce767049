//! The life of an entry: the launcher makes it before a worker can have the job, the worker says when it begins and how it
//! ends, and the history keeps what it was.

use super::layout::{Entry, Record, Table};
use crate::pg::error::code;
use core::sync::atomic::Ordering;

/// What the record says of a job. The numbers are in shared memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum State {
    /// Its launch is under way, or its worker has not taken it yet.
    Launching = 1,
    /// A new worker has taken it, and connects.
    Connecting = 2,
    Running = 3,
    /// Succeeded.
    Stopped = 4,
    Error = 5,
    Canceled = 6,
}

impl State {
    fn of(number: u32) -> Option<Self> {
        use State::{Canceled, Connecting, Error, Launching, Running, Stopped};
        [Launching, Connecting, Running, Stopped, Error, Canceled]
            .into_iter()
            .find(|state| *state as u32 == number)
    }
}

/// By which function a job was launched. The numbers are in shared memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Mode {
    Launch = 0,
    Submit = 1,
    Run = 2,
    Batch = 3,
}

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    Succeeded,
    Failed,
    Canceled,
    /// Its worker ended without saying how.
    Lost,
}

/// Where a job is entered. The place may have another job later, so each use compares the id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    pub place: u32,
    pub id: i64,
}

impl Ticket {
    /// From what a launcher has written for its worker: directory, place, id. None if there is no directory.
    pub fn of((_, place, id): (u32, u32, i64)) -> Option<Self> {
        (id != 0).then_some(Self { place, id })
    }
}

/// What a launcher knows of a new job. Texts are cut to their limits.
#[derive(Clone, Copy)]
pub struct Listing<'a> {
    pub id: i64,
    /// 0 if its worker has not started yet.
    pub pid: i32,
    pub launcher_pid: i32,
    pub database: u32,
    pub user: u32,
    pub authenticated_user: u32,
    pub queue_size: i32,
    pub mode: Mode,
    pub launched_at: i64,
    pub waited: i64,
    pub label: Option<&'a [u8]>,
    pub sql: &'a [u8],
    /// So much of it is shown when the job has ended.
    pub preview: usize,
}

/// How a job came to its end. Texts are cut to their limits.
pub struct End<'a> {
    pub ending: Ending,
    pub timed_out: bool,
    pub sqlstate: i32,
    pub message: Option<&'a [u8]>,
    pub tag: Option<&'a [u8]>,
    pub row_count: i64,
    pub started_at: i64,
    pub finished_at: i64,
}

impl End<'_> {
    /// How a job ended whose worker was signaled, or not.
    pub fn ending_of(&self, signaled: bool) -> Ending {
        match self.ending {
            // Whoever has asked for it ended the process: the job was cancelled.
            Ending::Failed if signaled && self.sqlstate == code::ADMIN_SHUTDOWN => Ending::Canceled,
            ending => ending,
        }
    }

    /// Of a job whose worker has ended without a word.
    pub const fn lost(started_at: i64, now: i64) -> Self {
        Self {
            ending: Ending::Lost,
            timed_out: false,
            sqlstate: code::CONNECTION_FAILURE,
            message: Some(LOST),
            tag: None,
            row_count: 0,
            started_at,
            finished_at: now,
        }
    }
}

/// What is said of such a job.
pub const LOST: &[u8] = b"background worker exited without reporting an outcome";

/// Whether a worker may begin with its job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begun {
    Yes,
    /// Somebody has cancelled it before it began.
    Canceled,
    /// There is no such job any more: its launch has failed.
    Gone,
}

/// What became of the wish to signal a job's worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signaled {
    /// No such job here, or it has ended.
    Over,
    /// It does not begin.
    Prevented,
    Sent,
}

impl Record {
    /// None where the record makes no sense.
    pub fn state(&self) -> Option<State> {
        State::of(self.state)
    }

    pub fn mode(&self) -> Option<Mode> {
        [Mode::Launch, Mode::Submit, Mode::Run, Mode::Batch]
            .into_iter()
            .find(|mode| *mode as u32 == self.mode)
    }

    /// Whether the job has ended.
    pub fn has_ended(&self) -> bool {
        self.state >= State::Stopped as u32
    }
}

impl Table<'_> {
    /// Enters a job. None where no entry is free.
    pub fn enter(&mut self, listing: &Listing<'_>) -> Option<Ticket> {
        let index = self.taken.iter().position(|id| *id == 0)?;
        let (taken, entry) = (self.taken.get_mut(index)?, self.entries.get_mut(index)?);
        *taken = listing.id;
        let job = &mut entry.job;
        job.id = listing.id;
        job.launched_at = listing.launched_at;
        job.started_at = 0;
        job.finished_at = 0;
        job.waited = listing.waited;
        job.row_count = 0;
        job.state = State::Launching as u32;
        job.mode = listing.mode as u32;
        job.pid = listing.pid;
        job.launcher_pid = listing.launcher_pid;
        job.database = listing.database;
        job.user = listing.user;
        job.authenticated_user = listing.authenticated_user;
        job.queue_size = listing.queue_size;
        job.sqlstate = 0;
        job.percent = -1;
        job.signaled = 0;
        job.preview = listing.preview as u32;
        job.label.set(listing.label);
        job.progress.set(None);
        job.tag.set(None);
        job.message.set(None);
        entry.sql.set(Some(listing.sql));
        Some(Ticket {
            place: index as u32,
            id: listing.id,
        })
    }

    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        let index = ticket.place as usize;
        let is_its = ticket.id != 0 && self.taken.get(index) == Some(&ticket.id);
        self.entries.get_mut(index).filter(|_| is_its)
    }

    /// The launch has failed. An entry whose job has begun is its worker's.
    pub fn withdraw(&mut self, ticket: Ticket) {
        if self
            .entry(ticket)
            .is_some_and(|e| e.job.state == State::Launching as u32)
        {
            self.free(ticket.place);
        }
    }

    /// The worker that was to have the job has left without it. True if nobody has it and nobody has cancelled it; then the entry
    /// is free.
    pub fn take_back(&mut self, ticket: Ticket) -> bool {
        let is_untouched = self
            .entry(ticket)
            .is_some_and(|e| e.job.state == State::Launching as u32 && e.job.signaled == 0);
        if is_untouched {
            self.free(ticket.place);
        }
        is_untouched
    }

    fn free(&mut self, place: u32) {
        if let Some(taken) = self.taken.get_mut(place as usize) {
            *taken = 0;
        }
    }

    /// A new worker is there, which will get the job.
    pub fn assign(&mut self, ticket: Ticket, pid: i32) {
        if let Some(entry) = self.entry(ticket) {
            entry.job.pid = pid;
        }
    }

    /// A worker has the job and is about to begin; `connected` unless it has to connect first.
    pub fn begin(&mut self, ticket: Ticket, pid: i32, connected: bool, now: i64) -> Begun {
        let Some(entry) = self.entry(ticket) else {
            return Begun::Gone;
        };
        let job = &mut entry.job;
        if job.state != State::Launching as u32 {
            return Begun::Gone;
        }
        job.pid = pid;
        job.state = if connected {
            State::Running
        } else {
            State::Connecting
        } as u32;
        job.started_at = if connected { now } else { 0 };
        let canceled = job.signaled != 0;
        self.count_launch(ticket.place as usize, connected);
        if canceled {
            Begun::Canceled
        } else {
            Begun::Yes
        }
    }

    /// The worker is connected.
    pub fn run(&mut self, ticket: Ticket, now: i64) {
        if let Some(entry) = self.entry(ticket) {
            entry.job.state = State::Running as u32;
            entry.job.started_at = now;
        }
    }

    pub fn report_progress(&mut self, ticket: Ticket, percent: i32, message: Option<&[u8]>) {
        if let Some(entry) = self.entry(ticket) {
            entry.job.percent = percent;
            entry.job.progress.set(message);
        }
    }

    /// Somebody else than its worker knows how the job ended. Whether it was still entered.
    pub fn settle(&mut self, ticket: Ticket, end: &End<'_>) -> bool {
        let Some(entry) = self.entry(ticket) else {
            return false;
        };
        if entry.job.state == State::Launching as u32 {
            self.count_launch(ticket.place as usize, false);
        }
        self.end(ticket, end);
        true
    }

    /// The job has ended: it goes into the history, its entry is free. Whether somebody has signaled its worker: the signal
    /// may still be on its way.
    pub fn end(&mut self, ticket: Ticket, end: &End<'_>) -> bool {
        let Some(entry) = self.entry(ticket) else {
            return false;
        };
        let Entry { job, sql, .. } = entry;
        let signaled = job.signaled != 0;
        let ending = end.ending_of(signaled);
        let preview = sql
            .get()
            .and_then(|sql| sql.get(..(job.preview as usize).min(sql.len())));
        job.sql.set(preview);
        job.state = match ending {
            Ending::Succeeded => State::Stopped,
            Ending::Canceled => State::Canceled,
            Ending::Failed | Ending::Lost => State::Error,
        } as u32;
        job.row_count = end.row_count;
        job.started_at = end.started_at;
        job.finished_at = end.finished_at;
        job.sqlstate = end.sqlstate;
        job.tag.set(end.tag);
        job.message.set(end.message);
        self.count_end(ticket.place as usize, ending, end.timed_out);
        self.remember(ticket);
        self.free(ticket.place);
        signaled
    }

    /// One more worker has no job, or one less.
    pub fn count_idle(&mut self, more: bool) {
        let idle = self.glance.idle.load(Ordering::Relaxed);
        let idle = if more {
            idle.saturating_add(1)
        } else {
            idle.saturating_sub(1)
        };
        self.glance.idle.store(idle, Ordering::Relaxed);
    }

    fn remember(&mut self, ticket: Ticket) {
        let size = self.history.len() as u64;
        let Some(place) = self.state.ended.checked_rem(size) else {
            return;
        };
        self.state.ended = self.state.ended.wrapping_add(1);
        let place = place as usize;
        let (Some(entry), Some(record), Some(id)) = (
            self.entries.get(ticket.place as usize),
            self.history.get_mut(place),
            self.ids.get_mut(place),
        ) else {
            return;
        };
        *id = ticket.id;
        record.copy_from(&entry.job);
    }

    /// Wants the worker of a job that has not ended to get a signal, which `send` sends if there is one.
    pub fn signal(&mut self, id: i64, send: impl FnOnce(i32)) -> Signaled {
        let Some(place) = self.place_of(id) else {
            return Signaled::Over;
        };
        let Some(entry) = self.entry(Ticket { place, id }) else {
            return Signaled::Over;
        };
        entry.job.signaled = 1;
        let has_begun =
            entry.job.state == State::Connecting as u32 || entry.job.state == State::Running as u32;
        if has_begun && entry.job.pid > 0 {
            send(entry.job.pid);
            return Signaled::Sent;
        }
        Signaled::Prevented
    }
}
