//! parser/parse_type.h: a column definition list that comes as text.

use super::error::{Report, catch, code};
use super::statement::Statements;
use super::text::{Str, format};
use super::tuple::Descriptor;
use crate::pg_sys as sys;
use core::ptr::null_mut;

/// Raises 42804 unless `list`, such as `id int, name text`, has the types of `declared`, one for one. It is only parsed,
/// never run; 42601 for what is no list.
pub fn check_list(list: Str, declared: Descriptor) {
    let parsed = catch(|| Statements::parse(format(format_args!("SELECT FROM f() AS ({list})"))));
    // The parser's cursor would point into a text that the caller has never seen. It holds nothing but memory.
    let parsed = match parsed {
        Err(caught) if caught.code() != code::SYNTAX_ERROR => caught.rethrow(),
        parsed => parsed.ok(),
    };
    // SAFETY: the parser's tree of a SELECT whose FROM clause was checked to be one function with a column list.
    let matches = unsafe {
        let Some(columns) = parsed.and_then(|statements| column_definitions(statements)) else {
            Report::error(code::SYNTAX_ERROR)
                .message(format_args!("invalid column definition list: \"{list}\""))
                .hint(format_args!(
                    "Repeat what stands in parentheses behind AS, such as 'id int, name text'."
                ))
                .raise()
        };
        let count = sys::list_length(columns);
        usize::try_from(count) == Ok(declared.len())
            && (0..count).all(|i| {
                let column = &*sys::list_nth(columns, i).cast::<sys::ColumnDef>();
                let (mut type_oid, mut typmod) = (0, 0);
                sys::typenameTypeIdAndMod(
                    null_mut(),
                    column.typeName,
                    &raw mut type_oid,
                    &raw mut typmod,
                );
                let wanted = declared.column(i as usize);
                wanted.type_oid == type_oid && wanted.typmod == typmod
            })
    };
    if !matches {
        Report::error(code::DATATYPE_MISMATCH)
            .message(format_args!(
                "col_def does not match the column definition list"
            ))
            .detail(format_args!("col_def is \"{list}\"."))
            .hint(format_args!("Leave it out: the list behind AS is enough."))
            .raise();
    }
}

/// The ColumnDefs of the one function in the one statement's FROM clause.
///
/// # Safety
/// The trees are alive.
unsafe fn column_definitions(statements: Statements) -> Option<*mut sys::List> {
    // SAFETY: a node's tag tells its struct.
    unsafe {
        let node = statements.only()?;
        if (*node).type_ != sys::T_SelectStmt {
            return None;
        }
        let select = &*node.cast::<sys::SelectStmt>();
        if sys::list_length(select.fromClause) != 1 {
            return None;
        }
        let item = sys::list_nth(select.fromClause, 0).cast::<sys::Node>();
        if (*item).type_ != sys::T_RangeFunction {
            return None;
        }
        let columns = (*item.cast::<sys::RangeFunction>()).coldeflist;
        Some(columns)
    }
}
