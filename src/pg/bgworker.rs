//! postmaster/bgworker.h: background worker processes.

use super::memory::Context;
use crate::pg_sys as sys;
use core::ffi::{CStr, c_char, c_int};
use core::ptr::{NonNull, null_mut};

/// A registered worker.
///
/// # Invariants
/// Points to a live BackgroundWorkerHandle. Whoever frees it forgets every copy.
#[derive(Clone, Copy)]
pub struct WorkerHandle(NonNull<sys::BackgroundWorkerHandle>);

/// What the postmaster knows of a worker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not forked yet.
    NotYetStarted,
    /// Running under this process id.
    Started(c_int),
    /// Gone, or never to be started.
    Stopped,
}

/// What a worker is registered with. Strings are cut at BGW_MAXLEN.
pub struct Registration {
    /// Shown by ps and in the server log.
    pub name: super::text::Str,
    /// Shown as backend_type in pg_stat_activity.
    pub backend_type: &'static CStr,
    pub library: &'static CStr,
    pub function: &'static CStr,
    pub argument: usize,
}

impl WorkerHandle {
    /// Registers a worker that is never restarted and whose starts and stops set this process's latch. The handle lives
    /// and ends with `context`. None where max_worker_processes are in use.
    pub fn register(registration: &Registration, context: Context) -> Option<Self> {
        // SAFETY: zero is a value of each field, and everything unset has to be zero.
        let mut worker: sys::BackgroundWorker = unsafe { core::mem::zeroed() };
        copy(&mut worker.bgw_name, registration.name.bytes());
        copy(&mut worker.bgw_type, registration.backend_type.to_bytes());
        copy(
            &mut worker.bgw_library_name,
            registration.library.to_bytes(),
        );
        copy(
            &mut worker.bgw_function_name,
            registration.function.to_bytes(),
        );
        worker.bgw_flags =
            (sys::BGWORKER_SHMEM_ACCESS | sys::BGWORKER_BACKEND_DATABASE_CONNECTION) as c_int;
        worker.bgw_start_time = sys::BgWorkerStart_ConsistentState;
        worker.bgw_restart_time = sys::BGW_NEVER_RESTART;
        worker.bgw_main_arg = registration.argument as sys::Datum;
        let mut handle = null_mut();
        // SAFETY: the struct is complete; the postmaster copies it. MyProcPid is this process.
        let registered = unsafe {
            worker.bgw_notify_pid = sys::MyProcPid;
            context.run(|| sys::RegisterDynamicBackgroundWorker(&raw mut worker, &raw mut handle))
        };
        if registered {
            NonNull::new(handle).map(Self)
        } else {
            None
        }
    }

    /// GetBackgroundWorkerPid.
    pub fn status(self) -> Status {
        let mut pid = 0;
        // SAFETY: by the type's invariant.
        match unsafe { sys::GetBackgroundWorkerPid(self.0.as_ptr(), &raw mut pid) } {
            sys::BGWH_STARTED => Status::Started(pid),
            sys::BGWH_NOT_YET_STARTED => Status::NotYetStarted,
            _ => Status::Stopped,
        }
    }

    /// SIGTERM by way of the postmaster, to this very worker and no other; if it was not started, it never will be.
    pub fn terminate(self) {
        // SAFETY: by the type's invariant.
        unsafe { sys::TerminateBackgroundWorker(self.0.as_ptr()) }
    }

    /// SIGINT, only if this very worker runs. Returns whether it was sent.
    pub fn interrupt(self) -> bool {
        let Status::Started(pid) = self.status() else {
            return false;
        };
        // SAFETY: the slot says that the process is ours and not reaped, so the number is not another's.
        unsafe { libc::kill(pid, libc::SIGINT) == 0 }
    }
}

fn copy(to: &mut [c_char], from: &[u8]) {
    let room = to.len() - 1;
    for (to, from) in to.iter_mut().take(room).zip(from) {
        *to = *from as c_char;
    }
}
