//! Many jobs in one call, some at a time.

use super::job::JobRef;
use super::launch::{Order, launch};
use super::result::TIMEOUT_GRACE;
use super::run::end_with_session;
use super::run::{Ran, milliseconds_since};
use super::wait::{WaitFor, wait_until};
use super::{STATE, cancel, registry};
use crate::pg::clock::{Deadline, Instant, now};
use crate::pg::error::{catch, code};
use crate::pg::memory::Context;
use crate::settings;

/// What is to be done.
#[derive(Clone, Copy)]
pub struct Batch {
    /// How many jobs.
    pub count: usize,
    /// So many at a time at most; 0 for as many as max_workers allows. If there is no room for so many, fewer run.
    pub max_parallel: usize,
    /// After the first failure nothing more starts, and what runs is cancelled.
    pub stop_on_error: bool,
    /// The same when it passes.
    pub deadline: Deadline,
    /// So many times a job that ended with 40001 or 40P01 is run once more.
    pub retries: i32,
}

/// A job of a batch that has ended for good.
pub struct Ended {
    /// Which one, from 0.
    pub number: usize,
    pub attempts: i32,
    pub ran: Ran,
}

/// A job that runs.
#[derive(Clone, Copy)]
struct Running {
    number: usize,
    attempts: i32,
    job: JobRef,
    since: Instant,
}

/// How to start one.
#[derive(Clone, Copy)]
struct Start {
    number: usize,
    attempts: i32,
    /// For a place, up to launch_timeout; then it is an error that there is none.
    waits: bool,
}

/// Everything that changes while a batch runs.
struct Progress<'a> {
    batch: &'a Batch,
    running: &'a mut [Option<Running>],
    /// How many may run at a time, as far as is known.
    limit: usize,
    /// The next that was not started yet.
    next: usize,
    stopped: bool,
}

/// Runs them all. `order` makes the order of a job in the current memory context, which is emptied after each; `ended` is
/// told of each job that has ended for good, in the order in which they end, and may raise. An error or an interrupt ends
/// what runs.
pub fn run<'o>(batch: &Batch, order: &dyn Fn(usize) -> Order<'o>, ended: &dyn Fn(&Ended)) {
    let most = if batch.max_parallel == 0 {
        usize::try_from(settings::MAX_WORKERS.get()).unwrap_or(1)
    } else {
        batch.max_parallel
    };
    let limit = most.clamp(1, batch.count.max(1));
    let context = Context::current().create(c"pg_background batch");
    let running = context.alloc_slice(limit, |_| None);
    let places = core::ptr::NonNull::from(&mut *running);
    let mut progress = Progress {
        batch,
        running,
        limit,
        next: 0,
        stopped: false,
    };
    let launch_context = context.create(c"pg_background order");
    if let Err(caught) = catch(|| progress.run(launch_context, order, ended)) {
        STATE.launches_only_at_once.set(false);
        // SAFETY: the slice lives in `context`; what held it was left by the error.
        for place in unsafe { places.as_ref() }.iter().flatten() {
            place.job.in_use.set(false);
            cancel::cancel(place.job);
            registry::detach(place.job);
        }
        caught.rethrow();
    }
    context.delete();
}

impl Progress<'_> {
    fn run<'o>(
        &mut self,
        launch_context: Context,
        order: &dyn Fn(usize) -> Order<'o>,
        ended: &dyn Fn(&Ended),
    ) {
        loop {
            while let Some(place) = self.next_place() {
                let first = Start {
                    number: self.next,
                    attempts: 1,
                    waits: self.running.iter().all(Option::is_none),
                };
                if !self.start(place, first, launch_context, order) {
                    break;
                }
                self.next += 1;
            }
            if self.running.iter().all(Option::is_none) {
                return;
            }
            let in_time = self.wait(launch_context);
            for place in 0..self.running.len() {
                self.settle(place, in_time, launch_context, order, ended);
            }
        }
    }

    /// Where to put a job that may start now.
    fn next_place(&self) -> Option<usize> {
        let may_start = !self.stopped
            && self.next < self.batch.count
            && self.running.iter().flatten().count() < self.limit
            && !self.batch.deadline.passed(now());
        if may_start {
            self.running.iter().position(Option::is_none)
        } else {
            None
        }
    }

    /// Launches one. False if there is no room for it and it does not wait for any; then fewer run from here on.
    fn start<'o>(
        &mut self,
        place: usize,
        start: Start,
        launch_context: Context,
        order: &dyn Fn(usize) -> Order<'o>,
    ) -> bool {
        let Start {
            number,
            attempts,
            waits,
        } = start;
        STATE.launches_only_at_once.set(!waits);
        let launched = catch(|| launch_context.run(|| launch(&order(number))));
        STATE.launches_only_at_once.set(false);
        let job = match launched {
            Ok(job) => {
                end_with_session(job);
                job
            }
            Err(caught) => {
                let no_room = [
                    code::INSUFFICIENT_RESOURCES,
                    code::CONFIGURATION_LIMIT_EXCEEDED,
                ];
                if waits || !no_room.contains(&caught.code()) {
                    caught.rethrow();
                }
                self.limit = self.running.iter().flatten().count();
                launch_context.reset();
                return false;
            }
        };
        launch_context.reset();
        // Nobody else has a handle of it; what means all jobs of the session passes it by.
        job.in_use.set(true);
        self.running[place] = Some(Running {
            number,
            attempts,
            job,
            since: now(),
        });
        true
    }

    /// Waits until one has ended. When the time is over, ends all that run.
    fn wait(&self, context: Context) -> bool {
        let mut running = self.running.iter().flatten();
        let count = self.running.iter().flatten().count();
        let jobs = context.alloc_slice(count, |_| match running.next() {
            Some(running) => running.job,
            None => unreachable!(),
        });
        let one_has_ended = || jobs.iter().any(|job| !job.is_running());
        let in_time = wait_until(jobs, WaitFor::Any, self.batch.deadline, one_has_ended);
        if !in_time {
            cancel::cancel_with_grace(jobs, TIMEOUT_GRACE);
        }
        context.reset();
        in_time
    }

    /// Looks at the job in a place, and if it has ended or its time is over, makes the place free.
    fn settle<'o>(
        &mut self,
        place: usize,
        in_time: bool,
        launch_context: Context,
        order: &dyn Fn(usize) -> Order<'o>,
        ended: &dyn Fn(&Ended),
    ) {
        let Some(running) = self.running[place] else {
            return;
        };
        let Running {
            number,
            attempts,
            job,
            since,
        } = running;
        if in_time && job.is_running() {
            return;
        }
        let sqlstate = job.outcome.get().sqlstate;
        let is_worth_a_retry = matches!(
            sqlstate,
            code::T_R_SERIALIZATION_FAILURE | code::T_R_DEADLOCK_DETECTED
        ) && attempts <= self.batch.retries
            && in_time
            && !self.stopped;
        if is_worth_a_retry {
            self.running[place] = None;
            job.in_use.set(false);
            registry::detach(job);
            // Its own place is free; if somebody else was faster, it waits for another.
            let again = Start {
                number,
                attempts: attempts + 1,
                waits: true,
            };
            self.start(place, again, launch_context, order);
            return;
        }
        let failed = job.is_running() || sqlstate != 0;
        ended(&Ended {
            number,
            attempts,
            ran: Ran {
                job,
                timed_out: !in_time,
                elapsed_ms: milliseconds_since(since),
            },
        });
        self.running[place] = None;
        job.in_use.set(false);
        registry::detach(job);
        if !in_time || (failed && self.batch.stop_on_error) {
            self.stop();
        }
    }

    fn stop(&mut self) {
        if !self.stopped {
            self.stopped = true;
            for running in self.running.iter().flatten() {
                cancel::cancel(running.job);
            }
        }
    }
}
