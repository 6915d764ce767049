//! Up to 15 guc.c keeps all settings in one array, and sorts it whole for each that is added.

use super::guc_tables::name_of;
use crate::pg_sys as sys;
use core::ffi::c_int;
use core::ptr::{self, NonNull};

/// So many settings may step aside.
const ROOM: usize = 512;

/// The settings whose names are behind the one that begins with a prefix.
struct Aside {
    settings: [*mut sys::config_generic; ROOM],
    count: usize,
    /// What their places hold meanwhile: that one.
    stand_in: *mut sys::config_generic,
}

/// Calls `first`, which defines one setting, and `others`, which defines more that begin with `prefix` as well. Meanwhile
/// the settings behind them step aside, so that a new one goes to the array's end, where sorting it takes one look at each;
/// but not if another setting begins like that, as one does that the configuration has set. It helps if `others` are in the
/// order of their names.
///
/// Only for a process that ends with the first error, as one does that is about to become a worker (memory may run out): the
/// settings that stepped aside are unknown meanwhile.
pub fn define_quickly(prefix: &[u8], first: impl FnOnce(), others: impl FnOnce()) {
    first();
    let aside = step_aside(prefix);
    others();
    if let Some(aside) = aside {
        come_back(&aside);
    }
}

/// The array, unless it is none.
fn array() -> Option<&'static mut [*mut sys::config_generic]> {
    let mut count: c_int = 0;
    // SAFETY: writes a number.
    let start = NonNull::new(unsafe { sys::pgbg_sorted_settings(&raw mut count) })?;
    let count = usize::try_from(count).ok()?;
    // SAFETY: guc.c's array, which nobody else looks at before this slice is gone: a backend has one thread.
    Some(unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), count) })
}

fn step_aside(prefix: &[u8]) -> Option<Aside> {
    let all = array()?;
    let begins = |setting: &*mut sys::config_generic| {
        let name = NonNull::new(*setting).map_or(&[][..], name_of);
        // guc.c's order does not tell one case of ASCII's letters from the other.
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let mut ours = (0..all.len()).filter(|i| all.get(*i).is_some_and(begins));
    let last = ours.next()?;
    // What the configuration has set is to be found by its name, and code of others may run when it is defined.
    if ours.next().is_some() {
        return None;
    }
    let (before, behind) = all.split_at_mut(last + 1);
    let stand_in = before.last().copied()?;
    let mut aside = Aside {
        settings: [ptr::null_mut(); ROOM],
        count: behind.len(),
        stand_in,
    };
    aside
        .settings
        .get_mut(..aside.count)?
        .copy_from_slice(behind);
    behind.fill(stand_in);
    Some(aside)
}

/// They go behind whatever has come: names that begin alike are neighbours in guc.c's order.
fn come_back(aside: &Aside) {
    let Some(all) = array() else { return };
    let mut kept = 0;
    let mut was_seen = false;
    for i in 0..all.len() {
        let setting = all[i];
        if setting == aside.stand_in && core::mem::replace(&mut was_seen, true) {
            continue;
        }
        all[kept] = setting;
        kept += 1;
    }
    for (place, setting) in all[kept..].iter_mut().zip(&aside.settings[..aside.count]) {
        *place = *setting;
    }
}
