//! The columns that a caller declares when it launches: they travel with the request.

use super::columns::Columns;
use super::convert;
use super::layout;
use crate::channel::wire::expected::{self, Column, Expected};
use crate::pg::error::{Report, code};
use crate::pg::memory::Context;
use crate::pg::projection::Projection;
use crate::pg::text::Text;
use crate::pg::tuple::Descriptor;
use crate::pg::types;
use core::ptr::null;

/// The declared columns, but for dropped ones, which nobody sends; in the current memory context.
pub fn of<'a>(declared: Descriptor) -> Expected<'a> {
    let live = || {
        (0..declared.len())
            .map(|i| declared.column(i))
            .filter(|column| !column.is_dropped)
    };
    let mut section = Text::new();
    section.push(&expected::columns_head(
        u32::try_from(live().count()).unwrap_or(u32::MAX),
    ));
    for column in live() {
        let column = Column {
            type_oid: column.type_oid,
            typmod: column.typmod,
            layout: layout::of(column.type_oid),
        };
        section.push(&column.encode());
    }
    let section = Context::current().copy_bytes(section.bytes());
    Expected::decode(section).unwrap_or_else(|malformed| {
        Report::error(code::INTERNAL_ERROR)
            .message(format_args!("{malformed}"))
            .raise()
    })
}

/// Makes sure, when a job's transaction starts, that it sees the declared types as its caller does: 42804.
pub fn check(expected: Expected<'_>) {
    let Expected::Columns(columns) = expected else {
        return;
    };
    for (i, column) in columns.iter().enumerate() {
        if !types::may_change(column.type_oid) {
            continue;
        }
        if !types::exists(column.type_oid) {
            refuse(i, |report| {
                report.detail(format_args!(
                    "It is the type with OID {}, which is not there for the job.",
                    column.type_oid
                ))
            });
        }
        if !layout::is_still(column.type_oid, column.layout) {
            refuse(i, |report| {
                report.detail(format_args!(
                    "It is {}, a row type that was altered when or after the job was launched.",
                    types::name(column.type_oid, column.typmod)
                ))
            });
        }
    }
}

fn refuse(i: usize, detail: impl FnOnce(Report) -> Report) -> ! {
    let report = Report::error(code::DATATYPE_MISMATCH).message(format_args!(
        "column {} is declared with a type that the background job cannot see",
        i + 1
    ));
    detail(report)
        .hint(format_args!(
            "A job sees what is committed: commit the transaction that made or altered the type before you run the job."
        ))
        .raise()
}

/// Whether turning a command tag into what is declared may call a function of a user's.
pub fn may_call_users_code(expected: Expected<'_>) -> bool {
    matches!(expected, Expected::Columns(columns)
        if columns.iter().any(|column| types::may_change(column.type_oid)))
}

/// How the rows of a statement that starts are sent.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// As they are described.
    pub columns: Columns<'a>,
    pub desc: Descriptor,
    /// What turns the statement's rows into these, if they are not the same.
    pub projection: Option<Projection>,
}

impl Outgoing<'_> {
    /// Compares what the statement returns with what is expected: 42804. Everything lives in the current memory context.
    pub fn new(source: Descriptor, expected: Expected<'_>) -> Self {
        let source = source.copy(Context::current());
        let own = Columns::of_statement(source);
        let as_it_is = Self {
            columns: own,
            desc: source,
            projection: None,
        };
        let (projection, desc) = match expected {
            Expected::Columns(columns) => {
                let declared = columns
                    .iter()
                    .map(|column| (column.type_oid, column.typmod));
                if own.are_exactly(declared) && own.cross_as_they_are() {
                    return as_it_is;
                }
                let declared = descriptor(columns);
                (convert::plan(own, source, declared), declared)
            }
            Expected::Json => convert::as_json(source),
            Expected::Anything if own.cross_as_they_are() => return as_it_is,
            Expected::Anything => {
                let (projection, desc) = convert::crossing(own, source);
                return Self {
                    columns: own,
                    desc,
                    projection: Some(projection),
                };
            }
        };
        Self {
            columns: own.converted(desc),
            desc,
            projection: Some(projection),
        }
    }
}

/// Of columns that were declared, without their names.
fn descriptor(columns: expected::Declared<'_>) -> Descriptor {
    let types = Context::current().alloc_slice(columns.len(), |_| (0, -1));
    for (place, column) in types.iter_mut().zip(columns.iter()) {
        *place = (column.type_oid, column.typmod);
    }
    Descriptor::build(types.len(), |i| (null(), types[i].0, types[i].1))
}
