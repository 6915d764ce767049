//! storage/proc.h: all processes of the server that take part in shared memory.

use crate::pg_sys as sys;
use core::ffi::{CStr, c_int};

/// Calls `each` for every PGPROC, used or not. Other processes change theirs while we look.
fn for_each(mut each: impl FnMut(*const sys::PGPROC)) {
    // SAFETY: ProcGlobal and the array live as long as the server.
    unsafe {
        let global = sys::ProcGlobal;
        for i in 0..(*global).allProcCount as usize {
            each((*global).allProcs.add(i));
        }
    }
}

/// A process's id and what it waits for; None for a slot that is not in use.
fn state(proc: *const sys::PGPROC) -> Option<(c_int, u32)> {
    // SAFETY: an element of the array; both are words that their process writes whole, read volatile because it does.
    let (pid, event) = unsafe {
        (
            (&raw const (*proc).pid).read_volatile(),
            (&raw const (*proc).wait_event_info).read_volatile(),
        )
    };
    (pid != 0).then_some((pid, event))
}

/// As whom a process is connected.
fn connected_as(proc: *const sys::PGPROC) -> sys::Oid {
    // SAFETY: an element of the array; a word that its process writes once, when it connects.
    unsafe { (&raw const (*proc).roleId).read_volatile() }
}

/// Background workers of one type that wait for one of two events, connected as one role or as any. An unused PGPROC may still
/// show its last process; so each is confirmed.
#[derive(Clone, Copy)]
pub struct Waiting {
    pub backend_type: &'static CStr,
    pub events: [u32; 2],
    pub role: Option<sys::Oid>,
}

impl Waiting {
    fn pid_of(&self, proc: *const sys::PGPROC) -> Option<c_int> {
        let (pid, event) = state(proc)?;
        let is_meant = self.events.contains(&event)
            && self.role.is_none_or(|role| role == connected_as(proc))
            && is_worker(pid, self.backend_type);
        is_meant.then_some(pid)
    }

    /// How many there are, and how many of them come before this process in the array.
    pub fn count_and_rank(&self) -> (usize, usize) {
        // SAFETY: this process's own element of the array.
        let us = unsafe { sys::MyProc }.cast_const();
        let (mut count, mut rank) = (0, 0);
        for_each(|proc| {
            if self.pid_of(proc).is_some() {
                count += 1;
                rank += usize::from(proc < us);
            }
        });
        (count, rank)
    }

    /// Sends a signal to each but the first `spared`; how many that were.
    pub fn signal(&self, spared: usize, signal: c_int) -> usize {
        let (mut seen, mut sent) = (0, 0);
        for_each(|proc| {
            let Some(pid) = self.pid_of(proc) else { return };
            seen += 1;
            if seen > spared {
                // SAFETY: the server has just confirmed that a worker of ours has that process id; it is not used again
                // within the time that this takes.
                sent += usize::from(unsafe { libc::kill(pid, signal) } == 0);
            }
        });
        sent
    }
}

/// How many background workers there are of any type but the given one, connected or not.
pub fn count_workers_of_others(backend_type: &CStr) -> usize {
    count(|_, pid| is_background_worker(pid) && !is_worker(pid, backend_type))
}

/// How many background workers of the given type are connected as the given role, or as any.
pub fn count_workers(backend_type: &CStr, role: Option<sys::Oid>) -> usize {
    count(|proc, pid| {
        let connected = connected_as(proc);
        let is_meant = connected != 0 && role.is_none_or(|role| role == connected);
        is_meant && is_worker(pid, backend_type)
    })
}

fn count(fits: impl Fn(*const sys::PGPROC, c_int) -> bool) -> usize {
    let mut count = 0;
    for_each(|proc| {
        count += usize::from(state(proc).is_some_and(|(pid, _)| fits(proc, pid)));
    });
    count
}

/// The number of this process's PGPROC.
pub fn own_number() -> u32 {
    // SAFETY: this process's own element of the array.
    let offset = unsafe { sys::MyProc.offset_from((*sys::ProcGlobal).allProcs) };
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// Sets the latch of the process that has that PGPROC now, if anybody has.
pub fn wake(number: u32) {
    // SAFETY: ProcGlobal and the array live as long as the server, and the number is checked; a latch that nobody owns may
    // be set as well.
    unsafe {
        let global = sys::ProcGlobal;
        if number < (*global).allProcCount {
            sys::SetLatch(&raw mut (*(*global).allProcs.add(number as usize)).procLatch);
        }
    }
}

/// How many PGPROCs there are: no more processes than this can ever wait for anything.
pub fn count_all() -> usize {
    // SAFETY: fixed at the server's start.
    unsafe { (*sys::ProcGlobal).allProcCount as usize }
}

/// Whether the process is connected to a database.
pub fn is_session(pid: c_int) -> bool {
    // SAFETY: looks the process id up in the array of connected processes.
    !unsafe { sys::BackendPidGetProc(pid) }.is_null()
}

/// Whether the process is a live background worker, whosever.
pub fn is_background_worker(pid: c_int) -> bool {
    // SAFETY: looks the process id up among the server's worker slots.
    !unsafe { sys::GetBackgroundWorkerTypeByPid(pid) }.is_null()
}

/// Whether the process is a live background worker of that type.
fn is_worker(pid: c_int, backend_type: &CStr) -> bool {
    // SAFETY: looks the process id up among the server's worker slots; the result is NULL or a copy of a name.
    unsafe {
        let found = sys::GetBackgroundWorkerTypeByPid(pid);
        !found.is_null() && CStr::from_ptr(found) == backend_type
    }
}

/// max_worker_processes.
pub fn max_worker_processes() -> usize {
    // SAFETY: fixed at the server's start.
    usize::try_from(unsafe { sys::max_worker_processes }).unwrap_or(0)
}
