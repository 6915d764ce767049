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
            refuse(
                format_args!(
                    "It has more than {MAX_COLUMNS} columns, those included that were dropped."
                ),
                format_args!("DROP EXTENSION and CREATE EXTENSION make it anew."),
            );
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

    /// Of the named row type that a function returns, as it is now; in the current memory context. 42804 if it has columns that are
    /// not known, or others than the executor expects, which would refuse the row in the end.
    pub fn of_type(type_oid: sys::Oid, expected: Option<Descriptor>, known: &[Known]) -> Self {
        types::accept_invalidations();
        let desc = Descriptor::of_row_type(type_oid);
        if expected.is_some_and(|expected| !expected.types().eq(desc.types())) {
            was_altered(type_oid);
        }
        Self::new(desc, known)
    }

    /// A row of it; not of a set's.
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

/// 42804 where a job's rows of that descriptor could not be read as the type is by now. Columns added at the end do no harm, nor
/// `may_be_dropped` those that nobody sees any more.
pub fn check_still(type_oid: sys::Oid, desc: Descriptor, may_be_dropped: bool) {
    if !types::exists(type_oid) {
        cannot_be_read(type_oid);
    }
    let now = Descriptor::of_row_type(type_oid);
    let is_still = |i| {
        let (was, is) = (desc.column(i), now.column(i));
        (was.length, was.alignment) == (is.length, is.alignment)
            && (was.type_oid == is.type_oid || (is.is_dropped && may_be_dropped))
    };
    if desc.len() > now.len() || !(0..desc.len()).all(is_still) {
        cannot_be_read(type_oid);
    }
}

fn cannot_be_read(type_oid: sys::Oid) -> ! {
    Report::error(code::DATATYPE_MISMATCH)
        .message(format_args!(
            "row type {} was altered before the rows of the background job were read",
            types::name(type_oid, -1)
        ))
        .detail(format_args!(
            "The job has succeeded; its rows cannot be read as that type any more."
        ))
        .raise()
}

fn was_altered(type_oid: sys::Oid) -> ! {
    Report::error(code::DATATYPE_MISMATCH)
        .message(format_args!(
            "row type {} was altered while the statement ran",
            types::name(type_oid, -1)
        ))
        .hint(format_args!("Repeat the statement."))
        .raise()
}

fn wants_other_columns(desc: Descriptor, i: usize) -> ! {
    let column = desc.column(i);
    refuse(
        format_args!(
            "Column \"{}\" of type {} is not known.",
            column.name,
            types::name(column.type_oid, column.typmod)
        ),
        format_args!(
            "ALTER EXTENSION pg_background UPDATE, or install the library that goes with the extension's version."
        ),
    )
}

fn refuse(detail: fmt::Arguments<'_>, hint: fmt::Arguments<'_>) -> ! {
    Report::error(code::DATATYPE_MISMATCH)
        .message(format_args!(
            "the function's row type is not of this version of pg_background"
        ))
        .detail(detail)
        .hint(hint)
        .raise()
}
