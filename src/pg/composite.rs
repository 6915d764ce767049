//! access/htup_details.h: composite values as arguments.

use super::call::Known;
use super::error::{Report, code};
use super::tuple::Descriptor;
use super::types;
use crate::pg_sys as sys;

/// Takes columns out of composite values by name. Looks the row type up once for values of one type.
pub struct Reader<const N: usize> {
    columns: [Known; N],
    row_type: sys::Oid,
    numbers: [i16; N],
}

impl<const N: usize> Reader<N> {
    /// For these columns.
    pub const fn new(columns: [Known; N]) -> Self {
        Self {
            columns,
            row_type: 0,
            numbers: [0; N],
        }
    }

    /// The values of the columns, None where NULL. 42804 if the row type does not have one of them.
    ///
    /// # Safety
    /// `row` is a non-null value of a composite type.
    pub unsafe fn read(&mut self, row: sys::Datum) -> [Option<sys::Datum>; N] {
        // SAFETY: the caller's promise; a composite value says of which type it is, whatever an argument is declared as.
        let (header, row_type) = unsafe {
            let header =
                sys::pg_detoast_datum(row as *mut sys::varlena).cast::<sys::HeapTupleHeaderData>();
            (header, (*header).t_choice.t_datum.datum_typeid)
        };
        if row_type != self.row_type {
            self.look_up(row_type);
        }
        self.numbers.map(|number| {
            let mut is_null = false;
            // SAFETY: a composite value and a number that its type has.
            let value = unsafe { sys::GetAttributeByNum(header, number, &raw mut is_null) };
            (!is_null).then_some(value)
        })
    }

    fn look_up(&mut self, row_type: sys::Oid) {
        if types::kind(row_type) != sys::TYPTYPE_COMPOSITE {
            refuse(row_type, self.columns[0]);
        }
        let desc = Descriptor::of_row_type(row_type);
        self.numbers = self.columns.map(|(name, type_oid)| {
            let fits = |i: &usize| {
                let column = desc.column(*i);
                !column.is_dropped
                    && column.type_oid == type_oid
                    && column.name.bytes() == name.to_bytes()
            };
            match (0..desc.len()).find(fits) {
                Some(i) => (i + 1) as i16,
                None => refuse(row_type, (name, type_oid)),
            }
        });
        self.row_type = row_type;
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
