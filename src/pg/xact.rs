//! access/xact.h, utils/snapmgr.h: transactions.

use super::error::{Report, code};
use crate::pg_sys as sys;
use core::ffi::c_void;

/// StartTransactionCommand.
pub fn start_command() {
    // SAFETY: called outside a transaction, or after a command of one has ended.
    unsafe { sys::StartTransactionCommand() }
}

/// CommitTransactionCommand. May raise whatever a commit can raise.
pub fn commit_command() {
    // SAFETY: pairs with start_command.
    unsafe { sys::CommitTransactionCommand() }
}

/// AbortCurrentTransaction: rolls back, if there is anything to.
pub fn abort() {
    // SAFETY: allowed in every transaction state.
    unsafe { sys::AbortCurrentTransaction() }
}

/// Makes the statements that follow one block, as a client's multi-statement query is.
pub fn begin_implicit_block() {
    // SAFETY: a command has been started.
    unsafe { sys::BeginImplicitTransactionBlock() }
}

/// Ends it; the commit follows with commit_command.
pub fn end_implicit_block() {
    // SAFETY: pairs with begin_implicit_block.
    unsafe { sys::EndImplicitTransactionBlock() }
}

/// Makes what a statement did visible to the next.
pub fn command_counter_increment() {
    // SAFETY: inside a transaction.
    unsafe { sys::CommandCounterIncrement() }
}

/// Whether this session may not write: its transaction is read-only, or the server is a standby.
pub fn is_read_only() -> bool {
    // SAFETY: reads this process's and the server's state.
    unsafe { sys::XactReadOnly || sys::RecoveryInProgress() }
}

/// Whether the server is a standby, or recovers.
pub fn in_recovery() -> bool {
    // SAFETY: reads the server's state.
    unsafe { sys::RecoveryInProgress() }
}

/// Makes the current transaction read-only, whatever a statement before has set.
pub fn force_read_only() {
    // SAFETY: a global that StartTransaction sets anew.
    unsafe { sys::XactReadOnly = true }
}

/// Refuses to start another process's work from where that would evade a restriction: 42501.
pub fn check_may_launch() {
    // SAFETY: these read this process's state.
    let (standalone, parallel, restricted) = unsafe {
        (
            !sys::IsUnderPostmaster,
            sys::ParallelWorkerNumber >= 0 || sys::IsInParallelMode(),
            sys::InSecurityRestrictedOperation(),
        )
    };
    if standalone {
        Report::error(code::FEATURE_NOT_SUPPORTED)
            .message(format_args!(
                "background workers are not available in single-user mode"
            ))
            .raise();
    }
    if parallel {
        Report::error(code::INSUFFICIENT_PRIVILEGE)
            .message(format_args!(
                "cannot launch a background job during a parallel operation"
            ))
            .raise();
    }
    if restricted {
        Report::error(code::INSUFFICIENT_PRIVILEGE)
            .message(format_args!(
                "cannot launch a background job within security-restricted operation"
            ))
            .raise();
    }
}

/// Calls `callback` whenever a transaction of this process has committed.
pub fn after_commit(callback: fn()) {
    // SAFETY: the argument is the callback, which is static.
    unsafe { sys::RegisterXactCallback(Some(at_end), callback as *mut c_void) }
}

unsafe extern "C-unwind" fn at_end(event: sys::XactEvent, callback: *mut c_void) {
    if event == sys::XACT_EVENT_COMMIT {
        // SAFETY: the callback that `after_commit` has registered.
        let callback: fn() = unsafe { core::mem::transmute(callback) };
        callback();
    }
}
