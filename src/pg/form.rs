//! access/htup_details.h: making rows of values.

use super::error::{Report, code};
use super::tuple::{Descriptor, MINIMAL_TUPLE_OFFSET, MinimalTuple};
use crate::pg_sys as sys;
use crate::pg_sys::alignment::SERVER;
use core::ptr::{NonNull, null_mut};

/// MaxAllocSize: no tuple is larger.
const MAX_LENGTH: usize = 0x3FFF_FFFF;

/// heap_form_minimal_tuple in two steps, for the caller to say where the tuple comes to lie.
#[derive(Clone, Copy)]
pub struct Form<'a> {
    desc: Descriptor,
    values: &'a [sys::Datum],
    nulls: &'a [bool],
    /// Bytes of the header with the bitmap of nulls, if there is one.
    header: usize,
    has_null: bool,
    /// Bytes of the values.
    data: usize,
}

impl<'a> Form<'a> {
    /// Finds out how large the tuple will be. Raises 54000 if no tuple can be.
    ///
    /// # Safety
    /// Each value that is not null is one of its column's type.
    pub unsafe fn new(desc: Descriptor, values: &'a [sys::Datum], nulls: &'a [bool]) -> Self {
        assert!(values.len() == desc.len() && nulls.len() == desc.len());
        let has_null = nulls.contains(&true);
        let bitmap = if has_null { desc.len().div_ceil(8) } else { 0 };
        let header = SERVER.maxalign(SERVER.minimal_tuple_header() + bitmap);
        // SAFETY: the arrays are as long as the descriptor; the caller's promise. They are only read.
        let data = unsafe {
            sys::heap_compute_data_size(
                desc.as_ptr(),
                values.as_ptr().cast_mut(),
                nulls.as_ptr().cast_mut(),
            )
        };
        let form = Self {
            desc,
            values,
            nulls,
            header,
            has_null,
            data,
        };
        // Newer minor releases raise this in heap_compute_data_size; older ones leave it to whoever allocates.
        if data > MAX_LENGTH - header {
            Report::error(code::PROGRAM_LIMIT_EXCEEDED)
                .message(format_args!("tuple is too big"))
                .detail(format_args!(
                    "It takes {} bytes, the limit is {MAX_LENGTH}.",
                    data.saturating_add(header)
                ))
                .raise();
        }
        form
    }

    /// Bytes that the tuple takes.
    pub fn length(self) -> usize {
        self.header + self.data
    }

    /// Writes the tuple.
    ///
    /// # Safety
    /// `to` is MAXALIGNed, with `length` bytes for nobody else, alive for `'b`.
    pub unsafe fn write<'b>(self, to: NonNull<u8>) -> MinimalTuple<'b> {
        let tuple = to.cast::<sys::MinimalTupleData>().as_ptr();
        // SAFETY: the caller's promise; the header and its bitmap fit before the data, as `new` has reckoned. What pads the
        // values has to be zero: PostgreSQL tells by it whether a varlena's header is a short one.
        unsafe {
            to.write_bytes(0, self.length());
            (*tuple).t_len = self.length() as u32;
            (*tuple).t_infomask2 = self.desc.len() as u16;
            (*tuple).t_hoff = (self.header + MINIMAL_TUPLE_OFFSET) as u8;
            let bits = if self.has_null {
                to.add(SERVER.minimal_tuple_header()).as_ptr()
            } else {
                null_mut()
            };
            sys::heap_fill_tuple(
                self.desc.as_ptr(),
                self.values.as_ptr().cast_mut(),
                self.nulls.as_ptr().cast_mut(),
                to.add(self.header).as_ptr().cast(),
                self.data,
                &raw mut (*tuple).t_infomask,
                bits,
            );
            MinimalTuple::from_ptr(tuple)
        }
    }
}

/// A composite value in the current memory context. `desc` is blessed or of a named type.
pub fn form_composite(desc: Descriptor, values: &[sys::Datum], nulls: &[bool]) -> sys::Datum {
    assert!(values.len() == nulls.len() && values.len() == desc.len());
    // SAFETY: the arrays are as long as the descriptor, whose types the caller kept to; heap_copy_tuple_as_datum flattens
    // what needs it.
    unsafe {
        let tuple = sys::heap_form_tuple(
            desc.as_ptr(),
            values.as_ptr().cast_mut(),
            nulls.as_ptr().cast_mut(),
        );
        sys::heap_copy_tuple_as_datum(tuple, desc.as_ptr())
    }
}

/// A value fetched from out-of-line storage, if it was there. The result is in the current memory context, or the value
/// itself.
///
/// # Safety
/// A non-null varlena Datum.
pub unsafe fn fetch_external(value: sys::Datum) -> sys::Datum {
    let varlena = value as *mut sys::varlena;
    // SAFETY: the caller's promise.
    unsafe {
        if sys::pgbg_varatt_is_external(varlena) {
            sys::detoast_external_attr(varlena) as sys::Datum
        } else {
            value
        }
    }
}
