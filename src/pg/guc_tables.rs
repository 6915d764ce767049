//! utils/guc_tables.h: the settings of this process that are not at their defaults.

use super::error::{Report, code};
use super::text::{Str, format};
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
pub(super) fn can_be_seen() -> bool {
    if SEARCH.load(Ordering::Relaxed) == NOT_BEGUN {
        let mut head = ptr::null_mut();
        // SAFETY: reads guc.c's settings; writes one pointer.
        let found = unsafe { sys::pgbg_find_settings(&raw mut head) };
        HEAD.store(head, Ordering::Relaxed);
        SEARCH.store(if found { FOUND } else { FAILED }, Ordering::Relaxed);
    }
    SEARCH.load(Ordering::Relaxed) == FOUND
}

/// Calls `look` with each setting that is not at its default, and where it is among all.
pub(super) fn for_each_nondefault(
    mut look: impl FnMut(NonNull<sys::config_generic>, sys::pgbg_nondefault),
) {
    let mut settings = sys::pgbg_settings {
        next: ptr::null_mut(),
        end: ptr::null_mut(),
    };
    // SAFETY: pgbg_find_settings found the head.
    unsafe { sys::pgbg_see_settings(HEAD.load(Ordering::Relaxed), &raw mut settings) };
    loop {
        // SAFETY: nothing is set meanwhile: `look` sets nothing.
        let found = unsafe { sys::pgbg_next_setting(&raw mut settings) };
        let Some(setting) = NonNull::new(found.setting) else {
            return;
        };
        look(setting, found);
    }
}

/// Whether those that are not at their defaults are these, as `for_each_nondefault` gave them. What they say now is another
/// question.
pub(super) fn are_nondefault(settings: &[sys::pgbg_nondefault]) -> bool {
    // SAFETY: settings have been gone through, so that the head was found; of those given, only addresses are looked at
    // before guc.c turns out to have them still.
    unsafe {
        sys::pgbg_are_nondefault(
            HEAD.load(Ordering::Relaxed),
            settings.as_ptr(),
            settings.len(),
        )
    }
}

/// Whether one whose name begins so, in small letters or capitals, is not at its default. In case of doubt it is.
pub(super) fn is_one_set(prefix: &[u8]) -> bool {
    let mut is_set = !can_be_seen();
    if !is_set {
        for_each_nondefault(|setting, _| {
            let start = name_of(setting).get(..prefix.len());
            is_set |= start.is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        });
    }
    is_set
}

/// Whether there is one of that name, whatever it is.
pub(super) fn is_there(name: &CStr) -> bool {
    // SAFETY: a name that ends; looking it up makes no setting, and raises nothing.
    !unsafe { sys::pgbg_find_setting(name.as_ptr()) }.is_null()
}

/// Whether a setting has one value in the whole cluster, or is no setting of anybody's: SerializeGUCState leaves it out.
pub(super) fn is_shared(setting: &sys::config_generic) -> bool {
    setting.context == sys::PGC_POSTMASTER || setting.context == sys::PGC_INTERNAL
}

/// The name of a setting of guc.c's; it goes with the setting.
pub fn name_of<'a>(setting: NonNull<sys::config_generic>) -> &'a [u8] {
    // SAFETY: a setting has a name, and keeps it.
    unsafe { CStr::from_ptr(setting.as_ref().name) }.to_bytes()
}

/// Where a setting's values are, as long as it is in its place.
pub(super) fn places_of(setting: NonNull<sys::config_generic>) -> sys::pgbg_setting_value {
    let mut result = core::mem::MaybeUninit::uninit();
    // SAFETY: a setting of guc.c's; whichever of the types it has, all of the result is written.
    unsafe {
        sys::pgbg_setting_value_of(setting.as_ptr(), result.as_mut_ptr());
        result.assume_init()
    }
}

/// A value of a setting.
#[derive(Clone, Copy)]
pub(super) struct Value {
    /// What the variable holds, of a floating point number its bits; 0 of a text.
    pub number: i64,
    /// NULL of what is no text.
    pub text: *const c_char,
}

impl Value {
    /// # Safety
    /// A variable of a setting of that type.
    pub unsafe fn read(vartype: sys::config_type, place: *const c_void) -> Self {
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

pub(super) fn is_same_text(a: *const c_char, b: *const c_char) -> bool {
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
    for_each_nondefault(|place, _| {
        // SAFETY: a setting of guc.c's, as long as nothing is set, and its place, whose type goes with its own.
        let (generic, reset) = unsafe {
            let generic = place.as_ref();
            if is_shared(generic) {
                return;
            }
            (
                generic,
                Value::read(generic.vartype, places_of(place).reset_val),
            )
        };
        let is_role = is_same_text(generic.name, c"role".as_ptr());
        let is_lost = if is_role {
            // Whatever the role's source, `restore` sets it once more.
            generic.reset_source > sys::PGC_S_DYNAMIC_DEFAULT
        } else {
            generic.source > sys::PGC_S_OVERRIDE
                && generic.reset_source > sys::PGC_S_DEFAULT
                && generic.flags & sys::GUC_NO_RESET_ALL as c_int == 0
        };
        if let (true, Some(value)) = (is_lost, reset_value(place, reset)) {
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
    });
}

/// As SET takes it. None for a text that is NULL, which SET has no word for.
fn reset_value(place: NonNull<sys::config_generic>, reset: Value) -> Option<Str> {
    let number = reset.number;
    // SAFETY: a setting of guc.c's.
    match unsafe { place.as_ref().vartype } {
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
        _ => unsafe { Str::from_ptr(reset.text) },
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
