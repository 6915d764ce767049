//! Checking minimal tuples that another process formed (`access/htup_details.h`,
//! `access/tupmacs.h`, `varatt.h`).
//!
//! PostgreSQL trusts the tuples it deforms, so a tuple is checked here before PostgreSQL sees it:
//! first its header ([`check_tuple_header`], which needs nothing but the number of columns), then
//! every attribute ([`check_tuple_attributes`], which needs the length and alignment of each
//! column's type). What the bytes of a value mean to its type is PostgreSQL's own business.
//!
//! `MinimalTupleData` in bytes, with `MAXIMUM_ALIGNOF` 8; with 4 the padding is four bytes shorter:
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | t_len u32 | length of the whole tuple, header included |
//! | 4 | padding | anything |
//! | 10 | t_infomask2 u16 | number of attributes (11 bits), flags about row versions (ignored) |
//! | 12 | t_infomask u16 | see the `HEAP_` constants; the bits about row versions are ignored |
//! | 14 | t_hoff u8 | start of the data, from `MINIMAL_TUPLE_OFFSET` bytes *before* the tuple |
//! | 15 | t_bits | if `HEAP_HASNULL`: a bit per attribute, least significant first, 0 is null |

#![forbid(unsafe_code)]

use core::ffi::CStr;

use super::Malformed;
pub use super::bytes::maxalign;
use super::bytes::{array_at, u32_at};
use crate::pg_sys::alignment::{Alignment, SERVER};

/// `MaxTupleAttributeNumber`: no row can have more columns.
pub const MAX_TUPLE_ATTRIBUTE_NUMBER: usize = 1664;

/// Bits of `t_infomask2` that hold the number of attributes.
const HEAP_NATTS_MASK: u16 = 0x07FF;
/// Bit of `t_infomask`: there is a null bitmap.
const HEAP_HASNULL: u16 = 0x0001;
/// Bit of `t_infomask`: there are varlena or cstring values.
const HEAP_HASVARWIDTH: u16 = 0x0002;
/// Bit of `t_infomask`: there are values stored out of line.
const HEAP_HASEXTERNAL: u16 = 0x0004;
/// Bit of `t_infomask`: the header holds an object identifier (tables WITH OIDS, gone since
/// PostgreSQL 12).
const HEAP_HASOID_OLD: u16 = 0x0008;

/// What walking a tuple needs to know about the type of one column: `attlen` and `attalign`.
///
/// # Invariants
///
/// `len` is positive (fixed width in bytes), -1 (varlena) or -2 (cstring); `mask` is 0, 1, 3 or 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    len: i16,
    mask: u8,
}

impl Attribute {
    /// From a length as in `pg_type.typlen` and an alignment of 1, 2, 4 or 8 bytes; `None` for
    /// anything else.
    #[must_use]
    pub const fn new(len: i16, align: u8) -> Option<Self> {
        match (len, align) {
            (-2 | -1 | 1.., 1 | 2 | 4 | 8) => Some(Self {
                len,
                mask: align - 1,
            }),
            _ => None,
        }
    }

    /// From `pg_type.typlen` and the letter of `pg_type.typalign` (`c`, `s`, `i` or `d`); `None`
    /// for anything else.
    #[must_use]
    pub const fn from_catalog(typlen: i16, typalign: u8) -> Option<Self> {
        match typalign {
            b'c' => Self::new(typlen, 1),
            b's' => Self::new(typlen, 2),
            b'i' => Self::new(typlen, 4),
            b'd' => Self::new(typlen, SERVER.double as u8),
            _ => None,
        }
    }
}

/// The fields of a tuple's header that matter here.
struct Header {
    len: usize,
    natts: usize,
    infomask: u16,
    hoff: usize,
}

impl Header {
    /// Reads the header of the tuple at the start of `bytes`.
    ///
    /// The shortest tuple is a MAXALIGNed header, since the data starts there even if there is none.
    #[inline]
    fn read(bytes: &[u8], alignment: Alignment) -> Option<Self> {
        let fixed = bytes.get(..alignment.minimal_tuple_header())?;
        let [.., n0, n1, m0, m1, hoff] = *fixed else {
            return None;
        };
        if bytes.len() < alignment.maxalign(fixed.len()) {
            return None;
        }
        Some(Self {
            len: u32_at(fixed, 0)? as usize,
            natts: usize::from(u16::from_ne_bytes([n0, n1]) & HEAP_NATTS_MASK),
            infomask: u16::from_ne_bytes([m0, m1]),
            hoff: usize::from(hoff),
        })
    }

    #[inline]
    fn has(&self, bit: u16) -> bool {
        self.infomask & bit != 0
    }

    /// Bytes of the null bitmap, `BITMAPLEN()`; 0 if there is none.
    #[inline]
    fn bitmap_len(&self) -> usize {
        if self.has(HEAP_HASNULL) {
            self.natts.div_ceil(8)
        } else {
            0
        }
    }
}

/// Checks the header of the tuple at the start of `bytes` and returns the tuple, exactly `t_len`
/// bytes.
///
/// `announced` is the number of columns of the row description. A tuple may have fewer, whose
/// columns read as null: a tuple from a table that gained a column later, passed on as it lay
/// there, is short. `t_hoff` is `MAXALIGN(23 + bitmap)` in what `heap_form_minimal_tuple` makes; a
/// tuple copied by `minimal_tuple_from_heap_tuple` keeps its own, so any aligned offset between
/// that and the end of the tuple will do.
///
/// # Errors
///
/// The tuple is not within `bytes`, or its header contradicts itself, the description, or the rule
/// that the worker fetches every value stored out of line.
#[inline]
pub fn check_tuple_header(bytes: &[u8], announced: usize) -> Result<&[u8], Malformed> {
    check_header(bytes, announced, SERVER)
}

/// The same where the alignments are these.
#[inline]
pub(super) fn check_header(
    bytes: &[u8],
    announced: usize,
    alignment: Alignment,
) -> Result<&[u8], Malformed> {
    let header = Header::read(bytes, alignment).ok_or(Malformed::TupleTruncated)?;
    if header.len < alignment.minimal_tuple_header() {
        return Err(Malformed::TupleLength);
    }
    let tuple = bytes.get(..header.len).ok_or(Malformed::TupleTruncated)?;
    if header.natts > announced {
        return Err(Malformed::TupleAttributes);
    }
    let offset = alignment.minimal_tuple_offset();
    let first = alignment.maxalign(offset + alignment.minimal_tuple_header() + header.bitmap_len());
    let last = header.len.saturating_add(offset);
    if header.hoff < first || header.hoff > last || header.hoff != alignment.maxalign(header.hoff) {
        return Err(Malformed::TupleDataOffset);
    }
    if header.has(HEAP_HASEXTERNAL) {
        return Err(Malformed::TupleExternal);
    }
    if header.has(HEAP_HASOID_OLD) {
        return Err(Malformed::TupleOldOid);
    }
    Ok(tuple)
}

/// Checks that every attribute of `tuple` lies within it, so that PostgreSQL may deform it.
///
/// `tuple` passed [`check_tuple_header`]; `attributes` are those of the row description, all of
/// them, in order. It walks the tuple once, as `heap_deform_tuple` does, and is called for every
/// row: it neither allocates nor loops twice.
///
/// # Errors
///
/// A value extends beyond the tuple, is stored out of line, or has an impossible header.
#[inline]
pub fn check_tuple_attributes(tuple: &[u8], attributes: &[Attribute]) -> Result<(), Malformed> {
    check_attributes(tuple, attributes, SERVER)
}

/// The same where the alignments are these.
#[inline]
pub(super) fn check_attributes(
    tuple: &[u8],
    attributes: &[Attribute],
    alignment: Alignment,
) -> Result<(), Malformed> {
    let header = Header::read(tuple, alignment).ok_or(Malformed::TupleTruncated)?;
    let attributes = attributes
        .get(..header.natts)
        .ok_or(Malformed::TupleAttributes)?;
    let data = header
        .hoff
        .checked_sub(alignment.minimal_tuple_offset())
        .and_then(|start| tuple.get(start..))
        .ok_or(Malformed::TupleDataOffset)?;
    let varwidth = header.has(HEAP_HASVARWIDTH);

    if !header.has(HEAP_HASNULL) {
        return walk(data, attributes, varwidth, |_| false);
    }
    let bitmap = tuple
        .get(alignment.minimal_tuple_header()..)
        .ok_or(Malformed::TupleDataOffset)?;
    // A bitmap byte that is missing counts as all null; check_tuple_header has made sure that none
    // is.
    walk(data, attributes, varwidth, |i| {
        bitmap
            .get(i / 8)
            .is_none_or(|byte| byte & (1 << (i % 8)) == 0)
    })
}

/// The loop of [`check_tuple_attributes`], compiled once with and once without a null bitmap.
///
/// `varwidth` is the tuple's `HEAP_HASVARWIDTH`: `nocachegetattr` relies on it being set where
/// there is any such value.
#[inline]
#[expect(
    clippy::range_zip_with_len,
    reason = "the counter of enumerate() checks for overflow"
)]
fn walk(
    data: &[u8],
    attributes: &[Attribute],
    varwidth: bool,
    is_null: impl Fn(usize) -> bool,
) -> Result<(), Malformed> {
    // Invariant: off <= data.len(). A slice is at most isize::MAX bytes long, hence the wrapping
    // additions never wrap.
    let mut off = 0_usize;
    for (attribute, i) in attributes.iter().zip(0..attributes.len()) {
        if is_null(i) {
            continue;
        }
        let end = if attribute.len > 0 {
            align(off, attribute.mask).wrapping_add(usize::from(attribute.len.unsigned_abs()))
        } else if !varwidth {
            return Err(Malformed::AttributeWidth);
        } else if attribute.len == -1 {
            varlena_end(data, off, attribute.mask)?
        } else {
            cstring_end(data, align(off, attribute.mask))?
        };
        if end > data.len() {
            return Err(Malformed::AttributeTruncated);
        }
        off = end;
    }
    Ok(())
}

/// `att_align_nominal`: `off` rounded up to the alignment whose mask is given; at most 7 more than
/// `off`.
#[inline]
fn align(off: usize, mask: u8) -> usize {
    let mask = usize::from(mask);
    off.wrapping_add(mask) & !mask
}

/// Where the varlena ends that follows offset `off`; may lie beyond the data.
///
/// `att_align_pointer`: a byte that is not zero cannot be padding, so the value starts right there;
/// a zero byte is either padding or the first byte of an aligned length word.
#[inline]
fn varlena_end(data: &[u8], off: usize, mask: u8) -> Result<usize, Malformed> {
    let first = *data.get(off).ok_or(Malformed::AttributeTruncated)?;
    let aligned = align(off, mask);
    let start = if first == 0 { aligned } else { off };
    let head = *data.get(start).ok_or(Malformed::AttributeTruncated)?;
    if varlena::is_short(head) {
        if head == varlena::EXTERNAL {
            return Err(Malformed::VarlenaExternal);
        }
        return Ok(start.wrapping_add(varlena::short_size(head)));
    }
    if start != aligned {
        return Err(Malformed::VarlenaUnaligned);
    }
    let word = array_at::<4>(data, start).ok_or(Malformed::AttributeTruncated)?;
    let size = varlena::size(u32::from_ne_bytes(word));
    if varlena::is_compressed(head) {
        if size < varlena::COMPRESSED_HEADER {
            return Err(Malformed::VarlenaCompressed);
        }
    } else if size < varlena::HEADER {
        return Err(Malformed::VarlenaLength);
    }
    Ok(start.wrapping_add(size))
}

/// Where the cstring ends, its NUL included, that starts at offset `start`.
#[inline]
fn cstring_end(data: &[u8], start: usize) -> Result<usize, Malformed> {
    let string = data.get(start..).ok_or(Malformed::AttributeTruncated)?;
    let string = CStr::from_bytes_until_nul(string).map_err(|_| Malformed::CstringUnterminated)?;
    Ok(start.wrapping_add(string.count_bytes()).wrapping_add(1))
}

/// The headers of varlena values, `VARATT_IS_1B` and its siblings of `varatt.h` (`postgres.h`
/// before 16).
///
/// The flag bits are in the byte that comes first in memory, hence at opposite ends of the length
/// word.
mod varlena {
    /// Bytes of a length word, `VARHDRSZ`.
    pub const HEADER: usize = 4;
    /// Bytes before the compressed data, `VARHDRSZ_COMPRESSED`.
    pub const COMPRESSED_HEADER: usize = 8;

    #[cfg(target_endian = "little")]
    mod layout {
        /// First byte of a pointer to a value stored elsewhere, `VARATT_IS_1B_E`.
        pub const EXTERNAL: u8 = 0x01;

        #[inline]
        pub const fn is_short(first: u8) -> bool {
            first & 0x01 == 0x01
        }
        #[inline]
        pub const fn is_compressed(first: u8) -> bool {
            first & 0x03 == 0x02
        }
        #[inline]
        pub const fn short_size(first: u8) -> usize {
            (first >> 1) as usize
        }
        #[inline]
        pub const fn size(word: u32) -> usize {
            (word >> 2) as usize
        }
    }

    #[cfg(target_endian = "big")]
    mod layout {
        /// First byte of a pointer to a value stored elsewhere, `VARATT_IS_1B_E`.
        pub const EXTERNAL: u8 = 0x80;

        #[inline]
        pub const fn is_short(first: u8) -> bool {
            first & 0x80 == 0x80
        }
        #[inline]
        pub const fn is_compressed(first: u8) -> bool {
            first & 0xC0 == 0x40
        }
        #[inline]
        pub const fn short_size(first: u8) -> usize {
            (first & 0x7F) as usize
        }
        #[inline]
        pub const fn size(word: u32) -> usize {
            (word & 0x3FFF_FFFF) as usize
        }
    }

    pub use layout::{EXTERNAL, is_compressed, is_short, short_size, size};
}
