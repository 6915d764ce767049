//! The cluster's table of jobs: what runs, what ran last, who waits for it, and how much there was, for every session to see.
//!
//! It is in shared memory that the first launch of the cluster makes, without preloading. A small struct that every process
//! finds by its name tells where; the table itself is a pinned segment, whose header says how large it is. Where it cannot
//! be had everything works without it, each session knowing its own jobs.
//!
//! Nobody else knows its layout. All of it is under one lock, which is held for as long as it takes to copy a record.

mod attach;
mod jobs;
mod layout;
mod look;
mod statistics;
#[cfg(test)]
mod tests;
mod waiters;

use crate::pg::dsm::Segment;
use crate::pg::lwlock::LightLock;
use crate::pg::procs;
use crate::pg::{identity, process, timestamp};
use core::cell::Cell;
use core::ffi::c_int;
use core::sync::atomic::{Ordering, fence};
use layout::{Sizes, Table};

pub use attach::{attach, attach_segment};
pub use jobs::{Begun, End, Ending, Listing, Mode, Signaled, State, Ticket};
pub use layout::Statistics;
pub use layout::{LABEL_LIMIT, MESSAGE_LIMIT, PREVIEW_LIMIT, Record, SQL_LIMIT};
pub use look::{Seen, count_running, find, for_each, for_each_running, is_running, notice_if_lost};
pub use waiters::Awaited;

/// Entries beyond max_worker_processes: a job has one for a moment before it has a worker.
const SPARE_ENTRIES: usize = 32;

/// The table as this process has it mapped.
#[derive(Clone, Copy)]
struct Mapped {
    segment: Segment,
    sizes: Sizes,
    lock: LightLock,
}

/// What this process knows of the directory: one place.
struct Known {
    table: Cell<Option<Mapped>>,
    /// It was looked for, in vain or not.
    was_tried: Cell<bool>,
    /// The entry of a launch that has not come to its end.
    launching: Cell<Option<Ticket>>,
    /// The job at hand, in a worker.
    own: Cell<Option<Ticket>>,
    is_waiting: Cell<bool>,
    /// This process counts as one without a job.
    is_idle: Cell<bool>,
}

// SAFETY: a backend has one thread, and no signal handler touches this.
unsafe impl Sync for Known {}

static KNOWN: Known = Known {
    table: Cell::new(None),
    was_tried: Cell::new(false),
    launching: Cell::new(None),
    own: Cell::new(None),
    is_waiting: Cell::new(false),
    is_idle: Cell::new(false),
};

/// The handle of the directory's segment, for workers; 0 where there is none.
pub fn handle() -> u32 {
    KNOWN
        .table
        .get()
        .map_or(0, |mapped| mapped.segment.handle())
}

/// Does `work`, which must not raise, on the table; None where there is none.
fn with_table<R>(work: impl FnOnce(&mut Table<'_>) -> R) -> Option<R> {
    let mapped = KNOWN.table.get()?;
    Some(mapped.lock.exclusively(|| {
        // SAFETY: a table of that size, mapped, and its lock is held.
        let mut table = unsafe { layout::at(mapped.segment.address().as_ptr(), mapped.sizes) };
        work(&mut table)
    }))
}

/// What needs no lock: as it is once everything that this process has written so far can be seen by all.
fn glance() -> Option<&'static layout::Glance> {
    let mapped = KNOWN.table.get()?;
    fence(Ordering::SeqCst);
    // SAFETY: mapped, and used at once.
    Some(unsafe { layout::glance_at(mapped.segment.address().as_ptr()) })
}

/// The segment is unmapped next. Callbacks that were registered later, as a worker's, have run.
fn on_exit() {
    withdraw();
    stop_waiting();
    with_table(|table| {
        if KNOWN.is_idle.take() {
            table.count_idle(false);
        }
        table.wake_for_place(procs::wake);
    });
    KNOWN.table.set(None);
}

// Of a launcher.

/// Enters a job whose launch begins. Ok(None) without a directory; Err if it has no free entry.
pub fn enter(listing: &Listing<'_>) -> Result<Option<Ticket>, NoEntry> {
    let try_to = || with_table(|table| table.enter(listing));
    let mut entered = try_to();
    if entered == Some(None) {
        // Whose worker and launcher are gone, nobody else takes back.
        look::settle_lost();
        entered = try_to();
    }
    match entered {
        None => Ok(None),
        Some(None) => Err(NoEntry),
        Some(ticket) => {
            KNOWN.launching.set(ticket);
            Ok(ticket)
        }
    }
}

/// Every entry has a job.
pub struct NoEntry;

/// The launch that `enter` began is done: the job is its worker's.
pub fn confirm() {
    KNOWN.launching.set(None);
}

/// That launch has failed.
pub fn withdraw() {
    if let Some(ticket) = KNOWN.launching.take() {
        with_table(|table| {
            table.withdraw(ticket);
            table.wake_for_place(procs::wake);
        });
    }
}

/// A worker has left without the job that it was to have. Whether another may have it: not if somebody has cancelled it.
pub fn take_back(ticket: Option<Ticket>) -> bool {
    ticket.is_none_or(|ticket| with_table(|table| table.take_back(ticket)).unwrap_or(true))
}

/// There is no worker for that job yet. Wakes nobody: what was held for a moment frees no place, and whoever tries again and
/// again would wake itself and all others that do.
pub fn retract() {
    if let Some(ticket) = KNOWN.launching.take() {
        with_table(|table| table.withdraw(ticket));
    }
}

/// The launcher knows how the job ended: says so for a worker that could not.
pub fn settle(ticket: Ticket, end: &End<'_>) {
    with_table(|table| {
        if table.settle(ticket, end) {
            table.wake_for_job(ticket.id, true, procs::wake);
        }
    });
}

// Of a worker.

/// A new worker says that it is there, and will get that job.
pub fn assign(ticket: Ticket) {
    let pid = identity::pid();
    with_table(|table| table.assign(ticket, pid));
}

/// The worker is about to begin with that job; `connected` unless it has to connect first.
pub fn begin(ticket: Ticket, connected: bool) -> Begun {
    let (pid, now) = (identity::pid(), timestamp::now());
    KNOWN.own.set(Some(ticket));
    let begin = |table: &mut Table<'_>| {
        if KNOWN.is_idle.take() {
            table.count_idle(false);
        }
        table.begin(ticket, pid, connected, now)
    };
    with_table(begin).unwrap_or(Begun::Yes)
}

/// The worker is connected now.
pub fn run() {
    let now = timestamp::now();
    if let Some(ticket) = KNOWN.own.get() {
        with_table(|table| table.run(ticket, now));
    }
}

/// The job reports its progress; the message is cut to PROGRESS_LIMIT.
pub fn report_progress(percent: i32, message: Option<&[u8]>) {
    if let Some(ticket) = KNOWN.own.get() {
        with_table(|table| table.report_progress(ticket, percent, message));
    }
}

/// What has become of this process's entry.
#[derive(Clone, Copy)]
pub struct Ended {
    /// The job's id; None if there was no entry any more.
    id: Option<i64>,
    /// It waits for another job. Not if another session has signaled it: the signal might hit that.
    pub stays: bool,
    pub ending: Ending,
}

/// The job has ended, and this process would stay or not. Whoever waits for the job is not woken yet.
pub fn end(end: &End<'_>, would_stay: bool) -> Ended {
    let Some(ticket) = KNOWN.own.take() else {
        return Ended {
            id: None,
            stays: would_stay,
            ending: end.ending_of(false),
        };
    };
    let ended = |table: &mut Table<'_>| {
        let is_signaled = table.end(ticket, end);
        if would_stay && !is_signaled {
            table.count_idle(true);
            KNOWN.is_idle.set(true);
        }
        is_signaled
    };
    let is_signaled = with_table(ended).unwrap_or(false);
    Ended {
        id: Some(ticket.id),
        stays: would_stay && !is_signaled,
        ending: end.ending_of(is_signaled),
    }
}

/// Whether more workers than that may be without a job, this one included, which shows as idle by now. Who else has shown so
/// before is counted.
pub fn may_have_idle(limit: usize) -> bool {
    glance().is_none_or(|glance| glance.idle.load(Ordering::Relaxed) as usize > limit)
}

/// Whether anybody sleeps until a job ends or a place comes free. Who comes meanwhile is not seen.
pub fn has_waiters() -> bool {
    glance().is_some_and(|glance| glance.waiting.load(Ordering::Relaxed) != 0)
}

/// Wakes whoever waits for a job that has ended: once its launcher can see that, too, because it may be asked next.
pub fn wake_for_ended(ended: Ended) {
    let Some(id) = ended.id else { return };
    // Whoever enters from here on looks whether the job has ended, and for a place.
    if has_waiters() {
        with_table(|table| table.wake_for_job(id, ended.stays, procs::wake));
    }
}

// Of everybody.

/// Whether there is a directory.
pub fn is_there() -> bool {
    KNOWN.table.get().is_some()
}

/// Signals the worker of a job that has not ended, and never of another. A job that has not begun will not.
pub fn signal(id: i64, signal: c_int) -> Signaled {
    with_table(|table| table.signal(id, |pid| process::signal(pid, signal)))
        .unwrap_or(Signaled::Over)
}

/// Calls `each` for every row of the statistics, with the time since when they count.
pub fn for_each_statistics(mut each: impl FnMut(&Statistics, i64)) {
    for place in 0..layout::STATISTICS {
        let row = with_table(|table| {
            let is_used = table.statistics_rows().any(|used| used == place);
            let row = table.statistics.get(place).filter(|_| is_used)?;
            Some((*row, table.state.statistics_reset))
        });
        if let Some(Some((row, reset))) = row {
            each(&row, reset);
        }
    }
}

/// Sets all statistics back.
pub fn reset_statistics() {
    let now = timestamp::now();
    with_table(|table| table.reset_statistics(now));
}

// Of whoever sleeps.

/// This process wants its latch set when that happens. Until `stop_waiting`; an error in between must not skip that.
pub fn start_waiting(awaited: Awaited) {
    KNOWN.is_waiting.set(true);
    let us = procs::own_number();
    with_table(|table| table.enter_waiter(us, awaited));
}

/// It no longer does.
pub fn stop_waiting() {
    if KNOWN.is_waiting.replace(false) {
        let us = procs::own_number();
        with_table(|table| table.leave_waiter(us));
    }
}
