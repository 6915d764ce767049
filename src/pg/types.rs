//! utils/lsyscache.h, utils/typcache.h, parser/parse_coerce.h: types and conversions.

use super::memory::Context;
use super::text::Str;
use crate::pg_sys as sys;
use core::ffi::c_void;
use core::ptr::null_mut;

/// That of a literal, which the statement that it is in decides.
pub const UNKNOWN: sys::Oid = sys::UNKNOWNOID;

/// Whether the type is in the catalogs, as of now.
pub fn exists(type_oid: sys::Oid) -> bool {
    // SAFETY: a system cache look-up; needs a transaction, which every SQL function has.
    unsafe { sys::SearchSysCacheExists(sys::TYPE_CACHE, type_oid as sys::Datum, 0, 0, 0) }
}

/// Catches up with what other sessions, our workers among them, did to the catalogs.
pub fn accept_invalidations() {
    // SAFETY: allowed inside a transaction.
    unsafe { sys::AcceptInvalidationMessages() }
}

/// The type's name for messages, such as `numeric(10,2)`, in the current memory context.
pub fn name(type_oid: sys::Oid, typmod: i32) -> Str {
    // SAFETY: the flags make it name unknown types as well; the result is a palloc'd string.
    unsafe {
        let flags = (sys::FORMAT_TYPE_TYPEMOD_GIVEN | sys::FORMAT_TYPE_ALLOW_INVALID) as u16;
        Str::from_ptr(sys::format_type_extended(type_oid, typmod, flags))
            .unwrap_or(Str::from_static(c"???"))
    }
}

/// The type below a domain, with its typmod; the type itself, with `typmod`, if it is none.
pub fn base(type_oid: sys::Oid, mut typmod: i32) -> (sys::Oid, i32) {
    // SAFETY: a system cache look-up of a type that exists.
    let base = unsafe { sys::getBaseTypeAndTypmod(type_oid, &raw mut typmod) };
    (base, typmod)
}

/// pg_type.typtype, one of TYPTYPE_...; 0 for a type that does not exist.
pub fn kind(type_oid: sys::Oid) -> u8 {
    // SAFETY: a system cache look-up.
    unsafe { sys::get_typtype(type_oid) as u8 }
}

/// Whether it is a type of no column.
pub fn is_pseudo(type_oid: sys::Oid) -> bool {
    kind(type_oid) == sys::TYPTYPE_PSEUDO
}

/// The type of an array's elements; 0 if it is none.
pub fn element(type_oid: sys::Oid) -> sys::Oid {
    // SAFETY: a system cache look-up.
    unsafe { sys::get_element_type(type_oid) }
}

/// The type of a range's bounds; 0 if it is none.
pub fn range_subtype(type_oid: sys::Oid) -> sys::Oid {
    // SAFETY: a system cache look-up.
    unsafe { sys::get_range_subtype(type_oid) }
}

/// The range type of a multirange; 0 if it is none.
pub fn multirange_range(type_oid: sys::Oid) -> sys::Oid {
    // SAFETY: a system cache look-up.
    unsafe { sys::get_multirange_range(type_oid) }
}

/// A function to call for every value.
#[derive(Clone, Copy)]
pub struct Function(sys::FmgrInfo);

impl Function {
    fn look_up(oid: sys::Oid, context: Context) -> Self {
        // SAFETY: zero is a value of each field; fmgr_info_cxt sets them, with subsidiary memory in `context`.
        unsafe {
            let mut info: sys::FmgrInfo = core::mem::zeroed();
            context.run(|| sys::fmgr_info_cxt(oid, &raw mut info, sys::CurrentMemoryContext));
            Self(info)
        }
    }

    /// The type's output function.
    pub fn output(type_oid: sys::Oid, context: Context) -> Self {
        let (mut oid, mut is_varlena) = (0, false);
        // SAFETY: a system cache look-up of a type that exists; raises for a shell type.
        unsafe { sys::getTypeOutputInfo(type_oid, &raw mut oid, &raw mut is_varlena) };
        Self::look_up(oid, context)
    }

    /// The function that applies a typmod to a value of the type, if it needs one.
    pub fn length_coercion(type_oid: sys::Oid, context: Context) -> Option<(Self, Coercion)> {
        let mut oid = 0;
        // SAFETY: a system cache look-up of a type that exists.
        let path = unsafe { sys::find_typmod_coercion_function(type_oid, &raw mut oid) };
        match path {
            sys::COERCION_PATH_FUNC => Some((Self::look_up(oid, context), Coercion::Value)),
            sys::COERCION_PATH_ARRAYCOERCE => {
                Some((Self::look_up(oid, context), Coercion::Elements))
            }
            _ => None,
        }
    }

    /// Calls an output function; the text is in the current memory context.
    ///
    /// # Safety
    /// This is an output function and `value` a non-null value of its type.
    pub unsafe fn call_output(&mut self, value: sys::Datum) -> Str {
        // SAFETY: the caller's promise; output functions return palloc'd strings.
        unsafe {
            Str::from_ptr(sys::OutputFunctionCall(&raw mut self.0, value))
                .unwrap_or(Str::from_static(c""))
        }
    }

    /// Calls a length coercion function as an implicit cast does.
    ///
    /// # Safety
    /// This is a length coercion function and `value` a non-null value of its type.
    pub unsafe fn call_length_coercion(&mut self, value: sys::Datum, typmod: i32) -> sys::Datum {
        // SAFETY: the caller's promise: (value, typmod, is explicit), of which not all need be declared.
        unsafe { sys::FunctionCall3Coll(&raw mut self.0, 0, value, typmod as sys::Datum, 0) }
    }
}

/// To what a length coercion function applies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Coercion {
    Value,
    /// Each element of an array.
    Elements,
}

/// domain_check: raises 23514 or 23502 when the value does not fit the domain.
///
/// # Safety
/// `value` is of the domain's base type. `cache` is NULL at first and then whatever the last call left there; what it
/// points to is in `context`.
pub unsafe fn check_domain(
    value: Option<sys::Datum>,
    domain: sys::Oid,
    cache: &mut *mut c_void,
    context: Context,
) {
    // SAFETY: the caller's promise.
    unsafe {
        context.run(|| {
            sys::domain_check(
                value.unwrap_or(0),
                value.is_none(),
                domain,
                cache,
                sys::CurrentMemoryContext,
            );
        });
    }
}

/// NULL, for callers that keep a domain's cache.
pub const NO_CACHE: *mut c_void = null_mut();

/// A type's input function and its parameter.
pub fn input(type_oid: sys::Oid) -> (sys::Oid, sys::Oid) {
    let (mut function, mut io_param) = (0, 0);
    // SAFETY: a system cache look-up of a type that exists.
    unsafe { sys::getTypeInputInfo(type_oid, &raw mut function, &raw mut io_param) };
    (function, io_param)
}

/// Calls an input function. The value is in the current memory context.
///
/// # Safety
/// `function` and `io_param` are what `input` returned for one type.
pub unsafe fn call_input(
    function: sys::Oid,
    text: Str,
    io_param: sys::Oid,
    typmod: i32,
) -> sys::Datum {
    // SAFETY: the caller's promise; input functions do not write to the text.
    unsafe { sys::OidInputFunctionCall(function, text.as_ptr().cast_mut(), io_param, typmod) }
}

/// How values of the type are passed: bytes (-1 for varlena, -2 for cstring), and whether a Datum is the value. None for a
/// type that does not exist.
pub fn length_and_passing(type_oid: sys::Oid) -> Option<(i16, bool)> {
    let (mut length, mut by_value) = (0, false);
    if !exists(type_oid) {
        return None;
    }
    // SAFETY: a system cache look-up of a type that exists.
    unsafe { sys::get_typlenbyval(type_oid, &raw mut length, &raw mut by_value) };
    Some((length, by_value))
}

/// Whether the type is a domain over a row type.
pub fn is_domain_over_row(type_oid: sys::Oid) -> bool {
    kind(type_oid) == sys::TYPTYPE_DOMAIN && kind(base(type_oid, -1).0) == sys::TYPTYPE_COMPOSITE
}

/// A value of the type from a literal, in the current memory context. Null is passed on: a domain may refuse it.
pub fn read_literal(type_oid: sys::Oid, text: Option<Str>) -> sys::Datum {
    let (function, io_param) = input(type_oid);
    let text = text.map_or(null_mut(), |text| text.as_ptr().cast_mut());
    // SAFETY: the type's own input function, which does not write to the text and gets NULL only if it is not strict.
    unsafe { sys::OidInputFunctionCall(function, text, io_param, -1) }
}

/// `text LIKE pattern` in the database's default collation. Raises 22025 for a pattern that ends in a backslash.
pub fn is_like(text: Str, pattern: Str) -> bool {
    // SAFETY: textlike takes two texts; the collation is the one that every database has.
    unsafe {
        let text = sys::cstring_to_text(text.as_ptr()) as sys::Datum;
        let pattern = sys::cstring_to_text(pattern.as_ptr()) as sys::Datum;
        sys::DirectFunctionCall2Coll(
            Some(sys::textlike),
            sys::DEFAULT_COLLATION_OID,
            text,
            pattern,
        ) != 0
    }
}
