//! What the launcher is told of a statement's columns.

use super::sending::send;
use crate::channel::wire::response::{self, Kind};
use crate::pg::encoding;
use crate::pg::text::Text;
use crate::rows::columns::Columns;

/// Sends the description. Takes memory in the current context.
pub fn describe(columns: Columns<'_>, flush: bool) {
    let mut payload = Text::new();
    for column in columns.0 {
        payload.push(&response::column(
            column.type_oid,
            column.typmod,
            column.own_type,
            column.layout,
        ));
        payload.push(column.name.bytes_with_nul());
    }
    let header = response::header(
        Kind::RowDescription,
        encoding::database() as u8,
        columns.0.len() as u32,
    );
    send(header, payload.bytes(), flush);
}
