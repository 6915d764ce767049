//! The session's jobs: finding, checking, forgetting them.

use super::STATE;
use super::job::{Job, JobRef};
use super::kept;
use crate::directory;
use crate::pg::Oid;
use crate::pg::error::{Report, code};
use crate::pg::identity;
use core::ffi::c_int;

/// Finished jobs that nobody detached: so many are remembered, those that finished last.
const FINISHED_LIMIT: usize = 1000;

/// All jobs, newest first, detached ones included. The job at hand may be forgotten meanwhile, no other.
pub fn all() -> impl Iterator<Item = JobRef> {
    STATE.jobs.iter()
}

/// The jobs that handles still refer to, newest first.
pub fn tracked() -> impl Iterator<Item = JobRef> {
    all().filter(|job| !job.detached.get())
}

/// The jobs whose outcome is open, detached ones included.
pub fn running() -> impl Iterator<Item = JobRef> {
    all().filter(|job| job.is_running())
}

/// Takes a new job in.
pub fn insert(job: JobRef) {
    STATE.jobs.push(job);
}

/// Forgets a finished job with everything of it.
pub fn forget(job: JobRef) {
    STATE.jobs.remove(job);
    let (pid, kept_its_worker) = (job.pid.get(), job.keeps_worker);
    kept::give_up(&job);
    job.context.delete();
    if kept_its_worker {
        result_was_read(pid);
    }
}

/// Forgets a job that has not begun, to be launched again.
pub fn take_back(job: JobRef) {
    STATE.counters.take_back();
    forget(job);
}

/// A bare pid may be all that somebody has of a job: while its result is unread, no other job may run under that pid.
pub fn has_unread_result(pid: c_int) -> bool {
    tracked().any(|job| job.pid.get() == pid && job.keeps_worker && !job.consumed.get())
}

/// The result of a job that kept its worker was read, or the job forgotten: its worker may do others.
fn result_was_read(pid: c_int) {
    for link in STATE.idle.iter().filter(|link| link.pid.get() == pid) {
        if !has_unread_result(pid) {
            link.channel.set_unread(false);
        }
    }
}

/// Stops tracking: a finished job is forgotten, a running one goes on without its handle and without sending.
pub fn detach(job: JobRef) {
    if job.is_running() {
        job.detached.set(true);
        let_go(job);
    } else {
        forget(job);
    }
}

/// Nobody wants the job's rows and notices any more: the worker discards them from here on.
pub fn let_go(job: JobRef) {
    job.is_let_go.set(true);
    if let Some(link) = job.link.get() {
        link.channel.set_unwanted();
    }
    kept::give_up(&job);
}

/// Forgets the jobs that finished first, beyond what is kept. Only for launching, where nobody holds a job that is not
/// marked as in use.
pub fn prune() {
    let finished = || tracked().filter(|job| !job.is_running() && !job.in_use.get());
    let excess = finished().count().saturating_sub(FINISHED_LIMIT);
    for _ in 0..excess {
        if let Some(oldest) = finished().min_by_key(|job| job.finished_as.get()) {
            forget(oldest);
        }
    }
}

/// How a function names the job that it is about.
#[derive(Clone, Copy)]
pub enum Handle {
    /// The newest job on that process.
    Pid(c_int),
    PidAndCookie(c_int, i64),
}

impl Handle {
    const fn pid(self) -> c_int {
        match self {
            Self::Pid(pid) | Self::PidAndCookie(pid, _) => pid,
        }
    }
}

/// The job of a handle, if there is one.
pub fn find(handle: Handle) -> Option<JobRef> {
    tracked().find(|job| {
        job.pid.get() == handle.pid()
            && match handle {
                Handle::Pid(_) => true,
                Handle::PidAndCookie(_, cookie) => job.cookie == cookie,
            }
    })
}

/// The job of a handle that the current user may touch, or 42704, `wrong_cookie`, 42501.
pub fn get(handle: Handle, wrong_cookie: c_int) -> JobRef {
    match look_up(handle) {
        Some(job) => job,
        None => refuse_unknown(handle, wrong_cookie),
    }
}

/// The same, if there is one.
pub fn look_up(handle: Handle) -> Option<JobRef> {
    let job = find(handle)?;
    check_rights(&job);
    if job.in_use.get() {
        Report::error(code::OBJECT_IN_USE)
            .message(format_args!(
                "background job of PID {} is in use",
                job.pid.get()
            ))
            .detail(format_args!(
                "Its rows are being delivered by a query of this session."
            ))
            .raise();
    }
    Some(job)
}

pub fn refuse_unknown(handle: Handle, wrong_cookie: c_int) -> ! {
    let pid = handle.pid();
    if let Handle::PidAndCookie(_, cookie) = handle {
        refuse_if_known(pid, cookie);
    }
    if tracked().any(|job| job.pid.get() == pid) {
        Report::error(wrong_cookie)
            .message(format_args!(
                "cookie does not match the background job of PID {pid}"
            ))
            .hint(format_args!(
                "Use pid and cookie as the launching function returned them."
            ))
            .raise()
    }
    Report::error(code::UNDEFINED_OBJECT)
        .message(format_args!(
            "PID {pid} is not a background job of this session"
        ))
        .detail(format_args!(
            "It was never launched here, was detached, or its result was consumed."
        ))
        .raise()
}

/// 42704 for a job that the server knows, but this session does not track.
fn refuse_if_known(pid: c_int, cookie: i64) {
    let Some(seen) = directory::find(pid, cookie) else {
        return;
    };
    let report = Report::error(code::UNDEFINED_OBJECT).message(format_args!(
        "PID {pid} is not a background job of this session"
    ));
    let launcher = seen.job.launcher_pid;
    let report = if launcher == identity::pid() {
        report.detail(format_args!("It was detached, or its result was consumed."))
    } else {
        report.detail(format_args!("The session with PID {launcher} launched it."))
    };
    report
        .hint(format_args!(
            "A job's rows and SQL are for the session that launched it, as long as that has not let go of the job. Others can look at its outcome, wait for it and cancel it."
        ))
        .raise()
}

/// 42501 unless the current user has the rights of the role that launched the job.
pub fn check_rights(job: &Job) {
    check_rights_of(job.user, job.pid.get());
}

/// The same for a job of that role on that process, whosesoever.
pub fn check_rights_of(role: Oid, pid: c_int) {
    if !identity::has_privileges_of(role) {
        Report::error(code::INSUFFICIENT_PRIVILEGE)
            .message(format_args!(
                "permission denied for background job of PID {pid}"
            ))
            .detail(format_args!(
                "Only roles with the privileges of the role that launched it may use it."
            ))
            .raise();
    }
}

/// Whether the current user has those rights.
pub fn may_see(job: &Job) -> bool {
    identity::has_privileges_of(job.user)
}
