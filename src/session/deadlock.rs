//! Finds out whether a worker waits, directly or through others, for a lock that this very session holds.
//!
//! PostgreSQL's deadlock detector sees waits for heavyweight locks only. This session waits for its worker on a latch, so
//! a cycle through it is invisible to everyone but itself. A worker that waits for jobs of its own says so in its segment.

use super::job::JobRef;
use super::registry;
use crate::channel::waits::Waits;
use crate::injection;
use crate::pg::memory::Context;
use crate::pg::text::Str;
use crate::pg::{identity, lock};
use core::ffi::c_int;

/// Which of several jobs a wait is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    All,
    Any,
}

/// A process that was reached, and by whose waiting.
#[derive(Clone, Copy)]
struct Step {
    pid: c_int,
    /// Index of the process that waits for this one; its own index for the first.
    waiter: usize,
}

/// Whether the process waits for this session. Looks twice: each wait on the path has to be there both times, because the
/// locks of several processes cannot be looked at in one moment, and third sessions come and go.
pub fn waits_for_us(pid: c_int) -> bool {
    let context = Context::current().create(c"pg_background deadlock check");
    let found = context.run(|| search(context, pid));
    context.delete();
    found
}

/// What can be done about it. What waits for older snapshots cannot be waited for by a statement, which has one.
pub fn hint(pid: c_int) -> Str {
    let context = Context::current().create(c"pg_background deadlock check");
    let waits_for_snapshot = context.run(|| lock::awaits_transaction_end(pid));
    context.delete();
    Str::from_static(if waits_for_snapshot {
        c"Commit before waiting. CREATE INDEX, REINDEX and DROP INDEX CONCURRENTLY wait for every older snapshot, that of the waiting statement included: look at the job's outcome from time to time, in statements of their own."
    } else {
        c"Commit before waiting."
    })
}

fn search(context: Context, pid: c_int) -> bool {
    let us = identity::pid();
    // Room for every process that can hold a lock; each is entered once.
    let room = lock::max_backends() + 1;
    let steps = context.alloc_slice(room, |_| Step { pid, waiter: 0 });
    let mut count = 1;
    let mut at = 0;
    while at < count {
        let mut reached_us = false;
        for_each_awaited(steps[at].pid, |blocker| {
            if blocker == us {
                reached_us = true;
            } else if count < room && steps[..count].iter().all(|step| step.pid != blocker) {
                steps[count] = Step {
                    pid: blocker,
                    waiter: at,
                };
                count += 1;
            }
        });
        if reached_us && confirm(steps, at) {
            return true;
        }
        at += 1;
    }
    false
}

/// Walks the path back, from the process that waits for us to the worker, and looks at each wait again.
fn confirm(steps: &[Step], last: usize) -> bool {
    injection::point("deadlock-confirm");
    let mut blocker = identity::pid();
    let mut at = last;
    loop {
        let Step { pid, waiter } = steps[at];
        let mut still_waits = false;
        for_each_awaited(pid, |other| still_waits |= other == blocker);
        if !still_waits {
            return false;
        }
        if at == waiter {
            return true;
        }
        blocker = pid;
        at = waiter;
    }
}

/// Whom a process waits for: by a lock, or, if it is a worker of this session, for a job of its own.
fn for_each_awaited(pid: c_int, mut awaited: impl FnMut(c_int)) {
    lock::for_each_blocker(pid, &mut awaited);
    workers_awaited_by(pid).for_each(awaited);
}

/// What a worker of this session says of its own waiting.
fn workers_awaited_by(pid: c_int) -> impl Iterator<Item = c_int> {
    registry::running()
        .filter(move |job| job.pid.get() == pid)
        .filter_map(|job| job.link.get())
        .flat_map(|link| link.channel.waits.pids())
}

/// Tells the launcher of this worker for whom it waits, and for whom those wait: it sees no further than to us. Any of
/// several may be enough to go on, so then there is nothing to tell.
pub fn tell(told: &Waits, jobs: &[JobRef], goal: WaitFor) {
    let awaited = || jobs.iter().filter(|job| job.is_running());
    if goal == WaitFor::Any && awaited().count() > 1 {
        told.clear();
        return;
    }
    let directly = awaited().map(|job| job.pid.get());
    let further = awaited().flat_map(|job| workers_awaited_by(job.pid.get()));
    told.tell(directly.chain(further));
}
