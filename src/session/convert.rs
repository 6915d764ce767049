//! From the columns that a job sends to those that the caller declared: docs/REFERENCE.md, 42804.

use super::job::{Column, Columns};
use crate::channel::wire::tuple::Attribute;
use crate::pg::call::datum;
use crate::pg::error::{Report, code};
use crate::pg::layout;
use crate::pg::memory::Context;
use crate::pg::tuple::{self, Descriptor};
use crate::pg::types::{self, Coercion, Function};
use crate::pg_sys as sys;
use core::ffi::c_void;
use core::ptr::NonNull;

/// What has to be done with a column's values.
#[derive(Clone, Copy)]
enum Step {
    Pass,
    /// Through the output function; the column is declared text.
    Text(Function),
    /// The declared typmod is another.
    Length(Function, i32),
    /// Output, then input: for what only an input function does (elements of arrays, domains with a typmod).
    Reinput {
        output: Function,
        input: sys::Oid,
        io_param: sys::Oid,
        typmod: i32,
    },
    /// The declared type is a domain.
    Domain(sys::Oid, *mut c_void),
}

/// How to convert a whole row, in the caller's memory context.
#[derive(Clone, Copy)]
pub struct Plan {
    steps: NonNull<[Step]>,
    /// The columns as they come.
    pub source: Descriptor,
    /// Where the declared row has each of them, if it has dropped columns as well.
    places: Option<NonNull<[usize]>>,
    context: Context,
}

/// Whether every value can be passed on as it comes, so that nothing needs looking up: the types are those declared, and
/// so are the typmods where any is declared.
pub fn is_exact(columns: Columns<'_>, declared: Descriptor) -> bool {
    columns.0.len() == declared.len()
        && columns.0.iter().enumerate().all(|(i, column)| {
            let wanted = declared.column(i);
            wanted.type_oid == column.type_oid
                && (wanted.typmod == column.typmod || wanted.typmod < 0)
        })
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

/// Decides for each column, or raises 42804. Nothing is consumed by failing here.
pub fn plan(columns: Columns<'_>, declared: Descriptor) -> Plan {
    types::accept_invalidations();
    let count = columns.0.len();
    let wanted = declared.live_columns(Context::current());
    if count != wanted.len() {
        Report::error(code::DATATYPE_MISMATCH)
            .message(format_args!(
                "column definition list does not match the rows of the background job"
            ))
            .detail(format_args!(
                "The job returns {count} column{}, the list has {}.",
                if count == 1 { "" } else { "s" },
                wanted.len()
            ))
            .raise();
    }
    let source = own(columns);
    check_layouts(columns);
    let context = Context::current();
    let steps = context.alloc_slice(count, |i| {
        step(i, &columns.0[i], declared.column(wanted[i]), context)
    });
    Plan {
        steps: NonNull::from(steps),
        source,
        places: (wanted.len() != declared.len()).then(|| NonNull::from(wanted)),
        context,
    }
}

/// A descriptor of the columns as they come, in the current memory context. 42804 if a type is gone.
pub fn own(columns: Columns<'_>) -> Descriptor {
    types::accept_invalidations();
    for (i, column) in columns.0.iter().enumerate() {
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
    Descriptor::build(columns.0.len(), |i| match columns.0.get(i) {
        Some(column) => (column.name.as_ptr(), column.type_oid, column.typmod),
        None => unreachable!(),
    })
}

/// Makes sure that rows inside of values are still laid out as their types say, or raises 42804: nobody could read them.
pub fn check_layouts(columns: Columns<'_>) {
    if columns.0.iter().all(|column| column.layout == 0) {
        return;
    }
    types::accept_invalidations();
    for (i, column) in columns.0.iter().enumerate() {
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

fn step(i: usize, column: &Column, declared: tuple::Column, context: Context) -> Step {
    let same_type = column.type_oid == declared.type_oid;
    if same_type && column.typmod == declared.typmod {
        return Step::Pass;
    }
    if same_type && declared.typmod < 0 {
        return Step::Pass;
    }
    if same_type {
        return length_step(column.type_oid, declared.typmod, context);
    }
    if declared.type_oid == sys::TEXTOID {
        return Step::Text(Function::output(column.type_oid, context));
    }
    let (declared_base, declared_typmod) = types::base(declared.type_oid, declared.typmod);
    let (column_base, column_typmod) = types::base(column.type_oid, column.typmod);
    if column_base == declared_base {
        let is_domain = declared.type_oid != declared_base;
        let is_longer = declared_typmod >= 0 && declared_typmod != column_typmod;
        return match (is_domain, is_longer) {
            // A domain's value where its base type is declared.
            (false, false) => Step::Pass,
            (false, true) => length_step(column_base, declared_typmod, context),
            (true, false) => Step::Domain(declared.type_oid, types::NO_CACHE),
            // The domain's input function applies the typmod and checks.
            (true, true) => reinput_step(column.type_oid, declared.type_oid, -1, context),
        };
    }
    Report::error(code::DATATYPE_MISMATCH)
        .message(format_args!(
            "column definition list does not match the rows of the background job"
        ))
        .detail(format_args!(
            "Column {} (\"{}\") is of type {}, but is declared as {}.",
            i + 1,
            column.name,
            types::name(column.type_oid, column.typmod),
            types::name(declared.type_oid, declared.typmod),
        ))
        .hint(format_args!(
            "Declare the column with its own type, or as text."
        ))
        .raise()
}

/// Applies a typmod to values of the type, as an implicit cast does.
fn length_step(type_oid: sys::Oid, typmod: i32, context: Context) -> Step {
    match Function::length_coercion(type_oid, context) {
        None => Step::Pass,
        Some((function, Coercion::Value)) => Step::Length(function, typmod),
        Some((_, Coercion::Elements)) => reinput_step(type_oid, type_oid, typmod, context),
    }
}

/// Writes values out as one type and reads them in as another.
fn reinput_step(from: sys::Oid, to: sys::Oid, typmod: i32, context: Context) -> Step {
    let (input, io_param) = types::input(to);
    Step::Reinput {
        output: Function::output(from, context),
        input,
        io_param,
        typmod,
    }
}

impl Plan {
    /// A converted row as `declared` wants it, in the current memory context: dropped columns are null.
    pub fn spread<'a>(
        &self,
        declared: Descriptor,
        values: &'a [sys::Datum],
        nulls: &'a [bool],
    ) -> (&'a [sys::Datum], &'a [bool]) {
        let Some(places) = self.places else {
            return (values, nulls);
        };
        let context = Context::current();
        let spread_values = context.alloc_slice(declared.len(), |_| 0);
        let spread_nulls = context.alloc_slice(declared.len(), |_| true);
        // SAFETY: the places live as long as the plan's context.
        for (i, place) in unsafe { places.as_ref() }.iter().enumerate() {
            spread_values[*place] = values[i];
            spread_nulls[*place] = nulls[i];
        }
        (spread_values, spread_nulls)
    }

    /// Converts one row's values in place. New values are in the current memory context.
    ///
    /// # Safety
    /// The arrays hold a row of `source`.
    pub unsafe fn convert(&mut self, values: &mut [sys::Datum], nulls: &[bool]) {
        // SAFETY: the steps live as long as the plan's context, and nobody else uses them meanwhile.
        let steps = unsafe { self.steps.as_mut() };
        for ((step, value), null) in steps.iter_mut().zip(values).zip(nulls) {
            match step {
                Step::Domain(domain, cache) => {
                    // SAFETY: the value is of the domain's base type, as `step` has made sure.
                    unsafe {
                        types::check_domain((!null).then_some(*value), *domain, cache, self.context)
                    };
                }
                _ if *null => {}
                Step::Pass => {}
                Step::Text(function) => {
                    // SAFETY: the output function of the column's type.
                    let text = unsafe { function.call_output(*value) };
                    *value = datum::text(text).unwrap_or(0);
                }
                Step::Length(function, typmod) => {
                    // SAFETY: the length coercion function of the column's type.
                    *value = unsafe { function.call_length_coercion(*value, *typmod) };
                }
                Step::Reinput {
                    output,
                    input,
                    io_param,
                    typmod,
                } => {
                    // SAFETY: the output function of the column's type, and an input function with its own parameter.
                    *value = unsafe {
                        types::call_input(*input, output.call_output(*value), *io_param, *typmod)
                    };
                }
            }
        }
    }
}
