//! access/tupdesc.h: which of our columns a row type has, and where.

use super::error::{Report, code};
use super::form::form_composite;
use super::tuple::Descriptor;
use super::types;
use crate::pg_sys as sys;
use core::ffi::CStr;
use core::fmt;

/// More columns than any row type of ours has.
pub const MAX_COLUMNS: usize = 32;

/// Name and type of a column of ours.
pub type Known = (&'static CStr, sys::Oid);

/// Where a row type has which of our columns. Scripts of other versions declare fewer of them, or in another order.
#[derive(Clone, Copy)]
pub struct Shape {
    desc: Descriptor,
    /// For each of its columns the number of ours, or DROPPED.
    sources: [u8; MAX_COLUMNS],
}

/// A column that ALTER TYPE has dropped stays in the row type, as a NULL that nobody sees.
const DROPPED: u8 = u8::MAX;

impl Shape {
    /// 42804 if it wants others than we know.
    pub fn new(desc: Descriptor, known: &[Known]) -> Self {
        if desc.len() > MAX_COLUMNS {
            refuse(format_args!(
                "It has more than {MAX_COLUMNS} columns, those included that were dropped."
            ));
        }
        let mut sources = [DROPPED; MAX_COLUMNS];
        for i in 0..desc.len() {
            let wanted = desc.column(i);
            if wanted.is_dropped {
                continue;
            }
            let fits = |at: &usize| {
                known.get(*at).is_some_and(|(name, type_oid)| {
                    *type_oid == wanted.type_oid && name.to_bytes() == wanted.name.bytes()
                })
            };
            let found = Some(i).filter(fits).or_else(|| (0..known.len()).find(fits));
            let (Some(at), Some(source)) = (found, sources.get_mut(i)) else {
                wants_other_columns(desc, i)
            };
            *source = at as u8;
        }
        Self { desc, sources }
    }

    /// A row of it.
    pub fn row(&self, columns: &[Option<sys::Datum>]) -> sys::Datum {
        let (values, nulls) = self.arrange(columns);
        let natts = self.desc.len().min(MAX_COLUMNS);
        form_composite(self.desc, &values[..natts], &nulls[..natts])
    }

    /// Values and nulls of a row of it.
    pub fn arrange(
        &self,
        columns: &[Option<sys::Datum>],
    ) -> ([sys::Datum; MAX_COLUMNS], [bool; MAX_COLUMNS]) {
        let mut values = [0; MAX_COLUMNS];
        let mut nulls = [true; MAX_COLUMNS];
        for ((source, value), null) in self.sources.iter().zip(&mut values).zip(&mut nulls) {
            if let Some(Some(column)) = columns.get(usize::from(*source)) {
                *value = *column;
                *null = false;
            }
        }
        (values, nulls)
    }
}

fn wants_other_columns(desc: Descriptor, i: usize) -> ! {
    let column = desc.column(i);
    refuse(format_args!(
        "Column \"{}\" of type {} is not known.",
        column.name,
        types::name(column.type_oid, column.typmod)
    ))
}

fn refuse(detail: fmt::Arguments<'_>) -> ! {
    Report::error(code::DATATYPE_MISMATCH)
        .message(format_args!("the function's row type is not of this version of pg_background"))
        .detail(detail)
        .hint(format_args!("ALTER EXTENSION pg_background UPDATE, or install the library that goes with the extension's version."))
        .raise()
}
