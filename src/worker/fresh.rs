//! The settings of a process that has just connected. It has the cluster's, the database's and the user's, as its session has them
//! unless they were changed meanwhile, so what it has to be given is the difference. RestoreGUCState would first take all of them
//! from it, and read files to give them back.

use crate::channel::wire::settings::{Entry, are_entries, entries, reset_values};
use crate::pg::guc;
use crate::pg::guc_tables::{Sourced, set_value, would_take};
use crate::pg::memory::Context;
use crate::pg::text::Str;
use core::ffi::CStr;

/// Gives this process the settings of a section of a request, if it comes to what RestoreGUCState would make of them. False if it
/// would not; then nothing was changed. Works in `context`.
pub fn adopt(section: &[u8], context: Context) -> bool {
    let state = guc::serialize_state(context);
    let has_roles = guc::STATE_HAS_ROLES;
    if !are_entries(state, has_roles) || !are_entries(section, has_roles) {
        return false;
    }
    let entries_of = |state| {
        let count = entries(state, has_roles).count();
        &*context.alloc_from(count, entries(state, has_roles))
    };
    let (own, wanted) = (entries_of(state), entries_of(section));
    let mut last = 0;
    let found = context.alloc_from(
        wanted.len(),
        wanted.iter().map(|entry| {
            let found = find(own, entry.name, last);
            last = found.map_or(last, |at| at + 1);
            found.and_then(|at| own.get(at))
        }),
    );
    let pairs = || wanted.iter().zip(found.iter());
    // What this process has and its session has not could not be taken from it.
    let are_all_found = pairs().filter(|(_, own)| own.is_some()).count() == own.len();
    if !are_all_found || !pairs().all(|(wanted, own)| can_become(*own, wanted, section)) {
        return false;
    }
    let difference = || {
        pairs()
            .filter(|(wanted, own)| own.is_none_or(|own| own.bytes != wanted.bytes))
            .map(|(wanted, _)| sourced(wanted))
    };
    // A value may be one that another setting excludes as it is here, and not as it will be (log_statement_stats, say).
    if !difference().all(|value| would_take(&value)) {
        return false;
    }
    difference().for_each(|value| set_value(&value));
    true
}

/// Where the entry of that name is. Both processes have them in about the same order, so it is most likely at `start`.
fn find(entries: &[Entry<'_>], name: &CStr, start: usize) -> Option<usize> {
    let is_it = |at: &usize| entries.get(*at).is_some_and(|entry| entry.name == name);
    (start..entries.len()).chain(0..start).find(is_it)
}

/// Whether setting it is all that it takes: value, reset value and where both come from are what they would be if it had been
/// at its default.
fn can_become(own: Option<&Entry<'_>>, wanted: &Entry<'_>, section: &[u8]) -> bool {
    let Some(own) = own else {
        // A file and a line cannot be given.
        return !wanted.has_file();
    };
    is_reset_value(own)
        && (own.bytes == wanted.bytes
            || (own.place == wanted.place
                && own.source <= wanted.source
                && (is_reset_value(wanted) || has_reset_value(section, own))))
}

/// Whether it is what RESET gives as well.
fn is_reset_value(entry: &Entry<'_>) -> bool {
    entry.source <= guc::LAST_RESET_SOURCE as i32
}

/// Whether the section has a reset value that takes the place of this one.
fn has_reset_value(section: &[u8], own: &Entry<'_>) -> bool {
    reset_values(section).any(|value| value.name == own.name && value.source >= own.source)
}

fn sourced(entry: &Entry<'_>) -> Sourced {
    // SAFETY: strings of the section, which lives as long as the request; the server copies what it keeps.
    let text = |text: &CStr| unsafe { Str::from_cstr(text) };
    Sourced {
        name: text(entry.name),
        value: text(entry.value),
        source: entry.source as u32,
        context: entry.context as u32,
        role: entry.role,
    }
}
