//! access/tupdesc.h: which of our columns a row type has, and where.

use super::error::{Report, code};
use super::form::form_composite;
use super::tuple::Descriptor;
use super::types;
use crate::pg_sys as sys;
use core::cell::Cell;
use core::ffi::CStr;
use core::fmt;
use core::ptr;

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

    /// Of the named row type that a function returns, as it is now; in the current memory context, or as `expected`, if the executor
    /// has made that of the type. 42804 if it has columns that are not known, or others than the executor expects, which would refuse
    /// the row in the end.
    pub fn of_type(
        type_oid: sys::Oid,
        expected: Option<Descriptor>,
        known: &'static [Known],
    ) -> Self {
        types::accept_invalidations();
        let version = types::row_type_version(type_oid);
        let of_type = expected.filter(|expected| expected.named_type() == Some(type_oid));
        if let Some(shape) = of_type.and_then(|expected| LAST.shape(expected, version, known)) {
            return shape;
        }
        let desc = Descriptor::of_row_type(type_oid);
        if expected.is_some_and(|expected| !expected.types().eq(desc.types())) {
            was_altered(type_oid);
        }
        let shape = Self::new(desc, known);
        LAST.set(&shape, version, known);
        shape
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

/// What was found last about a row type with a name. A session that calls one function again and again need not look at each column's
/// name each time.
struct Last {
    /// typcache.c's number for the type and what it was then; 0 for nothing.
    version: Cell<u64>,
    /// Which columns of ours it was compared with.
    known: Cell<*const [Known]>,
    len: Cell<usize>,
    types: Cell<[(sys::Oid, i32); MAX_COLUMNS]>,
    sources: Cell<[u8; MAX_COLUMNS]>,
}

// SAFETY: a backend has one thread, and no signal handler touches this.
unsafe impl Sync for Last {}

static LAST: Last = Last {
    version: Cell::new(0),
    known: Cell::new(&[]),
    len: Cell::new(0),
    types: Cell::new([(0, 0); MAX_COLUMNS]),
    sources: Cell::new([DROPPED; MAX_COLUMNS]),
};

impl Last {
    fn set(&self, shape: &Shape, version: u64, known: &'static [Known]) {
        let mut types = [(0, 0); MAX_COLUMNS];
        types
            .iter_mut()
            .zip(shape.desc.types())
            .for_each(|(to, from)| *to = from);
        self.known.set(known);
        self.len.set(shape.desc.len());
        self.types.set(types);
        self.sources.set(shape.sources);
        self.version.set(version);
    }

    /// The shape of rows that the executor expects, if it is of the type of that version, and that was looked at last.
    fn shape(&self, desc: Descriptor, version: u64, known: &[Known]) -> Option<Shape> {
        // SAFETY: nobody sets it before this has returned.
        let types = unsafe { &*self.types.as_ptr() };
        (self.version.get() == version
            && ptr::eq(self.known.get(), known)
            && desc.types().eq(types.iter().take(self.len.get()).copied()))
        .then(|| Shape {
            desc,
            sources: self.sources.get(),
        })
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
