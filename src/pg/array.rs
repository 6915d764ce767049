//! utils/array.h: arrays of composite values.

use crate::pg_sys as sys;
use core::ffi::c_int;
use core::ptr::null_mut;

/// The elements of a one- or more-dimensional array of a row type, in the current memory context.
#[derive(Clone, Copy)]
pub struct Composites<'a> {
    values: &'a [sys::Datum],
    nulls: &'a [bool],
}

impl Composites<'_> {
    /// # Safety
    /// `datum` is a non-null array of a row type.
    pub unsafe fn of(datum: sys::Datum) -> Self {
        let (mut values, mut nulls, mut count) = (null_mut(), null_mut(), 0);
        // SAFETY: the caller's promise; row types are varlenas aligned as doubles.
        unsafe {
            let array = sys::pg_detoast_datum(datum as *mut sys::varlena).cast::<sys::ArrayType>();
            sys::deconstruct_array(
                array,
                (*array).elemtype,
                -1,
                false,
                b'd' as core::ffi::c_char,
                &raw mut values,
                &raw mut nulls,
                &raw mut count,
            );
            if count == 0 {
                return Self {
                    values: &[],
                    nulls: &[],
                };
            }
            Self {
                values: core::slice::from_raw_parts(values, count as usize),
                nulls: core::slice::from_raw_parts(nulls, count as usize),
            }
        }
    }

    /// How many.
    pub fn len(self) -> usize {
        self.values.len()
    }

    /// The attribute with a number, from 1, of the element at `i`; None if either is NULL.
    fn attribute(self, i: usize, number: c_int) -> Option<sys::Datum> {
        if *self.nulls.get(i)? {
            return None;
        }
        let row = *self.values.get(i)?;
        let mut is_null = false;
        // SAFETY: a non-null composite value; GetAttributeByNum raises for a number that it does not have.
        let value = unsafe {
            let header =
                sys::pg_detoast_datum(row as *mut sys::varlena).cast::<sys::HeapTupleHeaderData>();
            sys::GetAttributeByNum(header, number as sys::AttrNumber, &raw mut is_null)
        };
        (!is_null).then_some(value)
    }

    /// An int4 attribute.
    pub fn int32(self, i: usize, number: c_int) -> Option<i32> {
        self.attribute(i, number).map(|datum| datum as i32)
    }

    /// An int8 attribute.
    pub fn int64(self, i: usize, number: c_int) -> Option<i64> {
        self.attribute(i, number)
            // SAFETY: not null, and an int8 that the row's detoasted copy holds if it is not passed by value.
            .map(|datum| unsafe { sys::pgbg_datum_get_int64(datum) })
    }
}
