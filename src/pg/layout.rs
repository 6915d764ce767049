//! utils/typcache.h: how rows inside of values are laid out.
//!
//! A row inside of a value (of a row type, an array of it, and so on) is laid out as its type was when the value was made,
//! and says nothing about it. Reading it as the type is after ALTER TYPE may crash.

use super::error::{check_for_interrupts, check_stack_depth};
use super::memory::Context;
use super::tuple::{Column, Descriptor};
use super::types;
use crate::pg_sys as sys;
#[expect(deprecated, reason = "std has another name for it, core has not")]
use core::hash::SipHasher;
use core::hash::{Hash, Hasher};

/// The number of columns is in so many bits, below a hash of them.
const COUNT_BITS: u32 = 16;

/// How rows in values of the type are laid out now: 0 if there are none. Types of the system itself do not change, and
/// have 0. Needs a transaction; raises 54001 where types are nested too deeply.
pub fn of(type_oid: sys::Oid) -> u64 {
    up_to(type_oid, u16::MAX)
}

/// Whether values that were laid out so can be read as the type is now. Columns added at the end do no harm.
pub fn is_still(type_oid: sys::Oid, layout: u64) -> bool {
    layout == 0 || up_to(type_oid, layout as u16) == layout
}

/// The same, of the first `limit` columns.
fn up_to(type_oid: sys::Oid, limit: u16) -> u64 {
    let Some(row_type) = row_type(type_oid) else {
        return 0;
    };
    check_stack_depth();
    check_for_interrupts();
    let context = Context::current().create(c"pg_background layout");
    let layout = context.run(|| {
        let desc = Descriptor::of_row_type(row_type);
        let count = desc.len().min(usize::from(limit));
        let mut hasher = keyed_hasher();
        for i in 0..count {
            let column = desc.column(i);
            (column.type_oid, column.length, column.alignment).hash(&mut hasher);
            of(column.type_oid).hash(&mut hasher);
        }
        (hasher.finish() << COUNT_BITS) | count as u64
    });
    context.delete();
    layout
}

/// The row type that values of the type have inside, through arrays, domains, ranges and multiranges.
fn row_type(type_oid: sys::Oid) -> Option<sys::Oid> {
    innermost(type_oid, sys::FirstNormalObjectId)
}

/// The same, or a type whose values alone know what rows they have inside, where types below `first` have none.
fn innermost(mut type_oid: sys::Oid, first: sys::Oid) -> Option<sys::Oid> {
    while type_oid >= first {
        type_oid = match types::kind(type_oid) {
            sys::TYPTYPE_COMPOSITE => return Some(type_oid),
            sys::TYPTYPE_PSEUDO => return is_polymorphic(type_oid).then_some(type_oid),
            sys::TYPTYPE_DOMAIN => types::base(type_oid, -1).0,
            sys::TYPTYPE_RANGE => types::range_subtype(type_oid),
            sys::TYPTYPE_MULTIRANGE => types::multirange_range(type_oid),
            _ => types::element(type_oid),
        };
    }
    None
}

/// Types whose values may have rows of any type inside, which only the value knows: no layout tells of them.
const fn is_polymorphic(type_oid: sys::Oid) -> bool {
    matches!(
        type_oid,
        sys::ANYARRAYOID | sys::RECORDOID | sys::RECORDARRAYOID
    )
}

/// Whether a column's values may have such rows inside: statistics, say, or the default that a table's old rows lack. Not
/// even who made a value can tell how they will have to be read later.
pub fn is_unknowable(column: &Column) -> bool {
    // Arrays of rows, rows, and what is made of them are all aligned like this; most other types need no look-up then.
    if column.length != -1 || column.alignment != b'd' {
        return false;
    }
    let Some(inner) = innermost(column.type_oid, 1) else {
        return false;
    };
    if is_polymorphic(inner) {
        return true;
    }
    check_stack_depth();
    check_for_interrupts();
    let context = Context::current().create(c"pg_background layout");
    let found = context.run(|| {
        let desc = Descriptor::of_row_type(inner);
        (0..desc.len()).any(|i| is_unknowable(&desc.column(i)))
    });
    context.delete();
    found
}

/// Whoever may make types could look for two with the same number, and have the values of one read as the other. So the
/// numbers depend on a secret of the server, which is the same in all of its processes: the one that answers for roles
/// that do not exist.
#[expect(deprecated, reason = "std has another name for it, core has not")]
fn keyed_hasher() -> SipHasher {
    // SAFETY: 32 bytes in shared memory, never changed while the server runs.
    let [low, high] = unsafe {
        sys::GetMockAuthenticationNonce()
            .cast::<[u64; 2]>()
            .read_unaligned()
    };
    SipHasher::new_with_keys(low, high)
}
