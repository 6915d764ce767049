//! utils/guc_tables.h: the settings of this process that are not at their defaults, as they are and as they were.

use super::error::{Report, code};
use super::memory::Context;
use super::text::{Str, copy_into, format};
use crate::pg_sys as sys;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

/// Where `nondefault` starts, once it was looked for.
static HEAD: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
/// Whether it was: one of the following.
static SEARCH: AtomicU8 = AtomicU8::new(NOT_BEGUN);
const NOT_BEGUN: u8 = 0;
const FOUND: u8 = 1;
const FAILED: u8 = 2;

/// Whether settings can be gone through one by one. If not, nothing is known about them.
fn can_be_seen() -> bool {
    if SEARCH.load(Ordering::Relaxed) == NOT_BEGUN {
        let mut head = ptr::null_mut();
        // SAFETY: reads guc.c's settings; writes one pointer.
        let found = unsafe { sys::pgbg_find_settings(&raw mut head) };
        HEAD.store(head, Ordering::Relaxed);
        SEARCH.store(if found { FOUND } else { FAILED }, Ordering::Relaxed);
    }
    SEARCH.load(Ordering::Relaxed) == FOUND
}

/// Calls `look` with each setting that is not at its default, as long as that returns true. Those that have one value in
/// the whole cluster, or are no settings of anybody's, are left out: SerializeGUCState leaves them out as well.
fn for_each_nondefault(mut look: impl FnMut(NonNull<sys::config_generic>) -> bool) {
    let mut settings = sys::pgbg_settings {
        next: ptr::null_mut(),
        end: ptr::null_mut(),
    };
    // SAFETY: pgbg_find_settings found the head.
    unsafe { sys::pgbg_see_settings(HEAD.load(Ordering::Relaxed), &raw mut settings) };
    // SAFETY: nothing is set meanwhile: `look` sets nothing.
    while let Some(setting) = NonNull::new(unsafe { sys::pgbg_next_setting(&raw mut settings) }) {
        // SAFETY: a setting of guc.c's.
        let context = unsafe { setting.as_ref().context };
        let is_shared = context == sys::PGC_POSTMASTER || context == sys::PGC_INTERNAL;
        if !is_shared && !look(setting) {
            return;
        }
    }
}

/// The name of a setting of guc.c's; it goes with the setting.
pub fn name_of<'a>(setting: NonNull<sys::config_generic>) -> &'a [u8] {
    // SAFETY: a setting has a name, and keeps it.
    unsafe { CStr::from_ptr(setting.as_ref().name) }.to_bytes()
}

/// A setting as it is, whatever its type.
#[derive(Clone, Copy)]
struct Setting {
    generic: sys::config_generic,
    value: Value,
    /// What RESET gives.
    reset: Value,
}

impl Setting {
    /// Its texts are guc.c's.
    fn read(setting: NonNull<sys::config_generic>, places: &sys::pgbg_setting_value) -> Self {
        // SAFETY: a setting of guc.c's, and its places, whose types go with its own.
        unsafe {
            let generic = *setting.as_ptr();
            let value = |place| Value::read(generic.vartype, place);
            Self {
                generic,
                value: value(*places.variable),
                reset: value(places.reset_val),
            }
        }
    }

    /// Whether one text is both the value and what RESET gives, as guc.c has it until something is SET.
    fn is_one_text(&self) -> bool {
        self.value.text == self.reset.text
    }
}

/// Where a setting's values are, as long as it is in its place.
fn places_of(setting: NonNull<sys::config_generic>) -> sys::pgbg_setting_value {
    let mut result = core::mem::MaybeUninit::uninit();
    // SAFETY: a setting of guc.c's; whichever of the types it has, all of the result is written.
    unsafe {
        sys::pgbg_setting_value_of(setting.as_ptr(), result.as_mut_ptr());
        result.assume_init()
    }
}

/// A value of a setting.
#[derive(Clone, Copy)]
struct Value {
    /// What the variable holds, of a floating point number its bits; 0 of a text.
    number: i64,
    /// NULL of what is no text.
    text: *const c_char,
}

impl Value {
    /// # Safety
    /// A variable of a setting of that type.
    unsafe fn read(vartype: sys::config_type, place: *const c_void) -> Self {
        // SAFETY: the caller's promise. A double may be aligned to less than an i64.
        let number = unsafe {
            match vartype {
                sys::PGC_BOOL => i64::from(*place.cast::<u8>()),
                sys::PGC_INT | sys::PGC_ENUM => i64::from(*place.cast::<c_int>()),
                sys::PGC_REAL => place.cast::<i64>().read_unaligned(),
                _ => {
                    return Self {
                        number: 0,
                        text: *place.cast::<*const c_char>(),
                    };
                }
            }
        };
        Self {
            number,
            text: ptr::null(),
        }
    }
}

/// What this process's settings were at one moment: values, reset values, and where both came from.
#[derive(Clone, Copy)]
pub struct Picture {
    /// None if it could not be taken.
    entries: Option<&'static [Entry]>,
}

#[derive(Clone, Copy)]
struct Entry {
    place: NonNull<sys::config_generic>,
    values: sys::pgbg_setting_value,
    /// The texts that are compared are copies; what else it points to is guc.c's, and may be gone.
    was: Setting,
}

impl Picture {
    /// What is to be seen here in nobody's settings.
    pub const NONE: Self = Self { entries: None };

    /// Takes one, which lives as long as the context.
    pub fn take(context: Context) -> Self {
        if !can_be_seen() {
            return Self::NONE;
        }
        let mut count = 0;
        for_each_nondefault(|_| {
            count += 1;
            true
        });
        let places = context.alloc_slice(count, |_| NonNull::dangling());
        let mut i = 0;
        for_each_nondefault(|place| {
            places[i] = place;
            i += 1;
            true
        });
        let keep = |text: *const c_char| {
            // SAFETY: a text of guc.c's, or NULL.
            unsafe { Str::from_ptr(text) }
                .map_or(ptr::null(), |text| copy_into(context, text).as_ptr())
        };
        let entries = context.alloc_slice(count, |i| {
            let place = places[i];
            let values = places_of(place);
            let mut was = Setting::read(place, &values);
            let is_one_text = was.is_one_text();
            was.generic.name = keep(was.generic.name);
            was.generic.sourcefile = keep(was.generic.sourcefile).cast_mut();
            was.value.text = keep(was.value.text);
            was.reset.text = if is_one_text {
                was.value.text
            } else {
                keep(was.reset.text)
            };
            Entry { place, values, was }
        });
        Self {
            entries: Some(entries),
        }
    }

    /// Whether everything is still, or again, as it was. In case of doubt it is not: what was set and reset may have changed
    /// its place.
    pub fn holds(&self) -> bool {
        let Some(entries) = self.entries else {
            return false;
        };
        let mut rest = entries.iter();
        let mut same = true;
        for_each_nondefault(|place| {
            same = rest.next().is_some_and(|entry| entry.holds(place));
            same
        });
        same && rest.next().is_none()
    }
}

impl Entry {
    fn holds(&self, place: NonNull<sys::config_generic>) -> bool {
        if self.place != place {
            return false;
        }
        // SAFETY: a setting of guc.c's.
        let (was, now) = (&self.was.generic, unsafe { place.as_ref() });
        was.flags == now.flags
            && was.vartype == now.vartype
            && was.source == now.source
            && was.reset_source == now.reset_source
            && was.scontext == now.scontext
            && was.reset_scontext == now.reset_scontext
            && sys::setting_roles(was) == sys::setting_roles(now)
            && was.sourceline == now.sourceline
            && self.has_values()
            && is_same_text(was.sourcefile, now.sourcefile)
            // A placeholder's place may become another's.
            && (now.flags & sys::GUC_CUSTOM_PLACEHOLDER as c_int == 0
                || is_same_text(was.name, now.name))
    }

    /// Of a setting that is in its place, and of its type.
    fn has_values(&self) -> bool {
        let was = &self.was;
        // SAFETY: the caller has looked; a setting has a variable.
        let (now, reset) = unsafe {
            let value = |place| Value::read(was.generic.vartype, place);
            (value(*self.values.variable), value(self.values.reset_val))
        };
        if was.generic.vartype != sys::PGC_STRING {
            return was.value.number == now.number && was.reset.number == reset.number;
        }
        is_same_text(was.value.text, now.text)
            && (was.is_one_text() && now.text == reset.text
                || is_same_text(was.reset.text, reset.text))
    }
}

fn is_same_text(a: *const c_char, b: *const c_char) -> bool {
    if a.is_null() || b.is_null() {
        return a == b;
    }
    // SAFETY: both are NUL-terminated: guc.c's, or copies of those.
    unsafe { libc::strcmp(a, b) == 0 }
}

/// A value of a setting and where it comes from; of one that was SET, what RESET gives.
pub struct Sourced {
    pub name: Str,
    pub value: Str,
    pub source: sys::GucSource,
    pub context: sys::GucContext,
    /// InvalidOid before 15.
    pub role: sys::Oid,
}

/// Calls `tell` for each reset value that RestoreGUCState would not bring about by setting what is in force: of what was
/// SET, and whose reset value is not the default. Of what RESET ALL leaves alone, `role` only.
pub fn for_each_reset_value(mut tell: impl FnMut(Sourced)) {
    if !can_be_seen() {
        return;
    }
    for_each_nondefault(|place| {
        let setting = Setting::read(place, &places_of(place));
        let generic = &setting.generic;
        let is_role = is_same_text(generic.name, c"role".as_ptr());
        let is_lost = if is_role {
            // Whatever the role's source, `restore` sets it once more.
            generic.reset_source > sys::PGC_S_DYNAMIC_DEFAULT
        } else {
            generic.source > sys::PGC_S_OVERRIDE
                && generic.reset_source > sys::PGC_S_DEFAULT
                && generic.flags & sys::GUC_NO_RESET_ALL as c_int == 0
        };
        if let (true, Some(value)) = (is_lost, reset_value(place, &setting)) {
            let [_, role] = sys::setting_roles(generic);
            tell(Sourced {
                // SAFETY: a setting has a name, and keeps it.
                name: unsafe { Str::from_nonnull(NonNull::new_unchecked(generic.name.cast_mut())) },
                value,
                source: generic.reset_source,
                context: generic.reset_scontext,
                role,
            });
        }
        true
    });
}

/// As SET takes it. None for a text that is NULL, which SET has no word for.
fn reset_value(place: NonNull<sys::config_generic>, setting: &Setting) -> Option<Str> {
    let number = setting.reset.number;
    match setting.generic.vartype {
        sys::PGC_BOOL if number == 0 => Some(Str::from_static(c"off")),
        sys::PGC_BOOL => Some(Str::from_static(c"on")),
        // So many digits as tell it from every other number.
        sys::PGC_REAL => Some(format(format_args!("{:e}", f64::from_bits(number as u64)))),
        sys::PGC_INT => Some(format(format_args!("{number}"))),
        sys::PGC_ENUM => {
            let value = number as c_int;
            // SAFETY: an enumeration, and a value of it; the name is static.
            unsafe { Str::from_ptr(sys::pgbg_enum_setting_name(place.as_ptr(), value)) }
        }
        // SAFETY: a text of guc.c's, or NULL.
        _ => unsafe { Str::from_ptr(setting.reset.text) },
    }
}

/// Makes a value what RESET gives, unless what is in force comes from a source no higher than this: then it takes its place
/// as well. A value that is refused, because of what happened since it was set, changes nothing.
pub fn set_reset_value(value: &Sourced) {
    set(value, true, sys::DEBUG1);
}

/// Whether a setting would take a value, as the others are now; changes nothing.
pub fn would_take(value: &Sourced) -> bool {
    set(value, false, sys::DEBUG1) != 0
}

/// Gives a setting a value of no lower a source than it has. Raises why it is refused.
pub fn set_value(value: &Sourced) {
    if set(value, true, sys::ERROR) <= 0 {
        Report::error(code::INTERNAL_ERROR)
            .message(format_args!(
                "parameter {} could not be set",
                value.name.quoted()
            ))
            .raise();
    }
}

fn set(value: &Sourced, change: bool, level: u32) -> c_int {
    // SAFETY: strings that end; guc.c copies them. A level below ERROR does not raise.
    unsafe {
        sys::pgbg_set_config_option(
            value.name.as_ptr(),
            value.value.as_ptr(),
            value.context,
            value.source,
            value.role,
            change,
            level as c_int,
        )
    }
}
