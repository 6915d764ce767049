//! Finds out whether a worker waits, directly or through others, for a lock that this very session holds.
//!
//! PostgreSQL's deadlock detector sees waits for heavyweight locks only. This session waits for its worker on a latch, so
//! a cycle through it is invisible to everyone but itself.

use crate::pg::memory::Context;
use crate::pg::{identity, lock};
use core::ffi::c_int;

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

fn search(context: Context, pid: c_int) -> bool {
    let us = identity::pid();
    // Room for every process that can hold a lock; each is entered once.
    let room = lock::max_backends() + 1;
    let place = context.alloc(room * size_of::<Step>()).cast::<Step>();
    // SAFETY: room for `room` steps was made, and each is written before anything reads it.
    let steps = unsafe {
        place.as_ptr().write_bytes(0, room);
        core::slice::from_raw_parts_mut(place.as_ptr(), room)
    };
    let Some(first) = steps.first_mut() else {
        return false;
    };
    *first = Step { pid, waiter: 0 };
    let mut count = 1;
    let mut at = 0;
    while at < count {
        let mut reached_us = false;
        lock::for_each_blocker(steps[at].pid, |blocker| {
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
    let mut blocker = identity::pid();
    let mut at = last;
    loop {
        let Step { pid, waiter } = steps[at];
        let mut still_waits = false;
        lock::for_each_blocker(pid, |other| still_waits |= other == blocker);
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
