//! Looking for jobs: among those that have not ended, and in the history. Whoever looks notices a worker that is gone without
//! a word.

use super::jobs::{End, State, Ticket};
use super::layout::{self, Record, SQL_LIMIT, Table};
use super::{KNOWN, settle, with_table};
use crate::pg::memory::Context;
use crate::pg::{procs, timestamp};

impl Table<'_> {
    /// The process id of the worker whose job has that entry.
    pub fn pid_at(&self, index: usize) -> Option<i32> {
        self.taken.get(index).filter(|id| **id != 0)?;
        self.entries.get(index).map(|entry| entry.job.pid)
    }

    /// How many jobs have a worker, of one authenticated user or of all.
    pub fn running(&self, user: Option<u32>) -> usize {
        let entries = self.taken.iter().zip(self.entries.iter());
        let running = entries.filter(|(id, entry)| {
            let job = &entry.job;
            **id != 0 && job.pid > 0 && user.is_none_or(|user| user == job.authenticated_user)
        });
        running.count()
    }

    /// A copy of the entry there, if a job has it.
    pub fn seen_at(&self, index: usize) -> Option<Seen> {
        self.taken.get(index).filter(|id| **id != 0)?;
        self.entries.get(index).map(Seen::of_entry)
    }

    /// A copy of what is known of a job.
    pub fn seen(&self, id: i64) -> Option<Seen> {
        if let Some(place) = self.place_of(id) {
            return self.entries.get(place as usize).map(Seen::of_entry);
        }
        let place = self.ids.iter().position(|known| *known == id && id != 0)?;
        self.history.get(place).map(Seen::of_record)
    }

    /// The entry of a job that has not ended.
    pub fn place_of(&self, id: i64) -> Option<u32> {
        let found = self
            .taken
            .iter()
            .position(|taken| *taken == id && id != 0)?;
        u32::try_from(found).ok()
    }
}

/// A copy of what is known of a job; `sql` is all that is kept of it.
#[derive(Clone, Copy)]
pub struct Seen {
    pub job: Record,
    pub sql: layout::Text<SQL_LIMIT>,
}

impl Seen {
    fn of_entry(entry: &layout::Entry) -> Self {
        Self {
            job: entry.job,
            sql: entry.sql,
        }
    }

    fn of_record(record: &Record) -> Self {
        let mut sql = layout::Text::EMPTY;
        sql.set(record.sql.get());
        Self { job: *record, sql }
    }
}

/// The job of a handle, running or remembered. A worker that is gone without a word is noticed here.
pub fn find(pid: i32, id: i64) -> Option<Seen> {
    let look = || with_table(|table| table.seen(id)).flatten();
    let mut seen = look()?;
    if bury_if_lost(&seen.job) {
        seen = look()?;
    }
    (seen.job.pid == pid).then_some(seen)
}

/// Whether a job has not ended.
pub fn is_running(id: i64) -> bool {
    with_table(|table| table.place_of(id)).flatten().is_some()
}

/// A job whose worker is gone without a word has ended from here on.
pub fn notice_if_lost(id: i64) {
    if let Some(seen) = with_table(|table| table.seen(id)).flatten() {
        bury_if_lost(&seen.job);
    }
}

/// Says how a job ended whose worker is gone without a word. Returns whether it is such a job.
fn bury_if_lost(job: &Record) -> bool {
    // Until its worker is connected a job is its launcher's concern, if that is there. The postmaster may be slow to tell that
    // a process is a worker, and it may run its job by then; but then it is connected.
    let is_connected = job.state() == Some(State::Running);
    let is_launchers = !is_connected && (job.pid == 0 || procs::is_session(job.launcher_pid));
    let is_there = || procs::is_background_worker(job.pid) || procs::is_session(job.pid);
    let is_lost = !job.has_ended() && !is_launchers && !is_there();
    if is_lost {
        if let Some(place) = with_table(|table| table.place_of(job.id)).flatten() {
            settle(
                Ticket { place, id: job.id },
                &End::lost(job.started_at, timestamp::now()),
            );
        }
    }
    is_lost
}

/// How many workers have a job, of one authenticated user or of all; None where there is no directory. A job that has ended
/// counts no more from before anybody can see that it has.
pub fn count_running(user: Option<u32>) -> Option<usize> {
    with_table(|table| table.running(user))
}

/// Calls `each` with the process id of every worker that has a job.
pub fn for_each_running(mut each: impl FnMut(i32)) {
    let Some(mapped) = KNOWN.table.get() else {
        return;
    };
    for i in 0..mapped.sizes.entries {
        let pid = with_table(|table| table.pid_at(i)).flatten();
        pid.filter(|pid| *pid > 0).into_iter().for_each(&mut each);
    }
}

/// Calls `each` for every job: first those that have not ended, then the others, the last to end first.
pub fn for_each(mut each: impl FnMut(&Seen)) {
    let Some(mapped) = KNOWN.table.get() else {
        return;
    };
    let ended_before = with_table(|table| table.state.ended).unwrap_or(0);
    let shown = Context::current().alloc_slice(mapped.sizes.entries, |_| 0);
    for (i, shown) in shown.iter_mut().enumerate() {
        let entry = || with_table(|table| table.seen_at(i)).flatten();
        if let Some(seen) = entry().filter(|seen| !bury_if_lost(&seen.job)) {
            *shown = seen.job.id;
            each(&seen);
        }
    }
    let (size, ended) = (
        mapped.sizes.history as u64,
        with_table(|table| table.state.ended).unwrap_or(0),
    );
    for age in 0..ended.min(size) {
        let number = ended - 1 - age;
        let place = (number % size) as usize;
        let Some(seen) =
            with_table(|table| table.history.get(place).map(Seen::of_record)).flatten()
        else {
            return;
        };
        // One that has ended meanwhile was shown as it was before.
        let is_again = number >= ended_before && shown.contains(&seen.job.id);
        if seen.job.id != 0 && !is_again {
            each(&seen);
        }
    }
}

/// All jobs whose worker is gone without a word have ended from here on.
pub fn settle_lost() {
    let Some(mapped) = KNOWN.table.get() else {
        return;
    };
    for i in 0..mapped.sizes.entries {
        if let Some(seen) = with_table(|table| table.seen_at(i)).flatten() {
            bury_if_lost(&seen.job);
        }
    }
}
