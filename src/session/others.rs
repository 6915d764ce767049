//! Jobs that this session does not track, its own detached ones among them, as far as the cluster's directory knows them.

use super::job::JobRef;
use super::registry::{self, Handle};
use super::wait::{self, Other, WaitFor};
use crate::directory::{self, Awaited, Seen};
use crate::pg::clock::Deadline;
use crate::pg::error::catch;
use crate::pg::identity;
use crate::pg::memory::Context;
use core::ffi::c_int;

/// What is known of the job of a handle, whoever may ask, in the current memory context. A bare process ID names jobs of its
/// own session only.
fn find<'a>(handle: Handle) -> Option<&'a Seen> {
    let Handle::PidAndCookie(pid, cookie) = handle else {
        return None;
    };
    directory::attach();
    let seen = directory::find(pid, cookie)?;
    Context::current().alloc_slice(1, |_| seen).first()
}

/// The same for the current user, or 42501.
pub fn look_up<'a>(handle: Handle) -> Option<&'a Seen> {
    let seen = find(handle)?;
    registry::check_rights_of(seen.job.user, seen.job.pid);
    Some(seen)
}

/// The same for whoever wants to cancel it: that may also who may signal any session that is not a superuser's.
pub fn look_up_to_cancel<'a>(handle: Handle) -> Option<&'a Seen> {
    let seen = find(handle)?;
    let user = seen.job.user;
    let may_signal =
        identity::has_privileges_of(identity::SIGNAL_BACKEND) && !identity::is_superuser(user);
    if !may_signal {
        registry::check_rights_of(user, seen.job.pid);
    }
    Some(seen)
}

/// Asks the job to end. It is never another job that is hit.
pub fn cancel(seen: &Seen) {
    directory::signal(seen.job.id, libc::SIGINT);
}

/// The same, and if it still runs after so many milliseconds, ends its worker.
pub fn cancel_with_grace(seen: &Seen, grace_ms: c_int) {
    cancel(seen);
    let other = Other {
        pid: seen.job.pid,
        id: seen.job.id,
    };
    if !wait_patiently(&[], &[other], Deadline::after(i64::from(grace_ms))) {
        directory::signal(seen.job.id, libc::SIGTERM);
    }
}

/// Waits until all or any of the jobs have ended, this session's own and others. False when the deadline passed first.
pub fn wait(jobs: &[JobRef], others: &[Other], goal: WaitFor, deadline: Deadline) -> bool {
    woken_by(others, || wait::wait_for(jobs, others, goal, deadline))
}

/// The same for all of them, and a deadlock is the caller's concern.
fn wait_patiently(jobs: &[JobRef], others: &[Other], deadline: Deadline) -> bool {
    woken_by(others, || wait::wait_patiently_for(jobs, others, deadline))
}

/// Has this process woken when one of them ends, for as long as `work` takes.
fn woken_by(others: &[Other], work: impl FnOnce() -> bool) -> bool {
    let awaited = match others {
        [] => return work(),
        [other] => Awaited::Job(other.id),
        _ => Awaited::AnyJob,
    };
    directory::start_waiting(awaited);
    let result = catch(work);
    directory::stop_waiting();
    result.unwrap_or_else(|caught| caught.rethrow())
}
