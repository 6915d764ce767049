//! Processes that sleep until a job ends or a place comes free: process numbers, and what each waits for.
//!
//! No condition variable: a process that is terminated while it sleeps on one in dynamic shared memory crashes the server,
//! and up to 15 many sleepers on one wake each other for ever. Whoever is here sleeps on its own latch, like everywhere.

use super::layout::{Table, Waiter};
use core::sync::atomic::Ordering;

/// What a process waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaited {
    /// The end of that job.
    Job(i64),
    /// The end of any job: it waits for several.
    AnyJob,
    /// Room for one more job: a job ends, or a worker does.
    Place,
}

/// What a waiter waits for, as a number.
const JOB: u32 = 1;
const ANY_JOB: u32 = 2;
const PLACE: u32 = 3;

impl Table<'_> {
    fn waiting(&self) -> usize {
        let waiting = self.glance.waiting.load(Ordering::Relaxed);
        (waiting as usize).min(self.waiters.len())
    }

    /// Enters a process, or changes what it waits for. False where there is no room, which would take more processes than
    /// the server has.
    pub fn enter_waiter(&mut self, process: u32, awaited: Awaited) -> bool {
        let (kind, job) = match awaited {
            Awaited::Job(id) => (JOB, id),
            Awaited::AnyJob => (ANY_JOB, 0),
            Awaited::Place => (PLACE, 0),
        };
        let count = self.waiting();
        let found = self
            .waiters
            .iter()
            .take(count)
            .position(|w| w.process == process);
        let Some(waiter) = self.waiters.get_mut(found.unwrap_or(count)) else {
            return false;
        };
        *waiter = Waiter { process, kind, job };
        if found.is_none() {
            self.glance
                .waiting
                .store(count as u32 + 1, Ordering::Relaxed);
        }
        true
    }

    /// The process waits no more.
    pub fn leave_waiter(&mut self, process: u32) {
        let count = self.waiting();
        let Some(found) = self
            .waiters
            .iter()
            .take(count)
            .position(|w| w.process == process)
        else {
            return;
        };
        if let Some(last) = count.checked_sub(1) {
            self.waiters.swap(found, last);
            self.glance.waiting.store(last as u32, Ordering::Relaxed);
        }
    }

    /// Calls `wake` for each process that waits for the end of that job, or for a place if the job gives up one: its worker
    /// waits for the next, and would leave for somebody else. One that does not stay gives its place up when it ends.
    pub fn wake_for_job(&self, id: i64, stays: bool, wake: impl FnMut(u32)) {
        let is_meant = |w: &Waiter| {
            w.kind == ANY_JOB || (w.kind == PLACE && stays) || (w.kind == JOB && w.job == id)
        };
        self.wake(is_meant, wake);
    }

    /// Calls `wake` for each process that waits for a place.
    pub fn wake_for_place(&self, wake: impl FnMut(u32)) {
        self.wake(|w| w.kind == PLACE, wake);
    }

    fn wake(&self, is_meant: impl Fn(&Waiter) -> bool, mut wake: impl FnMut(u32)) {
        let waiting = self.waiters.iter().take(self.waiting());
        waiting
            .filter(|w| is_meant(w))
            .for_each(|w| wake(w.process));
    }
}
