//! utils/typcache.h: how rows inside of values are laid out.
//!
//! A row inside of a value (of a row type, an array of it, and so on) is laid out as its type was when the value was made,
//! and says nothing about it. Reading it as the type is after ALTER TYPE may crash.

use super::error::{check_for_interrupts, check_stack_depth};
use super::memory::Context;
use super::tuple::Descriptor;
use super::types;
use crate::pg_sys as sys;

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
        let mut hash = FNV_OFFSET;
        for i in 0..count {
            let column = desc.column(i);
            hash = mix(hash, u64::from(column.type_oid));
            hash = mix(hash, column.length as u64);
            hash = mix(hash, u64::from(column.alignment));
            hash = mix(hash, of(column.type_oid));
        }
        (hash << COUNT_BITS) | count as u64
    });
    context.delete();
    layout
}

/// The row type that values of the type have inside, through arrays, domains, ranges and multiranges.
fn row_type(mut type_oid: sys::Oid) -> Option<sys::Oid> {
    while type_oid >= sys::FirstNormalObjectId {
        type_oid = match types::kind(type_oid) {
            sys::TYPTYPE_COMPOSITE => return Some(type_oid),
            sys::TYPTYPE_DOMAIN => types::base(type_oid, -1).0,
            sys::TYPTYPE_RANGE => types::range_subtype(type_oid),
            sys::TYPTYPE_MULTIRANGE => types::multirange_range(type_oid),
            _ => types::element(type_oid),
        };
    }
    None
}

/// 64-bit FNV-1a.
const FNV_OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01B3;

fn mix(hash: u64, number: u64) -> u64 {
    number.to_ne_bytes().iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_and_the_order_of_numbers_count() {
        let one = mix(FNV_OFFSET, 1);
        for bit in 0..64 {
            assert_ne!(mix(FNV_OFFSET, 1 ^ (1 << bit)), one);
        }
        assert_ne!(mix(one, 2), mix(mix(FNV_OFFSET, 2), 1));
    }
}
