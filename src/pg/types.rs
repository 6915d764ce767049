//! utils/lsyscache.h, utils/typcache.h, parser/parse_coerce.h: types and conversions.

use super::text::Str;
use crate::pg_sys as sys;
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

/// A number for a row type with a name as it is now: no other one has it, nor this one once it was altered. 42809 for a type that is
/// none.
pub fn row_type_version(type_oid: sys::Oid) -> u64 {
    // SAFETY: a look-up in typcache.c, in a transaction.
    unsafe { sys::assign_record_type_identifier(type_oid, -1) }
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

/// text.
pub const TEXT: sys::Oid = sys::TEXTOID;

/// jsonb.
pub const JSONB: sys::Oid = sys::JSONBOID;

/// The first type that somebody may alter or drop. Those before are there, and stay as they are. initdb makes others as well:
/// the information schema's owner may do as he likes with it.
const FIRST_CHANGING: sys::Oid = sys::PGBG_FIRST_UNPINNED_OBJECT as sys::Oid;

/// Whether somebody may alter or drop it.
pub fn may_change(type_oid: sys::Oid) -> bool {
    type_oid >= FIRST_CHANGING
}

/// Whether it is a type of no column.
pub fn is_pseudo(type_oid: sys::Oid) -> bool {
    kind(type_oid) == sys::TYPTYPE_PSEUDO
}

/// The row type that values of the type have inside, through arrays, domains, ranges and multiranges; none for what
/// nobody may change.
pub fn row_inside(type_oid: sys::Oid) -> Option<sys::Oid> {
    innermost_from(type_oid, FIRST_CHANGING)
}

/// The same of every type.
pub fn innermost(type_oid: sys::Oid) -> Option<sys::Oid> {
    innermost_from(type_oid, 1)
}

/// The row type inside, or a type whose values alone know what rows they have inside; types below `first` have none.
fn innermost_from(mut type_oid: sys::Oid, first: sys::Oid) -> Option<sys::Oid> {
    while type_oid >= first {
        type_oid = match kind(type_oid) {
            sys::TYPTYPE_COMPOSITE => return Some(type_oid),
            sys::TYPTYPE_PSEUDO => return is_polymorphic(type_oid).then_some(type_oid),
            sys::TYPTYPE_DOMAIN => base(type_oid, -1).0,
            sys::TYPTYPE_RANGE => range_subtype(type_oid),
            sys::TYPTYPE_MULTIRANGE => multirange_range(type_oid),
            _ => element(type_oid),
        };
    }
    None
}

/// Types whose values may have rows of any type inside, which only the value knows: no layout tells of them.
pub const fn is_polymorphic(type_oid: sys::Oid) -> bool {
    matches!(
        type_oid,
        sys::ANYARRAYOID | sys::RECORDOID | sys::RECORDARRAYOID
    )
}

/// The type of an array's elements; 0 if it is none.
pub fn element(type_oid: sys::Oid) -> sys::Oid {
    // SAFETY: a system cache look-up.
    unsafe { sys::get_element_type(type_oid) }
}

/// The type of a range's bounds; 0 if it is none.
fn range_subtype(type_oid: sys::Oid) -> sys::Oid {
    // SAFETY: a system cache look-up.
    unsafe { sys::get_range_subtype(type_oid) }
}

/// The range type of a multirange; 0 if it is none.
fn multirange_range(type_oid: sys::Oid) -> sys::Oid {
    // SAFETY: a system cache look-up.
    unsafe { sys::get_multirange_range(type_oid) }
}

/// A type's input function and its parameter.
fn input(type_oid: sys::Oid) -> (sys::Oid, sys::Oid) {
    let (mut function, mut io_param) = (0, 0);
    // SAFETY: a system cache look-up of a type that exists.
    unsafe { sys::getTypeInputInfo(type_oid, &raw mut function, &raw mut io_param) };
    (function, io_param)
}

/// How values of the type are passed: bytes (-1 for varlena, -2 for cstring), and whether a Datum is the value. None for a
/// type that does not exist.
pub fn length_and_passing(type_oid: sys::Oid) -> Option<(i16, bool)> {
    let (mut length, mut by_value) = (0, false);
    if may_change(type_oid) && !exists(type_oid) {
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
