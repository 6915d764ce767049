//! A row or an array as an argument: its values one by one.

use super::composite::{VARHDRSZ, deform};
use super::memory::Context;
use super::text::Str;
use super::tuple::{Column, Descriptor};
use crate::pg_sys as sys;
use core::ffi::{CStr, c_char};
use core::ptr::null_mut;

/// A column of a row, and its value if it is not null.
#[derive(Clone, Copy)]
pub struct Field {
    pub column: Column,
    pub value: Option<sys::Datum>,
}

/// The fields of a composite value, without dropped columns, in the current memory context; names of a row without a named type are
/// typcache.c's.
///
/// # Safety
/// A non-null composite value.
pub unsafe fn fields<'a>(row: sys::Datum) -> &'a [Field] {
    let context = Context::current();
    // SAFETY: the caller's promise; a composite value says of which type it is, and there is an entry for each column.
    unsafe {
        let header =
            sys::pg_detoast_datum(row as *mut sys::varlena).cast::<sys::HeapTupleHeaderData>();
        let of = (*header).t_choice.t_datum;
        let desc = Descriptor::of_composite(of.datum_typeid, of.datum_typmod);
        let values = context.alloc_slice(desc.len(), |_| 0);
        let nulls = context.alloc_slice(desc.len(), |_| true);
        deform(desc, header, values, nulls);
        let present = || (0..desc.len()).filter(|i| !desc.column(*i).is_dropped);
        let fields = present().map(|i| Field {
            column: desc.column(i),
            value: (!nulls[i]).then_some(values[i]),
        });
        context.alloc_from(present().count(), fields)
    }
}

/// The elements of an array of texts or of rows, in the current memory context.
///
/// # Safety
/// A non-null array of varlenas that are aligned as `alignment` says (typalign).
pub unsafe fn elements<'a>(array: sys::Datum, alignment: u8) -> &'a [Option<sys::Datum>] {
    let (mut values, mut nulls, mut count) = (null_mut(), null_mut(), 0);
    // SAFETY: the caller's promise; so many entries are there afterwards.
    unsafe {
        let array = sys::pg_detoast_datum(array as *mut sys::varlena).cast::<sys::ArrayType>();
        sys::deconstruct_array(
            array,
            (*array).elemtype,
            -1,
            false,
            alignment as c_char,
            &raw mut values,
            &raw mut nulls,
            &raw mut count,
        );
        Context::current().alloc_slice(usize::try_from(count).unwrap_or(0), |i| {
            (!*nulls.add(i)).then(|| *values.add(i))
        })
    }
}

/// The elements of an array of texts, in the current memory context.
///
/// # Safety
/// A non-null text[].
pub unsafe fn texts<'a>(array: sys::Datum) -> &'a [Option<Str>] {
    // SAFETY: the caller's promise.
    let texts = unsafe { elements(array, sys::TYPALIGN_INT) };
    Context::current().alloc_slice(texts.len(), |i| {
        // SAFETY: an element of a text[].
        texts[i].map(|text| unsafe { super::text::text_to_str(text) })
    })
}

/// What a Datum that is passed by reference points to, flat: not compressed, not out of line, not expanded.
///
/// # Safety
/// A value of a type of that length (bytes, -1 for varlena, -2 for cstring) that is passed by reference.
pub unsafe fn flat_bytes<'a>(value: sys::Datum, length: i16) -> &'a [u8] {
    // SAFETY: the caller's promise; pg_detoast_datum returns a varlena whose header has four bytes.
    unsafe {
        match length {
            -1 => {
                let varlena = sys::pg_detoast_datum(value as *mut sys::varlena);
                core::slice::from_raw_parts(
                    varlena.cast(),
                    sys::pgbg_varsize_any_exhdr(varlena) + VARHDRSZ,
                )
            }
            -2 => CStr::from_ptr(value as *const c_char).to_bytes_with_nul(),
            _ => core::slice::from_raw_parts(
                value as *const u8,
                usize::try_from(length).unwrap_or(0),
            ),
        }
    }
}

/// Whether bytes are a flat value of a type of that length, as `flat_bytes` makes them.
pub fn is_flat(bytes: &[u8], length: i16) -> bool {
    match length {
        -1 => {
            let head = bytes.first_chunk::<4>();
            // A header of four bytes says in its other bits that nothing is compressed.
            head.is_some_and(|head| {
                let (flags, len) = varlena_head(u32::from_ne_bytes(*head));
                flags == 0 && len == bytes.len()
            })
        }
        -2 => CStr::from_bytes_with_nul(bytes).is_ok(),
        _ => usize::try_from(length) == Ok(bytes.len()),
    }
}

/// The flags and the length of a varlena's header of four bytes.
const fn varlena_head(word: u32) -> (u32, usize) {
    if cfg!(target_endian = "little") {
        (word & 3, (word >> 2) as usize)
    } else {
        (word >> 30, (word & 0x3FFF_FFFF) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::is_flat;

    #[test]
    fn only_a_plain_header_that_tells_the_length_is_flat() {
        let with = |len: u32, flags: u32| {
            let word = if cfg!(target_endian = "little") {
                len << 2 | flags
            } else {
                len | flags << 30
            };
            [&word.to_ne_bytes()[..], b"abc"].concat()
        };
        assert!(is_flat(&with(7, 0), -1));
        for (len, flags) in [
            (6, 0),
            (8, 0),
            (7, 1),
            (7, 2),
            (7, 3),
            (0, 0),
            (u32::MAX >> 2, 0),
        ] {
            assert!(!is_flat(&with(len, flags), -1), "{len} {flags}");
        }
        assert!(!is_flat(b"", -1) && !is_flat(b"\x10\0\0", -1));
        assert!(is_flat(b"abc\0", -2) && !is_flat(b"abc", -2) && !is_flat(b"a\0c\0", -2));
        assert!(is_flat(b"sixteen bytes ..", 16) && !is_flat(b"fifteen bytes .", 16));
    }
}
