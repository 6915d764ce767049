//! access/htup_details.h: composite values as arguments.

use super::error::{Report, code};
use super::memory::Context;
use super::shape::Known;
use super::tuple::Descriptor;
use super::types;
use crate::pg_sys as sys;

/// Takes columns out of composite values by name. Looks the row type up once for values of one type.
pub struct Reader<const N: usize> {
    columns: [Known; N],
    row_type: Option<RowType<N>>,
}

/// A row type, and room for a value of it, in the memory context in which the reader first met it.
struct RowType<const N: usize> {
    oid: sys::Oid,
    desc: Descriptor,
    /// Where the columns are.
    places: [usize; N],
    values: &'static mut [sys::Datum],
    nulls: &'static mut [bool],
}

impl<const N: usize> Reader<N> {
    /// For these columns.
    pub const fn new(columns: [Known; N]) -> Self {
        Self {
            columns,
            row_type: None,
        }
    }

    /// The values of the columns, None where NULL. 42804 if the row type does not have one of them.
    ///
    /// # Safety
    /// `row` is a non-null value of a composite type. The memory context is the one of the reader's first call.
    pub unsafe fn read(&mut self, row: sys::Datum) -> [Option<sys::Datum>; N] {
        // SAFETY: the caller's promise; a composite value says of which type it is, whatever an argument is declared as.
        let (header, oid) = unsafe {
            let header =
                sys::pg_detoast_datum(row as *mut sys::varlena).cast::<sys::HeapTupleHeaderData>();
            (header, (*header).t_choice.t_datum.datum_typeid)
        };
        let row_type = match &mut self.row_type {
            Some(row_type) if row_type.oid == oid => row_type,
            other => other.insert(RowType::look_up(oid, &self.columns)),
        };
        // SAFETY: a flat value of that type; the room is for one.
        unsafe { deform(row_type.desc, header, row_type.values, row_type.nulls) };
        row_type
            .places
            .map(|i| (!row_type.nulls[i]).then_some(row_type.values[i]))
    }
}

impl<const N: usize> RowType<N> {
    fn look_up(oid: sys::Oid, columns: &[Known; N]) -> Self {
        if types::kind(oid) != sys::TYPTYPE_COMPOSITE {
            refuse(oid, columns[0]);
        }
        let desc = Descriptor::of_row_type(oid);
        let places = columns.map(|(name, type_oid)| {
            let fits = |i: &usize| {
                let column = desc.column(*i);
                !column.is_dropped
                    && column.type_oid == type_oid
                    && column.name.bytes() == name.to_bytes()
            };
            (0..desc.len())
                .find(fits)
                .unwrap_or_else(|| refuse(oid, (name, type_oid)))
        });
        let context = Context::current();
        Self {
            oid,
            desc,
            places,
            values: context.alloc_slice(desc.len(), |_| 0),
            nulls: context.alloc_slice(desc.len(), |_| true),
        }
    }
}

/// Bytes of a varlena's header as pg_detoast_datum leaves it.
pub const VARHDRSZ: usize = 4;

/// heap_deform_tuple of a composite value.
///
/// # Safety
/// A flat value of that row type, and as many entries as that has columns.
pub unsafe fn deform(
    desc: Descriptor,
    row: *mut sys::HeapTupleHeaderData,
    values: &mut [sys::Datum],
    nulls: &mut [bool],
) {
    // SAFETY: the caller's promise; its length is that of header and contents.
    unsafe {
        let mut tuple: sys::HeapTupleData = core::mem::zeroed();
        tuple.t_len = (sys::pgbg_varsize_any_exhdr(row.cast()) + VARHDRSZ) as u32;
        tuple.t_data = row;
        sys::heap_deform_tuple(
            &raw mut tuple,
            desc.as_ptr(),
            values.as_mut_ptr(),
            nulls.as_mut_ptr(),
        );
    }
}

fn refuse(row_type: sys::Oid, (name, type_oid): Known) -> ! {
    Report::error(code::DATATYPE_MISMATCH)
        .message(format_args!(
            "type {} is not of this version of pg_background",
            types::name(row_type, -1)
        ))
        .detail(format_args!(
            "It has no column \"{}\" of type {}.",
            name.to_str().unwrap_or("???"),
            types::name(type_oid, -1)
        ))
        .raise()
}
