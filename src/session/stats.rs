//! What this session's jobs came to.

use super::job::{Job, State};
use super::registry;
use core::cell::Cell;

/// Counters since the session began. A job is counted once, when it ends, as it ended.
pub struct Counters {
    pub launched: Cell<i64>,
    pub completed: Cell<i64>,
    pub failed: Cell<i64>,
    pub canceled: Cell<i64>,
    pub timed_out: Cell<i64>,
    /// Microseconds of all jobs that were started and ended.
    total_time: Cell<i64>,
    timed: Cell<i64>,
}

impl Counters {
    pub const fn new() -> Self {
        Self {
            launched: Cell::new(0),
            completed: Cell::new(0),
            failed: Cell::new(0),
            canceled: Cell::new(0),
            timed_out: Cell::new(0),
            total_time: Cell::new(0),
            timed: Cell::new(0),
        }
    }

    /// A job was handed to a worker.
    pub fn count_launch(&self) {
        add(&self.launched, 1);
    }

    /// A job that was counted as cancelled is launched again.
    pub fn take_back(&self) {
        add(&self.launched, -1);
        add(&self.canceled, -1);
    }

    /// A job's outcome is final.
    pub fn count_end(&self, job: &Job) {
        let outcome = job.outcome.get();
        add(
            match job.state.get() {
                State::Canceled if outcome.timed_out => &self.timed_out,
                State::Canceled => &self.canceled,
                State::Error => &self.failed,
                _ => &self.completed,
            },
            1,
        );
        if outcome.started_at > 0 && outcome.finished_at >= outcome.started_at {
            add(
                &self.total_time,
                outcome.finished_at.saturating_sub(outcome.started_at),
            );
            add(&self.timed, 1);
        }
    }

    /// A job that was counted as cancelled was so because it took too long.
    pub fn count_as_timed_out(&self) {
        if self.canceled.get() > 0 {
            add(&self.canceled, -1);
            add(&self.timed_out, 1);
        }
    }

    /// Jobs that have ended so far, the one that is ending included.
    pub fn ended(&self) -> i64 {
        self.completed.get() + self.failed.get() + self.canceled.get() + self.timed_out.get() + 1
    }

    /// Milliseconds that a job took on average; None before any was measured.
    pub fn average_ms(&self) -> Option<f64> {
        let jobs = self.timed.get();
        (jobs > 0).then(|| self.total_time.get() as f64 / 1000.0 / jobs as f64)
    }

    /// Jobs that run now, detached ones included.
    pub fn active(&self) -> i32 {
        i32::try_from(registry::running().count()).unwrap_or(i32::MAX)
    }
}

fn add(counter: &Cell<i64>, what: i64) {
    counter.set(counter.get().saturating_add(what));
}
