//! PL/pgSQL among the libraries of another session: fmgr.h, parser/analyze.h, catalog/objectaccess.h.
//!
//! When it is loaded it does nothing but define settings, and tell the server what to call at the end of transactions and of
//! PL/pgSQL's own work. So it is loaded only when something is about to run that could look for them: docs/ARCHITECTURE.md,
//! PL/pgSQL comes when it could be missed.

use super::{guc_array, guc_tables, libraries};
use crate::pg_sys as sys;
use core::cell::Cell;
use core::ffi::{CStr, c_int, c_void};

/// The names of its settings begin so.
const PREFIX: &[u8] = b"plpgsql.";

/// All that it has had since 9.5.
const SETTINGS: [&CStr; 5] = [
    c"plpgsql.variable_conflict",
    c"plpgsql.print_strict_params",
    c"plpgsql.check_asserts",
    c"plpgsql.extra_warnings",
    c"plpgsql.extra_errors",
];

/// Whether it is to be loaded when it could be missed, and the hooks that were there before ours.
struct Missing {
    is_missing: Cell<bool>,
    is_hooked: Cell<bool>,
    analyzed: Cell<sys::post_parse_analyze_hook_type>,
    accessed: Cell<sys::object_access_hook_type>,
    started: Cell<sys::ExecutorStart_hook_type>,
    looked_up: Cell<sys::needs_fmgr_hook_type>,
    called: Cell<sys::fmgr_hook_type>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Missing {}

static MISSING: Missing = Missing {
    is_missing: Cell::new(false),
    is_hooked: Cell::new(false),
    analyzed: Cell::new(None),
    accessed: Cell::new(None),
    started: Cell::new(None),
    looked_up: Cell::new(None),
    called: Cell::new(None),
};

/// Loads those of `all` that are not there, in their order. The server's PL/pgSQL is loaded later if it `may_wait` (this process has
/// done no job: what it has looked up for one it does not look up again), if none but ours is behind it, and if neither `state`, which is about
/// to be restored, nor this process's configuration has one of its settings. Works in the current memory context. Raises what
/// loading raises; so does, if PL/pgSQL comes later, what makes it come.
///
/// # Safety
/// `libraries::serialize` and `guc::serialize_state` wrote them, in a process of the same server.
pub(super) unsafe fn restore(all: &[u8], state: &[u8], may_wait: bool) {
    // If it has waited since then, so may it on.
    let may_wait = MISSING.is_missing.replace(false) || may_wait;
    let (before, plpgsql, behind) = around(all).unwrap_or((all, None, &[]));
    // SAFETY: the caller's promise.
    unsafe { libraries::load(before) };
    if plpgsql.is_some_and(|name| !libraries::has(name)) {
        let is_last = libraries::names(behind).all(libraries::is_ours);
        if may_wait && is_last && !mentions(state) && !has_settings() {
            hook();
            MISSING.is_missing.set(true);
        } else {
            load();
        }
    }
    // SAFETY: the caller's promise.
    unsafe { libraries::load(behind) };
}

/// What is before the server's PL/pgSQL in a list, its name, and what is behind. None if it is not in there, or comes from
/// somewhere else.
fn around(all: &[u8]) -> Option<(&[u8], Option<&CStr>, &[u8])> {
    let end_of = |name: &CStr| name.to_bytes_with_nul().len();
    let found = libraries::names(all).position(libraries::is_plpgsql)?;
    let start = libraries::names(all).take(found).map(end_of).sum();
    let (before, rest) = all.split_at(start);
    let name = libraries::names(rest).next()?;
    Some((before, Some(name), &rest[end_of(name)..]))
}

/// Whether one of its settings, or what could be one, is named in there. A value that looks like one does no harm.
fn mentions(state: &[u8]) -> bool {
    state
        .windows(PREFIX.len())
        .any(|part| part.eq_ignore_ascii_case(PREFIX))
}

/// Whether this process has one of its settings, or what could be one. What the configuration had once may be there, at its default;
/// a name among those that PL/pgSQL does not know is not found then: there the worker leaves after the first job that brings PL/pgSQL.
fn has_settings() -> bool {
    guc_tables::is_one_set(PREFIX) || SETTINGS.iter().any(|name| guc_tables::is_there(name))
}

fn load() {
    // SAFETY: a static name. The server expands it to the one in `restore`'s list, which `is_plpgsql` has found in that directory.
    guc_array::define_quickly(PREFIX, || unsafe {
        sys::load_file(c"$libdir/plpgsql".as_ptr(), false);
    });
}

/// Before something that could look for it. If it cannot be loaded, the next that could look tries again.
fn bring() {
    if MISSING.is_missing.get() {
        load();
        MISSING.is_missing.set(false);
    }
}

/// They stay for good: another library may have chained itself in front by the time they are no longer of use.
fn hook() {
    if MISSING.is_hooked.replace(true) {
        return;
    }
    // SAFETY: variables of this process; hooks are chained like this.
    unsafe {
        MISSING.analyzed.set(sys::post_parse_analyze_hook);
        MISSING.accessed.set(sys::object_access_hook);
        MISSING.started.set(sys::ExecutorStart_hook);
        MISSING.looked_up.set(sys::needs_fmgr_hook);
        MISSING.called.set(sys::fmgr_hook);
        sys::post_parse_analyze_hook = Some(analyzed);
        sys::object_access_hook = Some(accessed);
        sys::ExecutorStart_hook = Some(started);
        sys::needs_fmgr_hook = Some(looked_up);
        sys::fmgr_hook = Some(called);
    }
}

/// After the analysis of each statement, of a function's as well, and before anything asks what columns it has: a utility
/// statement may show settings, or change them, or run code in PL/pgSQL.
unsafe extern "C-unwind" fn analyzed(
    state: *mut sys::ParseState,
    query: *mut sys::Query,
    jumbled: sys::Jumbled,
) {
    // SAFETY: the server passes a tree that it has made.
    if unsafe { (*query).commandType } == sys::CMD_UTILITY {
        bring();
    }
    if let Some(next) = MISSING.analyzed.get() {
        // SAFETY: as it was passed to us.
        unsafe { next(state, query, jumbled) };
    }
}

/// Before a function is called in an expression, also one that the server has built in, which fmgr's hooks may not hear of.
unsafe extern "C-unwind" fn accessed(
    access: sys::ObjectAccessType,
    class: sys::Oid,
    object: sys::Oid,
    part: c_int,
    argument: *mut c_void,
) {
    if access == sys::OAT_FUNCTION_EXECUTE && could_look(object) {
        bring();
    }
    if let Some(next) = MISSING.accessed.get() {
        // SAFETY: as it was passed to us.
        unsafe { next(access, class, object, part, argument) };
    }
}

/// Before a plan runs, and before it starts parallel workers: they have what their leader has, and no hooks. The settings of a trigger's
/// function are set before it is called.
unsafe extern "C-unwind" fn started(query: *mut sys::QueryDesc, flags: c_int) {
    let next = MISSING.started.get().unwrap_or(sys::standard_ExecutorStart);
    // SAFETY: as it was passed to us.
    unsafe { next(query, flags) };
    // SAFETY: a plan that has been started has its state.
    if MISSING.is_missing.get() && unsafe { runs_elsewhere(query) || has_triggers(query) } {
        bring();
    }
}

/// Whether parallel workers may run some of it.
///
/// # Safety
/// It has been started.
unsafe fn runs_elsewhere(query: *const sys::QueryDesc) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*(*query).plannedstmt).parallelModeNeeded }
}

/// Whether a relation that it changes has a trigger whose function is not built in.
///
/// # Safety
/// It has been started.
unsafe fn has_triggers(query: *const sys::QueryDesc) -> bool {
    // SAFETY: the caller's promise; the list is of ResultRelInfo, which have a copy of their triggers if there are any.
    unsafe {
        let relations = (*(*query).estate).es_opened_result_relations;
        (0..sys::list_length(relations)).any(|i| {
            let relation: *const sys::ResultRelInfo = sys::list_nth(relations, i).cast();
            let Some(triggers) = (*relation).ri_TrigDesc.as_ref() else {
                return false;
            };
            let count = usize::try_from(triggers.numtriggers).unwrap_or(0);
            core::slice::from_raw_parts(triggers.triggers, count)
                .iter()
                .any(|trigger| !is_built_in(trigger.tgfoid))
        })
    }
}

/// Before a function is called by something else: an index, a type, a foreign table; and while one is planned that could be
/// inlined. What has been looked up is kept, and not asked for again; a function with rights or settings of its own is not asked for.
unsafe extern "C-unwind" fn looked_up(function: sys::Oid) -> bool {
    if could_look(function) {
        bring();
    }
    // SAFETY: as it was passed to us.
    MISSING
        .looked_up
        .get()
        .is_some_and(|next| unsafe { next(function) })
}

/// Before a function that has rights or settings of its own is called.
unsafe extern "C-unwind" fn called(
    event: sys::FmgrHookEventType,
    function: *mut sys::FmgrInfo,
    argument: *mut sys::Datum,
) {
    if event == sys::FHET_START {
        bring();
    }
    if let Some(next) = MISSING.called.get() {
        // SAFETY: as it was passed to us.
        unsafe { next(event, function, argument) };
    }
}

/// Whether a function could: of those that are built in, few do; of all others nobody knows.
fn could_look(function: sys::Oid) -> bool {
    // SAFETY: compares a number.
    !is_built_in(function) || unsafe { sys::pgbg_looks_at_settings(function) }
}

fn is_built_in(function: sys::Oid) -> bool {
    function < sys::PGBG_FIRST_UNPINNED_OBJECT
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn settings_are_found_wherever_they_are_and_however_they_are_written() {
        for (state, expected) in [
            (&b""[..], false),
            (b"plpgsql", false),
            (b"plpgsql_check.mode\0on\0", false),
            (b"work_mem\0x\0\0plpgsql.extra_errors\0all\0", true),
            (b"PLpgSQL.", true),
        ] {
            assert_eq!(mentions(state), expected, "{state:?}");
        }
    }
}
