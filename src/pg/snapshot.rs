//! utils/snapmgr.h: one snapshot in several transactions.

use super::memory::Context;
use super::text::{Str, copy_into};
use crate::pg_sys as sys;

/// Exports what the statement at hand sees, as pg_export_snapshot does; the identifier is in the current memory context. It
/// can be imported until this transaction ends. Raises 25001 in a subtransaction.
pub fn export() -> Str {
    // SAFETY: inside a transaction; a SQL function's caller has a snapshot, but for arguments of utility statements. The
    // identifier is a palloc'd string.
    unsafe {
        let snapshot = if sys::ActiveSnapshotSet() {
            sys::GetActiveSnapshot()
        } else {
            sys::GetTransactionSnapshot()
        };
        let identifier = Str::from_ptr(sys::ExportSnapshot(snapshot));
        copy_into(
            Context::current(),
            identifier.unwrap_or(Str::from_static(c"")),
        )
    }
}

/// Makes the transaction, which has just started, see what the snapshot sees: BEGIN ISOLATION LEVEL REPEATABLE READ, SET
/// TRANSACTION SNAPSHOT. Raises 22023 or 42704 if the exporting transaction has ended.
pub fn import(identifier: Str) {
    // SAFETY: the variable is what the command sets, and StartTransaction sets it anew; no snapshot was taken yet.
    unsafe {
        sys::XactIsoLevel = sys::XACT_REPEATABLE_READ as core::ffi::c_int;
        sys::ImportSnapshot(identifier.as_ptr());
    }
}

/// Runs `work` with an active snapshot, which functions of users need.
pub fn with_active<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: inside a transaction, whose abort takes back what an error leaves.
    unsafe {
        if sys::ActiveSnapshotSet() {
            return work();
        }
        sys::PushActiveSnapshot(sys::GetTransactionSnapshot());
        let result = work();
        sys::PopActiveSnapshot();
        result
    }
}
