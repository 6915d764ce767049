//! A column definition list that comes as text, beside the one behind AS.

use crate::pg::columns::parse_list;
use crate::pg::error::{Report, code};
use crate::pg::text::Str;
use crate::pg::tuple::Descriptor;

/// Raises 42804 unless `list`, such as `id int, name text`, has the types of `declared`, one for one; 42601 for what is no
/// list.
pub fn check(list: Str, declared: Descriptor) {
    let Some(columns) = parse_list(list) else {
        Report::error(code::SYNTAX_ERROR)
            .message(format_args!("invalid column definition list: \"{list}\""))
            .hint(format_args!(
                "Repeat what stands in parentheses behind AS, such as 'id int, name text'."
            ))
            .raise()
    };
    let are_those = columns.len() == declared.len()
        && columns.iter().enumerate().all(|(i, (type_oid, typmod))| {
            let wanted = declared.column(i);
            wanted.type_oid == *type_oid && wanted.typmod == *typmod
        });
    if !are_those {
        Report::error(code::DATATYPE_MISMATCH)
            .message(format_args!(
                "col_def does not match the column definition list"
            ))
            .detail(format_args!("col_def is \"{list}\"."))
            .hint(format_args!("Leave it out: the list behind AS is enough."))
            .raise();
    }
}
