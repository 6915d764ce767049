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

/// How many processes wait for the given event now.
pub fn count_waiting(event: u32) -> usize {
    let mut count = 0;
    for_each(|proc| {
        count += usize::from(state(proc).is_some_and(|(_, waits_for)| waits_for == event))
    });
    count
}

/// Sends a signal to each background worker of the given type that waits for the given event, connected as one role or as
/// any; how many there were.
pub fn signal_waiting_workers(
    kind: &CStr,
    event: u32,
    role: Option<sys::Oid>,
    signal: c_int,
) -> usize {
    let mut count = 0;
    for_each(|proc| {
        let is_meant = |pid, waits_for| {
            waits_for == event
                && role.is_none_or(|role| role == connected_as(proc))
                && is_worker(pid, kind)
        };
        match state(proc) {
            // SAFETY: the server has just confirmed that a worker of ours has that process id; it is not used again within
            // the time that this takes.
            Some((pid, waits_for)) if is_meant(pid, waits_for) => unsafe {
                count += usize::from(libc::kill(pid, signal) == 0);
            },
            _ => {}
        }
    });
    count
}

/// How many background workers of the given type are connected as the given role.
pub fn count_workers_of(kind: &CStr, role: sys::Oid) -> usize {
    let mut count = 0;
    for_each(|proc| {
        let is_ours = |(pid, _)| connected_as(proc) == role && is_worker(pid, kind);
        count += usize::from(state(proc).is_some_and(is_ours));
    });
    count
}

/// Whether the process is a live background worker of that type.
fn is_worker(pid: c_int, kind: &CStr) -> bool {
    // SAFETY: looks the process id up among the server's worker slots; the result is NULL or a copy of a name.
    unsafe {
        let found = sys::GetBackgroundWorkerTypeByPid(pid);
        !found.is_null() && CStr::from_ptr(found) == kind
    }
}

/// max_worker_processes.
pub fn max_worker_processes() -> usize {
    // SAFETY: fixed at the server's start.
    usize::try_from(unsafe { sys::max_worker_processes }).unwrap_or(0)
}
