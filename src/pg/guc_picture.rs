//! utils/guc_tables.h: what the settings of this process were, for telling whether they still are.

use super::guc_tables::{
    Value, are_nondefault, can_be_seen, for_each_nondefault, is_same_text, is_shared, places_of,
};
use super::memory::Context;
use super::text::{Str, copy_into};
use super::timestamp::Timestamp;
use crate::pg_sys as sys;
use core::ffi::{c_char, c_int};
use core::ptr::{self, NonNull};

/// What this process's settings were at one moment: values, reset values, and where both came from.
#[derive(Clone, Copy)]
pub struct Picture {
    /// Those that were not at their defaults; None if it could not be taken.
    nondefault: Option<&'static [sys::pgbg_nondefault]>,
    /// Those of them that are not the same in the whole cluster anyway.
    entries: &'static [Entry],
    /// When this process had read the configuration last. Only then does guc.c note anew in which line of which file a value is.
    read_at: Timestamp,
}

/// A setting as it was. What is looked at again before each job is kept close together.
#[derive(Clone, Copy)]
struct Entry {
    place: NonNull<sys::config_generic>,
    origin: Origin,
    values: sys::pgbg_setting_value,
    /// Texts are copies.
    value: Value,
    reset: Value,
    /// A copy; NULL unless it is a placeholder's, whose place may become another's.
    name: *const c_char,
}

/// What kind of setting one is, and where its values come from.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Origin {
    flags: c_int,
    vartype: sys::config_type,
    source: sys::GucSource,
    reset_source: sys::GucSource,
    scontext: sys::GucContext,
    reset_scontext: sys::GucContext,
    roles: [sys::Oid; 2],
}

impl Origin {
    fn of(setting: &sys::config_generic) -> Self {
        Self {
            flags: setting.flags,
            vartype: setting.vartype,
            source: setting.source,
            reset_source: setting.reset_source,
            scontext: setting.scontext,
            reset_scontext: setting.reset_scontext,
            roles: sys::setting_roles(setting),
        }
    }

    fn is_placeholder(&self) -> bool {
        self.flags & sys::GUC_CUSTOM_PLACEHOLDER as c_int != 0
    }
}

impl Picture {
    /// What is to be seen here in nobody's settings.
    pub const NONE: Self = Self {
        nondefault: None,
        entries: &[],
        read_at: 0,
    };

    /// Takes one, which lives as long as the context.
    pub fn take(context: Context) -> Self {
        if !can_be_seen() {
            return Self::NONE;
        }
        let (mut all, mut own) = (0, 0);
        for_each_nondefault(|place, _| {
            all += 1;
            // SAFETY: a setting of guc.c's.
            own += usize::from(!is_shared(unsafe { place.as_ref() }));
        });
        let nothing = sys::pgbg_nondefault {
            setting: ptr::null_mut(),
            number: 0,
        };
        let nondefault = context.alloc_slice(all, |_| nothing);
        let places = context.alloc_slice(own, |_| NonNull::dangling());
        (all, own) = (0, 0);
        for_each_nondefault(|place, found| {
            nondefault[all] = found;
            all += 1;
            // SAFETY: as above.
            if !is_shared(unsafe { place.as_ref() }) {
                places[own] = place;
                own += 1;
            }
        });
        Self {
            nondefault: Some(nondefault),
            entries: context.alloc_slice(own, |i| Entry::of(places[i], context)),
            read_at: configuration_read_at(),
        }
    }

    /// Whether everything is still, or again, as it was. In case of doubt it is not: what was set and reset may have changed
    /// its place.
    pub fn holds(&self) -> bool {
        self.read_at == configuration_read_at()
            && self.nondefault.is_some_and(are_nondefault)
            && self.entries.iter().all(Entry::holds)
    }
}

/// When this process has read the configuration last.
fn configuration_read_at() -> Timestamp {
    // SAFETY: a number of this process's own.
    unsafe { sys::PgReloadTime }
}

impl Entry {
    /// Of a setting of guc.c's; its texts are copied to the context.
    fn of(place: NonNull<sys::config_generic>, context: Context) -> Self {
        let keep = |text: *const c_char| {
            // SAFETY: a text of guc.c's, or NULL.
            unsafe { Str::from_ptr(text) }
                .map_or(ptr::null(), |text| copy_into(context, text).as_ptr())
        };
        let values = places_of(place);
        // SAFETY: a setting of guc.c's, and its places, whose types go with its own.
        let (now, value, reset) = unsafe {
            let now = place.as_ref();
            let value = |place| Value::read(now.vartype, place);
            (now, value(*values.variable), value(values.reset_val))
        };
        let origin = Origin::of(now);
        let text = keep(value.text);
        Self {
            place,
            origin,
            values,
            value: Value { text, ..value },
            reset: Value {
                // guc.c has one text for both until something is SET.
                text: if value.text == reset.text {
                    text
                } else {
                    keep(reset.text)
                },
                ..reset
            },
            name: if origin.is_placeholder() {
                keep(now.name)
            } else {
                ptr::null()
            },
        }
    }

    /// Of a setting that is in its place.
    fn holds(&self) -> bool {
        // SAFETY: a setting of guc.c's.
        let now = unsafe { self.place.as_ref() };
        self.origin == Origin::of(now)
            && self.has_values()
            && (!self.origin.is_placeholder() || is_same_text(self.name, now.name))
    }

    /// Of a setting that is in its place, and of its type.
    fn has_values(&self) -> bool {
        // SAFETY: the caller has looked; a setting has a variable.
        let (now, reset) = unsafe {
            let value = |place| Value::read(self.origin.vartype, place);
            (value(*self.values.variable), value(self.values.reset_val))
        };
        if self.origin.vartype != sys::PGC_STRING {
            return self.value.number == now.number && self.reset.number == reset.number;
        }
        is_same_text(self.value.text, now.text)
            && (self.value.text == self.reset.text && now.text == reset.text
                || is_same_text(self.reset.text, reset.text))
    }
}
