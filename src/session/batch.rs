//! Many jobs in one call, some at a time.

use super::job::JobRef;
use super::launch::{Order, launch};
use super::result::TIMEOUT_GRACE;
use super::run::end_with_session;
use super::run::{Ran, milliseconds_since};
use super::wait::{WaitFor, wait_until};
use super::{cancel, registry};
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

/// Makes the order of a job, given its number and when it has to be there at the latest.
type MakeOrder<'f, 'o> = dyn Fn(usize, Deadline) -> Order<'o> + 'f;

/// A job that was started.
#[derive(Clone, Copy)]
struct Started {
    number: usize,
    attempts: i32,
    job: JobRef,
    since: Instant,
    /// It has failed, and is to be run once more as soon as it may.
    again: bool,
}

/// What to start next, and where.
#[derive(Clone, Copy)]
struct Start {
    place: usize,
    number: usize,
    attempts: i32,
    /// What failed there before.
    failed: Option<JobRef>,
}

/// Everything that changes while a batch runs.
struct Progress<'a> {
    batch: &'a Batch,
    places: &'a mut [Option<Started>],
    /// How many may run at a time, as far as is known.
    limit: usize,
    /// The next that was not started yet.
    next: usize,
    stopped: bool,
}

/// Runs them all. `order` makes the order of a job in the current memory context, which is emptied after each; `ended` is
/// told of each job that has ended for good, in the order in which they end, and may raise. An error or an interrupt ends
/// what runs.
pub fn run<'o>(batch: &Batch, order: &MakeOrder<'_, 'o>, ended: &dyn Fn(&Ended)) {
    let most = if batch.max_parallel == 0 {
        usize::try_from(settings::MAX_WORKERS.get()).unwrap_or(1)
    } else {
        batch.max_parallel
    };
    let limit = most.clamp(1, batch.count.max(1));
    let context = Context::current().create(c"pg_background batch");
    let places = context.alloc_slice(limit, |_| None);
    let mut progress = Progress {
        batch,
        places,
        limit,
        next: 0,
        stopped: false,
    };
    let launch_context = context.create(c"pg_background order");
    if let Err(caught) = catch(|| progress.run(launch_context, order, ended)) {
        for started in progress.places.iter().flatten() {
            started.job.in_use.set(false);
            cancel::cancel(started.job);
            registry::detach(started.job);
        }
        caught.rethrow();
    }
    context.delete();
}

impl Progress<'_> {
    fn run<'o>(
        &mut self,
        launch_context: Context,
        order: &MakeOrder<'_, 'o>,
        ended: &dyn Fn(&Ended),
    ) {
        loop {
            while let Some(start) = self.next_start() {
                if !self.start(start, launch_context, order) {
                    break;
                }
            }
            if self.running().next().is_none() {
                // What should have been run once more: either it was stopped, or there is no more time.
                let in_time = core::mem::replace(&mut self.stopped, true);
                (0..self.places.len()).for_each(|place| self.settle(place, in_time, ended));
                return;
            }
            let in_time = self.wait(launch_context);
            (0..self.places.len()).for_each(|place| self.settle(place, in_time, ended));
        }
    }

    fn running(&self) -> impl Iterator<Item = &Started> {
        self.places
            .iter()
            .flatten()
            .filter(|started| !started.again)
    }

    /// What may start now: first what has failed.
    fn next_start(&self) -> Option<Start> {
        if self.stopped || self.running().count() >= self.limit || self.batch.deadline.passed(now())
        {
            return None;
        }
        let again = |(place, started): (usize, &Option<Started>)| {
            started
                .filter(|started| started.again)
                .map(|started| Start {
                    place,
                    number: started.number,
                    attempts: started.attempts + i32::from(!started.job.is_left.get()),
                    failed: Some(started.job),
                })
        };
        let first = || {
            let place = self.places.iter().position(Option::is_none)?;
            (self.next < self.batch.count).then_some(Start {
                place,
                number: self.next,
                attempts: 1,
                failed: None,
            })
        };
        self.places
            .iter()
            .enumerate()
            .find_map(again)
            .or_else(first)
    }

    /// Launches one. False if there is no room for it, while others run: then fewer run from here on. If none runs, it
    /// waits for room, up to launch_timeout, which is an error, or until the batch's time is over.
    fn start<'o>(
        &mut self,
        start: Start,
        launch_context: Context,
        order: &MakeOrder<'_, 'o>,
    ) -> bool {
        let running = self.running().count();
        let deadline = match running {
            0 => self.batch.deadline,
            _ => Deadline::after(0),
        };
        let launched = catch(|| launch_context.run(|| launch(&order(start.number, deadline))));
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
                let may_go_on = running > 0 || self.batch.deadline.passed(now());
                if !may_go_on || !no_room.contains(&caught.code()) {
                    caught.rethrow();
                }
                self.limit = running.max(1);
                launch_context.reset();
                return false;
            }
        };
        launch_context.reset();
        // Nobody else has a handle of it. What means all jobs of the session passes it by, and no launch forgets it before it
        // was told of.
        job.in_use.set(true);
        self.places[start.place] = Some(Started {
            number: start.number,
            attempts: start.attempts,
            job,
            since: now(),
            again: false,
        });
        match start.failed {
            Some(failed) if failed.is_left.get() => registry::take_back(failed),
            Some(failed) => forget(failed),
            None => self.next += 1,
        }
        true
    }

    /// Waits until one has ended. When the time is over, ends all that run.
    fn wait(&self, context: Context) -> bool {
        let running = self.running().map(|running| running.job);
        let jobs = context.alloc_from(self.running().count(), running);
        let one_has_ended = || jobs.iter().any(|job| !job.is_running());
        let in_time = wait_until(jobs, WaitFor::Any, self.batch.deadline, one_has_ended);
        if !in_time {
            cancel::cancel_with_grace(jobs, TIMEOUT_GRACE);
        }
        context.reset();
        in_time
    }

    /// Looks at the job in a place, and if it has ended for good or its time is over, makes the place free.
    fn settle(&mut self, place: usize, in_time: bool, ended: &dyn Fn(&Ended)) {
        let Some(started) = self.places[place] else {
            return;
        };
        let Started {
            number,
            attempts,
            job,
            since,
            again,
        } = started;
        if in_time && job.is_running() {
            return;
        }
        let sqlstate = job.outcome.get().sqlstate;
        let is_worth_a_retry = matches!(
            sqlstate,
            code::T_R_SERIALIZATION_FAILURE | code::T_R_DEADLOCK_DETECTED
        ) && attempts <= self.batch.retries;
        if (job.is_left.get() || is_worth_a_retry) && in_time && !self.stopped {
            self.places[place] = Some(Started {
                again: true,
                ..started
            });
            return;
        }
        let failed = job.is_running() || sqlstate != 0;
        ended(&Ended {
            number,
            attempts,
            ran: Ran {
                job,
                // What has failed before, and not begun since, is told as what it was.
                timed_out: !in_time && (!again || job.is_left.get()),
                elapsed_ms: milliseconds_since(since),
            },
        });
        self.places[place] = None;
        forget(job);
        if !in_time || (failed && self.batch.stop_on_error) {
            self.stop();
        }
    }

    fn stop(&mut self) {
        if !self.stopped {
            self.stopped = true;
            self.running()
                .for_each(|running| cancel::cancel(running.job));
        }
    }
}

/// Lets go of a job that has ended, or that cannot be ended.
fn forget(job: JobRef) {
    job.in_use.set(false);
    registry::detach(job);
}
