//! The columns of a job's rows, as they cross from the worker to the launcher.

use super::layout;
use crate::channel::wire::response::Description;
use crate::channel::wire::tuple::Attribute;
use crate::pg::error::{Report, code};
use crate::pg::memory::Context;
use crate::pg::text::{Str, Text};
use crate::pg::tuple::Descriptor;
use crate::pg::types::{self, TEXT};
use crate::pg::{Oid, encoding};
use core::ffi::c_int;
use core::fmt::Write;
use core::ptr::NonNull;

/// All of them, as they were described or will be.
#[derive(Clone, Copy)]
pub struct Columns<'a>(pub &'a [Column]);

/// One of them.
#[derive(Clone, Copy)]
pub struct Column {
    pub name: Str,
    pub type_oid: Oid,
    pub typmod: i32,
    /// The type that it has in the job; another where its values cross as text.
    pub own_type: Oid,
    /// How rows in its values are laid out: `rows::layout`.
    pub layout: u64,
}

impl Columns<'_> {
    /// Those of a statement that starts, in the current memory context, with names that live as long as the descriptor.
    /// record and record[] cross as text: what their typmods mean, no other process knows. So does whatever may have rows
    /// of any type inside, anyarray above all: the launcher could not see that such a type was altered.
    pub fn of_statement(desc: Descriptor) -> Self {
        Self(Context::current().alloc_slice(desc.len(), |i| {
            let column = desc.column(i);
            let (type_oid, typmod) = if layout::is_unknowable(&column) {
                (TEXT, -1)
            } else {
                (column.type_oid, column.typmod)
            };
            Column {
                name: column.name,
                type_oid,
                typmod,
                own_type: column.type_oid,
                layout: layout::of(type_oid),
            }
        }))
    }

    /// Those that a worker has announced, in `context`.
    pub fn of_description(description: &Description<'_>, context: Context) -> Self {
        let encoding = c_int::from(description.encoding());
        let columns = description.columns().map(|column| Column {
            name: encoding::to_database(context, column.name, encoding),
            type_oid: column.type_oid,
            typmod: column.typmod,
            own_type: column.own_type,
            layout: column.layout,
        });
        // The decoder has counted them.
        Self(context.alloc_from(description.len(), columns))
    }

    /// The same columns, converted to those of `declared`.
    pub fn converted(self, declared: Descriptor) -> Self {
        Self(Context::current().alloc_slice(declared.len(), |i| {
            let column = declared.column(i);
            Column {
                name: self.0.get(i).map_or(column.name, |own| own.name),
                type_oid: column.type_oid,
                typmod: column.typmod,
                own_type: column.type_oid,
                layout: layout::of(column.type_oid),
            }
        }))
    }

    /// Whether all cross as what they are.
    pub fn cross_as_they_are(self) -> bool {
        self.0
            .iter()
            .all(|column| column.type_oid == column.own_type)
    }

    /// Whether every value can be passed on as it comes, so that nothing needs looking up: the types are those declared,
    /// and so are the typmods where any is declared.
    pub fn are_exactly(self, mut declared: impl Iterator<Item = (Oid, i32)>) -> bool {
        let are_those = self.0.iter().all(|column| {
            declared.next().is_some_and(|(type_oid, typmod)| {
                type_oid == column.type_oid && (typmod == column.typmod || typmod < 0)
            })
        });
        are_those && declared.next().is_none()
    }

    /// A descriptor of them, in the current memory context. 42804 if a type is gone.
    pub fn descriptor(self) -> Descriptor {
        types::accept_invalidations();
        for (i, column) in self.0.iter().enumerate() {
            if !types::exists(column.type_oid) {
                Report::error(code::DATATYPE_MISMATCH)
                    .message(format_args!(
                        "column {} of the background job has a type that does not exist any more",
                        i + 1
                    ))
                    .detail(format_args!(
                        "Column \"{}\" has the type with OID {}.",
                        column.name, column.type_oid
                    ))
                    .raise();
            }
        }
        Descriptor::build(self.0.len(), |i| match self.0.get(i) {
            Some(column) => (column.name.as_ptr(), column.type_oid, column.typmod),
            None => unreachable!(),
        })
    }

    /// Makes sure that rows inside of values are still laid out as their types say, or raises 42804: nobody could read them.
    pub fn check_layouts(self) {
        if self.0.iter().all(|column| column.layout == 0) {
            return;
        }
        types::accept_invalidations();
        for (i, column) in self.0.iter().enumerate() {
            if !layout::is_still(column.type_oid, column.layout) {
                Report::error(code::DATATYPE_MISMATCH)
                    .message(format_args!(
                        "column {} of the background job has a row type that has changed since",
                        i + 1
                    ))
                    .detail(format_args!(
                        "Column \"{}\" is of type {}, which was altered after the job had made its rows.",
                        column.name,
                        types::name(column.type_oid, column.typmod),
                    ))
                    .hint(format_args!("Run the job again."))
                    .raise();
            }
        }
    }

    /// The column definition list that fits, as stands in the parentheses behind AS.
    pub fn list(self) -> Str {
        let mut list = Text::new();
        for (i, column) in self.0.iter().enumerate() {
            if i > 0 {
                list.push(b", ");
            }
            list.push(column.name_in_list(i, &self.0[..i]).quoted().bytes());
            list.push(b" ");
            list.push(column.type_in_list().bytes());
        }
        list.into_str()
    }
}

impl Column {
    /// The type that it can be declared with: pseudo-types, which no list may have, as text.
    fn type_in_list(&self) -> Str {
        if types::is_pseudo(self.type_oid) {
            return Str::from_static(c"text");
        }
        types::name(self.type_oid, self.typmod)
    }

    /// A list has no name twice.
    fn name_in_list(&self, i: usize, before: &[Self]) -> Str {
        let is_taken = before
            .iter()
            .any(|other| other.name.bytes() == self.name.bytes());
        if !is_taken && !self.name.bytes().is_empty() {
            return self.name;
        }
        let mut name = Text::new();
        name.push(self.name.bytes());
        // Writing to a Text fails by ereport alone.
        let _ = write!(name, "_{}", i + 1);
        name.into_str()
    }
}

/// What rows of the given columns are checked against, in the current memory context.
pub fn attributes(desc: Descriptor) -> NonNull<[Attribute]> {
    let attributes = Context::current().alloc_slice(desc.len(), |i| {
        let column = desc.column(i);
        match Attribute::from_catalog(column.length, column.alignment) {
            Some(attribute) => attribute,
            None => unreachable!(),
        }
    });
    NonNull::from(attributes)
}
