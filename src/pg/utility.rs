//! tcop/utility.h: two statements of the session that concern what the extension holds for it.

use crate::pg_sys as sys;
use core::cell::Cell;
use core::ffi::c_char;

/// What is called.
#[derive(Clone, Copy)]
pub struct Callbacks {
    /// Before CREATE DATABASE, which nobody may be connected to the template of.
    pub before_create_database: fn(),
    /// After DISCARD ALL, if it has succeeded.
    pub after_discard_all: fn(),
}

/// The hook that was there before ours, and what ours calls.
struct Installed {
    next: Cell<sys::ProcessUtility_hook_type>,
    callbacks: Cell<Option<Callbacks>>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Installed {}

static INSTALLED: Installed = Installed {
    next: Cell::new(None),
    callbacks: Cell::new(None),
};

/// Has this process call them. Once for each process.
pub fn call(callbacks: Callbacks) {
    INSTALLED.callbacks.set(Some(callbacks));
    // SAFETY: a variable of this process; hooks are chained like this.
    unsafe {
        INSTALLED.next.set(sys::ProcessUtility_hook);
        sys::ProcessUtility_hook = Some(process_utility);
    }
}

/// Looks at the node's tag and does nothing else with the statement.
unsafe extern "C-unwind" fn process_utility(
    plan: *mut sys::PlannedStmt,
    query: *const c_char,
    read_only_tree: bool,
    context: sys::ProcessUtilityContext,
    params: sys::ParamListInfo,
    environment: *mut sys::QueryEnvironment,
    dest: *mut sys::DestReceiver,
    completion: *mut sys::QueryCompletion,
) {
    // SAFETY: a utility statement has its node, whose tag tells its struct. It may be gone when the statement has run.
    let (creates_database, discards_all) = unsafe {
        let node = (*plan).utilityStmt;
        (
            (*node).type_ == sys::T_CreatedbStmt,
            (*node).type_ == sys::T_DiscardStmt
                && (*node.cast::<sys::DiscardStmt>()).target == sys::DISCARD_ALL,
        )
    };
    let callbacks = INSTALLED.callbacks.get();
    if let Some(callbacks) = callbacks.filter(|_| creates_database) {
        (callbacks.before_create_database)();
    }
    let next = INSTALLED.next.get().unwrap_or(sys::standard_ProcessUtility);
    // SAFETY: as it was passed to us.
    unsafe {
        next(
            plan,
            query,
            read_only_tree,
            context,
            params,
            environment,
            dest,
            completion,
        );
    }
    if let Some(callbacks) = callbacks.filter(|_| discards_all) {
        (callbacks.after_discard_all)();
    }
}
