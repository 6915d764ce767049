//! pg_background.max_workers_per_role, exact across sessions: whoever starts a worker counts and starts it under a lock.
//!
//! What counts are processes, idle ones included; but idle ones are asked to leave before anyone is refused. A worker that
//! is claimed warm adds no process, so it needs no lock.

use super::{idle, pump};
use crate::channel;
use crate::pg::clock::{Deadline, now};
use crate::pg::error::{Report, catch, code};
use crate::pg::latch::{self, WaitEvent};
use crate::pg::lock::RoleLock;
use crate::pg::procs;
use crate::pg_sys::Oid;
use crate::settings::MAX_WORKERS_PER_ROLE;
use core::ffi::c_int;

/// Shown while a launch waits for idle workers of the role to leave.
static WAIT_FOR_IDLE: WaitEvent = WaitEvent::new(c"PgBackgroundSlot");

/// How long to give them, in milliseconds, and how often to look.
const COURTESY: i64 = 1000;
const RETRY: core::ffi::c_long = 10;

/// So many looks in a row have to find every place taken by a busy worker.
const LOOKS: u32 = 3;

/// Runs `start`, which starts a worker of the role and waits until it is connected, if the limit allows: 53400.
pub fn guard<T: Copy>(role: Oid, start: impl FnOnce() -> T) -> T {
    let limit = MAX_WORKERS_PER_ROLE.get();
    if limit == 0 {
        return start();
    }
    let lock = RoleLock::acquire(role);
    let result = catch(|| {
        check(role, limit);
        start()
    });
    lock.release();
    result.unwrap_or_else(|caught| caught.rethrow())
}

fn check(role: Oid, limit: c_int) {
    let limit = usize::try_from(limit).unwrap_or(0);
    let is_full = || procs::count_workers_of(channel::KIND, role) >= limit;
    let deadline = Deadline::after(COURTESY);
    // A worker that has just been woken shows for a moment neither that it was idle nor that it leaves: look again.
    let mut looks = 0;
    while is_full() && looks < LOOKS && !deadline.passed(now()) {
        let comes = idle::place_is_coming(role, limit) || pump::is_about_to_lose_a_worker();
        looks = if comes { 0 } else { looks + 1 };
        latch::reset();
        // One of our own may wait for us to read its error.
        pump::pump_all();
        idle::evict(Some(role));
        latch::wait(Some(RETRY), &WAIT_FOR_IDLE);
    }
    if is_full() {
        Report::error(code::CONFIGURATION_LIMIT_EXCEEDED)
            .message(format_args!("too many background workers of this role"))
            .detail(format_args!("pg_background.max_workers_per_role is {limit}, for all sessions of the role together."))
            .hint(format_args!("Wait for a job to end, or ask an administrator to raise the limit."))
            .raise();
    }
}
