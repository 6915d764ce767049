//! From the columns that a job has to those that the caller declared: docs/REFERENCE.md, 42804.

use super::columns::{Column, Columns};
use crate::pg::error::{Report, code};
use crate::pg::memory::Context;
use crate::pg::projection::{Expression, Projection};
use crate::pg::text::Str;
use crate::pg::tuple::{self, Descriptor};
use crate::pg::types::{self, JSONB, TEXT};

/// How rows of `source`, which has a job's columns, are turned into declared ones. Raises 42804 where the list does not fit.
/// Everything lives in the current memory context.
///
/// The values are converted by the very expressions that an assignment has, so never by way of a text that depends on
/// settings, but for what is declared text.
pub fn plan(columns: Columns<'_>, source: Descriptor, declared: Descriptor) -> Projection {
    let context = Context::current();
    let mut next = 0;
    let wanted = (0..declared.len())
        .filter(|i| !declared.column(*i).is_dropped)
        .count();
    if columns.0.len() != wanted {
        refuse(columns, |mismatch| {
            let count = columns.0.len();
            mismatch.detail(format_args!(
                "The job returns {count} column{}, the list has {wanted}.",
                if count == 1 { "" } else { "s" },
            ))
        });
    }
    let expressions = context.alloc_slice(declared.len(), |i| {
        let declared = declared.column(i);
        if declared.is_dropped {
            return Expression::null();
        }
        next += 1;
        expression(next - 1, columns, source, declared)
    });
    Projection::new(source, declared, expressions)
}

/// How rows of `source` are turned into those that cross.
pub fn crossing(columns: Columns<'_>, source: Descriptor) -> (Projection, Descriptor) {
    let crossing = columns.descriptor();
    (plan(columns, source, crossing), crossing)
}

/// How rows of `source` are turned into JSON objects, and the descriptor of these.
pub fn as_json(source: Descriptor) -> (Projection, Descriptor) {
    let json = Descriptor::build(1, |_| (c"json".as_ptr(), JSONB, -1));
    let object = Expression::row_as_jsonb(source);
    (Projection::new(source, json, &[object]), json)
}

fn expression(
    i: usize,
    columns: Columns<'_>,
    source: Descriptor,
    declared: tuple::Column,
) -> Expression {
    let column = &columns.0[i];
    let own = source.column(i);
    let mut value = Expression::column(i, &own);
    if own.type_oid != column.type_oid {
        value = value.as_text();
    }
    let is_same_type = column.type_oid == declared.type_oid;
    if is_same_type && (declared.typmod == column.typmod || declared.typmod < 0) {
        return value;
    }
    if declared.type_oid == TEXT {
        return value.as_text();
    }
    // A domain where its base type is declared or the other way round, and another typmod: what else can be assigned
    // would change the value.
    let is_related =
        types::base(column.type_oid, -1).0 == types::base(declared.type_oid, declared.typmod).0;
    let assigned = if is_related {
        value.assigned(column.type_oid, declared.type_oid, declared.typmod)
    } else {
        None
    };
    assigned.unwrap_or_else(|| refuse_column(i, columns, declared))
}

fn refuse_column(i: usize, columns: Columns<'_>, declared: tuple::Column) -> ! {
    let column = &columns.0[i];
    refuse(columns, |mismatch| {
        mismatch.detail(format_args!(
            "Column {} (\"{}\") is of type {}, but is declared as {}.",
            i + 1,
            column.name,
            own_type(column),
            types::name(declared.type_oid, declared.typmod),
        ))
    })
}

/// The name of the type that a column has in the job, unless that is gone.
fn own_type(column: &Column) -> Str {
    if column.own_type == column.type_oid {
        types::name(column.type_oid, column.typmod)
    } else {
        types::name(column.own_type, -1)
    }
}

fn refuse(columns: Columns<'_>, detail: impl FnOnce(Report) -> Report) -> ! {
    let report = Report::error(code::DATATYPE_MISMATCH).message(format_args!(
        "column definition list does not match the rows of the background job"
    ));
    let report = detail(report);
    if columns.0.is_empty() {
        report.raise();
    }
    report
        .hint(format_args!(
            "The right list is AS ({}), where each type may be text instead.",
            columns.list()
        ))
        .raise()
}
