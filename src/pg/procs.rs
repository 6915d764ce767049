//! storage/proc.h: all processes of the server that take part in shared memory.

use crate::pg_sys as sys;
use core::ffi::{CStr, c_int};

/// Calls `each` for every slot of PGPROC: its process id (0 if unused) and its wait event. Values of other processes may
/// change while we look.
fn for_each(mut each: impl FnMut(c_int, u32)) {
    // SAFETY: ProcGlobal and the array live as long as the server; both fields are words that others write whole, read
    // volatile because they do.
    unsafe {
        let global = sys::ProcGlobal;
        for i in 0..(*global).allProcCount as usize {
            let proc = (*global).allProcs.add(i);
            each(
                (&raw const (*proc).pid).read_volatile(),
                (&raw const (*proc).wait_event_info).read_volatile(),
            );
        }
    }
}

/// How many processes wait for the given event now.
pub fn count_waiting(event: u32) -> usize {
    let mut count = 0;
    for_each(|pid, waits_for| count += usize::from(pid != 0 && waits_for == event));
    count
}

/// Sends a signal to each background worker of the given type but this process; how many there were.
pub fn signal_workers(kind: &CStr, signal: c_int) -> usize {
    let mut count = 0;
    for_each(|pid, _| {
        // SAFETY: the server looks the process id up among its workers' slots, and names the type of a live one. The signal
        // follows at once; a process id is not used again within that time.
        unsafe {
            if pid == 0 || pid == sys::MyProcPid {
                return;
            }
            let found = sys::GetBackgroundWorkerTypeByPid(pid);
            if !found.is_null() && CStr::from_ptr(found) == kind && libc::kill(pid, signal) == 0 {
                count += 1;
            }
        }
    });
    count
}

/// max_worker_processes.
pub fn max_worker_processes() -> usize {
    // SAFETY: fixed at the server's start.
    usize::try_from(unsafe { sys::max_worker_processes }).unwrap_or(0)
}
