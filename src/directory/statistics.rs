//! What the jobs of each database and role came to, since the server started or somebody set the counters back.

use super::jobs::Ending;
use super::layout::{Entry, Record, STATISTICS, State, Statistics, Table};

fn add(counter: &mut i64, what: i64) {
    *counter = counter.saturating_add(what);
}

/// The row of a database and a role among the first `rows`, which `guess` is tried for first; a new one if there is room, the
/// last one otherwise.
fn row(
    statistics: &mut [Statistics],
    state: &mut State,
    database: u32,
    role: u32,
    guess: u32,
) -> usize {
    let last = STATISTICS - 1;
    let used = usize::try_from(state.rows).unwrap_or(last).min(last);
    let is_it = |s: &Statistics| s.database == database && s.role == role;
    let guess = guess as usize;
    if guess < used && statistics.get(guess).is_some_and(is_it) {
        return guess;
    }
    if let Some(found) = statistics.iter().take(used).position(is_it) {
        return found;
    }
    if used == last {
        return last;
    }
    if let Some(new) = statistics.get_mut(used) {
        *new = Statistics {
            database,
            role,
            ..Statistics::default()
        };
        state.rows = used as u64 + 1;
    }
    used
}

impl Table<'_> {
    /// Counts the launch of the job at that entry, which its worker has taken.
    pub fn count_launch(&mut self, index: usize, warm: bool) {
        let Some(entry) = self.entries.get_mut(index) else {
            return;
        };
        let job = &entry.job;
        // The entry's last job was most likely of the same session.
        let row = row(
            self.statistics,
            self.state,
            job.database,
            job.user,
            entry.row,
        );
        entry.row = row as u32;
        if let Some(s) = self.statistics.get_mut(row) {
            add(&mut s.launched, 1);
            add(if warm { &mut s.warm } else { &mut s.cold }, 1);
            add(&mut s.wait_for_slot_time, entry.job.waited);
        }
    }

    /// Counts the end of the job at that entry.
    pub fn count_end(&mut self, index: usize, ending: Ending, timed_out: bool) {
        let Some(Entry {
            job, row: guess, ..
        }) = self.entries.get(index)
        else {
            return;
        };
        let row = row(self.statistics, self.state, job.database, job.user, *guess);
        if let Some(s) = self.statistics.get_mut(row) {
            s.count(job, ending, timed_out);
        }
    }

    /// The rows in use, then the one for others if it counts anything.
    pub fn statistics_rows(&self) -> impl Iterator<Item = usize> + use<> {
        let last = STATISTICS - 1;
        let used = usize::try_from(self.state.rows).unwrap_or(last).min(last);
        let has_others = self
            .statistics
            .get(last)
            .is_some_and(|s| *s != Statistics::default());
        (0..used).chain(has_others.then_some(last))
    }

    /// Sets all counters back.
    pub fn reset_statistics(&mut self, now: i64) {
        self.statistics.fill(Statistics::default());
        self.state.rows = 0;
        self.state.statistics_reset = now;
    }
}

impl Statistics {
    fn count(&mut self, job: &Record, ending: Ending, timed_out: bool) {
        add(
            match ending {
                Ending::Succeeded => &mut self.completed,
                Ending::Lost => &mut self.lost,
                Ending::Canceled if timed_out => &mut self.timed_out,
                Ending::Canceled => &mut self.canceled,
                Ending::Failed => &mut self.failed,
            },
            1,
        );
        add(&mut self.rows, job.row_count.max(0));
        if job.started_at > 0 {
            let time = job.finished_at.saturating_sub(job.started_at).max(0);
            add(&mut self.total_time, time);
            self.max_time = self.max_time.max(time);
        }
    }
}
