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
    /// Which of them stands in all places.
    stand_in: Setting,
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
    let mut stand_in = None;
    for setting in &*all {
        let name = name(*setting);
        if order(name.get(..prefix.len()).unwrap_or(name), prefix).is_eq() {
            return None;
        }
        if order(name, prefix).is_lt() && stand_in.is_none_or(|(length, _)| name.len() < length) {
            stand_in = Some((name.len(), *setting));
        }
    }
    let mut aside = Aside {
        settings: [ptr::null_mut(); ROOM],
        count: all.len(),
        stand_in: stand_in?.1,
    };
    aside.settings.get_mut(..all.len())?.copy_from_slice(all);
    all.fill(aside.stand_in);
    Some(aside)
}

/// Puts them back, what has come where it belongs among them.
fn come_back(aside: &Aside) {
    let Some(all) = array() else { return };
    let mut came = 0;
    for i in 0..all.len() {
        if all[i] != aside.stand_in {
            all[came] = all[i];
            came += 1;
        }
    }
    merge(all, came, &aside.settings[..aside.count], |a, b| {
        order(name(*a), name(*b))
    });
}

/// Merges `others` into `all`, which is as long as both and begins with those `came` to be merged with; both are in order.
fn merge<T: Copy>(
    all: &mut [T],
    mut came: usize,
    others: &[T],
    order: impl Fn(&T, &T) -> Ordering,
) {
    let mut end = came + others.len();
    for other in others.iter().rev() {
        while came > 0 && order(&all[came - 1], other).is_gt() {
            all[end - 1] = all[came - 1];
            (came, end) = (came - 1, end - 1);
        }
        all[end - 1] = *other;
        end -= 1;
    }
}

fn name<'a>(setting: Setting) -> &'a [u8] {
    NonNull::new(setting).map_or(&[][..], name_of)
}

/// guc_name_compare.
fn order(a: &[u8], b: &[u8]) -> Ordering {
    let key = |byte: &u8| byte.to_ascii_lowercase() as c_char;
    a.iter().map(key).cmp(b.iter().map(key))
}

#[cfg(test)]
mod tests {
    use super::{merge, order};
    use core::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn names_are_ordered_as_guc_c_orders_them() {
        for (name, expected) in [
            (&b"port"[..], Greater),
            (b"geqo", Less),
            (b"pg_background", Less),
            (b"pg_backgroun.x", Less),
            (b"pg_background-x", Less),
            (b"pg_background.m", Equal),
            (b"PG_Background.M", Equal),
            (b"pg_background.ma", Greater),
            (b"pg_background/", Greater),
            (b"pg_background0.x", Greater),
            (b"pg_background_x.y", Greater),
            (b"PG_BACKGROUND_X.Y", Greater),
        ] {
            assert_eq!(order(name, b"pg_background.m"), expected, "{name:?}");
        }
    }

    #[test]
    fn what_came_is_merged_wherever_it_belongs() {
        for (came, others) in [
            (&[][..], &[1, 2, 3][..]),
            (&[4, 5], &[1, 2, 3]),
            (&[1, 2], &[3, 4, 5]),
            (&[2, 4, 6, 8], &[1, 3, 5, 7, 9]),
            (&[3, 4, 5], &[1, 2, 6, 7]),
            (&[1, 9], &[5]),
            (&[1, 2], &[]),
        ] {
            let mut all = [came, others].concat();
            all[came.len()..].fill(0);
            merge(&mut all, came.len(), others, i32::cmp);
            assert!(all.is_sorted(), "{all:?}");
            assert_eq!(
                all.iter().sum::<i32>(),
                came.iter().chain(others).sum::<i32>()
            );
        }
    }
}
