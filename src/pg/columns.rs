//! parser/parse_type.h: a column definition list that comes as text.

use super::error::{catch, code};
use super::memory::Context;
use super::statement::Statements;
use super::text::{Str, format};
use crate::pg_sys as sys;
use core::ptr::null_mut;

/// Type and typmod of each column of a list such as `id int, name text`, in the current memory context; None if it is no
/// list. It is only parsed, never run.
pub fn parse_list<'a>(list: Str) -> Option<&'a [(sys::Oid, i32)]> {
    let parsed = catch(|| Statements::parse(format(format_args!("SELECT FROM f() AS ({list})"))));
    // The parser's cursor would point into a text that the caller has never seen. It holds nothing but memory.
    let parsed = match parsed {
        Err(caught) if caught.code() != code::SYNTAX_ERROR => caught.rethrow(),
        parsed => parsed.ok()?,
    };
    // SAFETY: the parser's tree of a SELECT whose FROM clause is checked to be one function with a column list.
    unsafe {
        let columns = column_definitions(parsed)?;
        let count = usize::try_from(sys::list_length(columns)).unwrap_or(0);
        Some(Context::current().alloc_slice(count, |i| {
            let column = &*sys::list_nth(columns, i as core::ffi::c_int).cast::<sys::ColumnDef>();
            let (mut type_oid, mut typmod) = (0, 0);
            sys::typenameTypeIdAndMod(
                null_mut(),
                column.typeName,
                &raw mut type_oid,
                &raw mut typmod,
            );
            (type_oid, typmod)
        }))
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
