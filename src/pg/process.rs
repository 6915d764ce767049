//! tcop/tcopprot.h, postmaster/interrupt.h, storage/ipc.h, postmaster/bgworker.h: signals, connecting and exiting of a worker process.

use super::libraries;
use crate::pg_sys as sys;
use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, Ordering};

/// Sets the worker's signal handlers and lets signals in. SIGINT is the server's StatementCancelHandler already.
pub fn handle_signals() {
    // SAFETY: the handlers are the server's own, made for this.
    unsafe {
        sys::pgbg_pqsignal(libc::SIGTERM, Some(sys::die));
        sys::pgbg_pqsignal(libc::SIGHUP, Some(sys::SignalHandlerForShutdownRequest));
        sys::pgbg_pqsignal(libc::SIGUSR2, Some(sys::SignalHandlerForShutdownRequest));
        sys::BackgroundWorkerUnblockSignals();
    }
}

/// Connects to a database as a role that may log in there. Raises FATAL where it may not.
pub fn connect(database: sys::Oid, user: sys::Oid) {
    // SAFETY: called once, in a worker registered with BGWORKER_BACKEND_DATABASE_CONNECTION.
    unsafe { sys::BackgroundWorkerInitializeConnectionByOid(database, user, 0) }
}

/// Calls `callback` at this process's exit, while shared memory is still mapped; later ones are called first.
pub fn before_exit(callback: fn()) {
    // SAFETY: the argument is the callback, which is static.
    unsafe { sys::before_shmem_exit(Some(at_exit), callback as usize as sys::Datum) }
}

unsafe extern "C-unwind" fn at_exit(_code: c_int, callback: sys::Datum) {
    // SAFETY: the callback that `before_exit` has registered.
    let callback: fn() = unsafe { core::mem::transmute(callback as *const ()) };
    callback();
}

/// Whether the process is on its way out.
pub fn is_exiting() -> bool {
    // SAFETY: a global of this process.
    unsafe { sys::proc_exit_inprogress }
}

/// proc_exit.
pub fn exit(status: c_int) -> ! {
    // SAFETY: callable anywhere but in a critical section; the frames below have nothing to drop.
    unsafe { sys::pgbg_proc_exit(status) }
}

/// Lets this process end where proc_exit calls exit(), all of whose callbacks have been called then. What exit() would still call is
/// of the libraries that the server consists of: it frees memory which the kernel takes back anyway, and that takes as long as all
/// else at a process's end. Where the server has loaded any other library, or LD_PRELOAD is set, the process ends like every other one.
pub fn leave_at_exit() {
    // SAFETY: the environment is read where nobody changes it, before the process has loaded anything.
    if !unsafe { libc::getenv(c"LD_PRELOAD".as_ptr()) }.is_null() {
        return;
    }
    // SAFETY: called once in a process, early; both callbacks are static. The server reports its own list's end as FATAL, and
    // without room in the C library's the process merely ends more slowly.
    unsafe {
        sys::on_proc_exit(Some(note_exit), 0);
        libc::atexit(leave);
    }
}

/// What proc_exit was called with. Below 0 where it was not: somebody else has called exit(), and the server's own handler, which
/// was registered before ours and is called after it, has yet to take the process out of shared memory.
static EXIT_STATUS: AtomicI32 = AtomicI32::new(-1);

/// Shared memory has been left before the first of these callbacks is called.
unsafe extern "C-unwind" fn note_exit(status: c_int, _argument: sys::Datum) {
    EXIT_STATUS.store(status, Ordering::Relaxed);
}

extern "C" fn leave() {
    let status = EXIT_STATUS.load(Ordering::Relaxed);
    if status >= 0 && libraries::are_known() {
        // SAFETY: ends the process.
        unsafe { libc::_exit(status) }
    }
}

/// Lets whoever else could use this processor have it first.
pub fn offer_processor() {
    // SAFETY: changes nothing here, and cannot fail.
    unsafe { libc::sched_yield() };
}

/// Sleeps for so many microseconds, or until a signal is handled.
pub fn sleep(microseconds: u32) {
    // SAFETY: changes nothing here; that a signal may end it is what is meant.
    unsafe { libc::usleep(microseconds) };
}

/// Sends this process a signal. Safe in signal handlers.
pub fn signal_self(signal: c_int) {
    // SAFETY: our own process.
    unsafe { libc::kill(sys::MyProcPid, signal) };
}

/// Sends another process a signal; whoever calls knows that the number is still that process's. Safe in signal handlers.
pub fn signal(pid: c_int, signal: c_int) {
    if pid > 0 {
        // SAFETY: a number above 0 is one process, never a group.
        unsafe { libc::kill(pid, signal) };
    }
}

/// Forgets a cancel that came too late.
pub fn forget_cancel() {
    // SAFETY: a flag of this process that signal handlers set.
    unsafe { sys::QueryCancelPending = 0 }
}

/// Whether this process should go once it has no job: SIGUSR2 (somebody needs the slot) or SIGHUP (settings were
/// reloaded, maybe those that keep workers warm) came. A worker with a job does not look at it.
pub fn was_asked_to_leave() -> bool {
    // SAFETY: a flag of this process that the signal handler sets.
    unsafe { sys::ShutdownRequestPending != 0 }
}

/// Does `work` where a cancel is not served, because the statement that it concerns is over. Inside, the process may end.
pub fn with_cancels_held<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: a counter of this process; an error sets it to 0.
    unsafe { sys::QueryCancelHoldoffCount += 1 };
    let result = work();
    // SAFETY: as above, and the count is at least our one.
    unsafe { sys::QueryCancelHoldoffCount -= 1 };
    result
}

/// Serves every interrupt except cancels, which concern a statement that is over. Inside, the process may end.
pub fn serve_interrupts_but_cancel() {
    // SAFETY: counters and flags of this process. The hold count makes ProcessInterrupts leave a cancel alone; then it is
    // forgotten.
    unsafe {
        sys::QueryCancelHoldoffCount += 1;
        sys::pgbg_check_for_interrupts();
        sys::QueryCancelPending = 0;
        sys::QueryCancelHoldoffCount -= 1;
        if sys::catchupInterruptPending != 0 {
            sys::ProcessCatchupInterrupt();
        }
    }
}
