//! Statements of the session that concern its workers: CREATE DATABASE, and DISCARD ALL, by which a connection pooler makes a
//! session another client's.

use super::{STATE, idle, link, pump, registry};
use crate::pg::clock::{Deadline, now};
use crate::pg::latch::{self, WaitEvent};
use crate::pg::utility::{self, Callbacks};

/// Shown while CREATE DATABASE waits for idle workers to end.
static WAIT_FOR_END: WaitEvent = WaitEvent::new(c"PgBackgroundSlot");

/// How long it waits, in milliseconds. Then it is left to PostgreSQL to say who is connected.
const PATIENCE: i64 = 5000;

/// Once for each process.
pub fn watch() {
    utility::call(Callbacks {
        before_create_database,
        after_discard_all,
    });
}

/// An idle worker is connected to the session's database, which may be the template.
fn before_create_database() {
    pump::pump_all();
    idle::dismiss_all();
    let deadline = Deadline::after(PATIENCE);
    loop {
        latch::reset();
        link::reap();
        let time = now();
        if STATE.leaving.first().is_none() || deadline.passed(time) {
            return;
        }
        latch::wait(deadline.left(time), &WAIT_FOR_END);
    }
}

/// Lets go of what the session has, as its end does: jobs run on, and nobody finds them here.
fn after_discard_all() {
    pump::pump_all();
    for job in registry::tracked() {
        if !job.in_use.get() {
            registry::detach(job);
        }
    }
    idle::dismiss_all();
}
