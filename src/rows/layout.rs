//! How rows inside of values are laid out.
//!
//! A row inside of a value (of a row type, an array of it, and so on) is laid out as its type was when the value was made,
//! and says nothing about it. Reading it as the type is after ALTER TYPE may crash.

use crate::pg::Oid;
use crate::pg::error::{check_for_interrupts, check_stack_depth};
use crate::pg::memory::Context;
use crate::pg::random;
use crate::pg::tuple::{Column, Descriptor};
use crate::pg::types;
#[expect(deprecated, reason = "std has another name for it, core has not")]
use core::hash::SipHasher;
use core::hash::{Hash, Hasher};

/// The number of columns is in so many bits, below a hash of them.
const COUNT_BITS: u32 = 16;

/// How rows in values of the type are laid out now: 0 if there are none. Types that nobody may change
/// have 0. Needs a transaction; raises 54001 where types are nested too deeply.
pub fn of(type_oid: Oid) -> u64 {
    up_to(type_oid, u16::MAX)
}

/// Whether values that were laid out so can be read as the type is now. Columns added at the end do no harm.
pub fn is_still(type_oid: Oid, layout: u64) -> bool {
    layout == 0 || up_to(type_oid, layout as u16) == layout
}

/// The same, of the first `limit` columns.
fn up_to(type_oid: Oid, limit: u16) -> u64 {
    let Some(row_type) = types::row_inside(type_oid) else {
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

/// Whether a column's values may have such rows inside: statistics, say, or the default that a table's old rows lack. Not
/// even who made a value can tell how they will have to be read later.
pub fn is_unknowable(column: &Column) -> bool {
    // Arrays of rows, rows, and what is made of them are all aligned like this; most other types need no look-up then.
    if column.length != -1 || column.alignment != b'd' {
        return false;
    }
    let Some(inner) = types::innermost(column.type_oid) else {
        return false;
    };
    if types::is_polymorphic(inner) {
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
/// numbers depend on a secret of the server.
#[expect(deprecated, reason = "std has another name for it, core has not")]
fn keyed_hasher() -> SipHasher {
    let [low, high] = random::server_secret();
    SipHasher::new_with_keys(low, high)
}
