//! Up to 15 guc.c keeps all settings in one array, and sorts it whole for each that is added.

use super::error::catch_on_stack;
use super::guc_tables::name_of;
use crate::pg_sys as sys;
use core::cmp::Ordering;
use core::ffi::{c_char, c_int};
use core::ptr::{self, NonNull};

/// So many settings may step aside.
const ROOM: usize = 512;

type Setting = *mut sys::config_generic;

/// All settings, while others are defined whose names begin with a prefix.
struct Aside {
    settings: [Setting; ROOM],
    count: usize,
    /// How many of them come before those in guc.c's order.
    before: usize,
}

/// Calls `define`, which defines settings whose names begin with `prefix`, best in the order of their names, and does
/// nothing else. Meanwhile all others step aside: one with a short name that comes before them stands in each place, so that
/// a new one goes to the array's end, and sorting compares little. They stay where they are if one begins with the prefix
/// already, as one does that the configuration has set, or a session: guc.c has to find it, and may warn of it.
///
/// An error in `define` (53200: memory ran out) goes on once they are back.
pub fn define_quickly(prefix: &[u8], define: impl FnOnce()) {
    let Some(aside) = step_aside(prefix) else {
        return define();
    };
    let outcome = catch_on_stack(define);
    come_back(&aside);
    if let Err(error) = outcome {
        error.rethrow();
    }
}

/// The array, unless it is none.
fn array() -> Option<&'static mut [Setting]> {
    let mut count: c_int = 0;
    // SAFETY: writes a number.
    let start = NonNull::new(unsafe { sys::pgbg_sorted_settings(&raw mut count) })?;
    let count = usize::try_from(count).ok()?;
    // SAFETY: guc.c's array, which nobody else looks at before this slice is gone: a backend has one thread.
    Some(unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), count) })
}

fn step_aside(prefix: &[u8]) -> Option<Aside> {
    let all = array()?;
    let mut aside = Aside {
        settings: [ptr::null_mut(); ROOM],
        count: all.len(),
        before: 0,
    };
    let mut stand_in = None;
    for setting in &*all {
        let name = name_of(NonNull::new(*setting)?);
        match order(name, prefix) {
            Ordering::Less => aside.before += 1,
            Ordering::Equal => return None,
            Ordering::Greater => continue,
        }
        if stand_in.is_none_or(|(length, _)| name.len() < length) {
            stand_in = Some((name.len(), *setting));
        }
    }
    aside.settings.get_mut(..all.len())?.copy_from_slice(all);
    all.fill(stand_in?.1);
    Some(aside)
}

/// They go around what has come, which is at the end.
fn come_back(aside: &Aside) {
    let Some(all) = array() else { return };
    let came = all.len() - aside.count;
    let (before, behind) = aside.settings[..aside.count].split_at(aside.before);
    all.copy_within(aside.count.., before.len());
    all[..before.len()].copy_from_slice(before);
    all[before.len() + came..].copy_from_slice(behind);
}

/// guc_name_compare: `name` before, among or behind the names that begin with `prefix`.
fn order(name: &[u8], prefix: &[u8]) -> Ordering {
    let key = |byte: &u8| byte.to_ascii_lowercase() as c_char;
    name.iter()
        .take(prefix.len())
        .map(key)
        .cmp(prefix.iter().map(key))
}

#[cfg(test)]
mod tests {
    use super::order;
    use core::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn names_are_ordered_as_guc_c_orders_them() {
        for (name, expected) in [
            (&b"port"[..], Greater),
            (b"geqo", Less),
            (b"pg_background", Less),
            (b"pg_backgroun.x", Less),
            (b"pg_background-x", Less),
            (b"pg_background.", Equal),
            (b"PG_Background.Max", Equal),
            (b"pg_background/", Greater),
            (b"pg_background0.x", Greater),
            (b"pg_background_x.y", Greater),
            (b"PG_BACKGROUND_X.Y", Greater),
        ] {
            assert_eq!(order(name, b"pg_background."), expected, "{name:?}");
        }
    }
}
