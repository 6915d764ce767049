//! How a statement's columns cross to the launcher, and what it is told of them.

use super::sending::send;
use crate::channel::wire::response::{self, Kind};
use crate::pg::call::datum;
use crate::pg::form::fetch_external;
use crate::pg::memory::Context;
use crate::pg::text::Text;
use crate::pg::tuple::Descriptor;
use crate::pg::types::Function;
use crate::pg::{encoding, layout};
use crate::pg_sys as sys;
use core::ffi::CStr;
use core::ptr::NonNull;

/// A statement's columns.
///
/// # Invariants
/// Everything lives in the context given to `new`, and nobody else writes to it.
#[derive(Clone, Copy)]
pub struct Columns {
    /// As they are sent.
    sent: Descriptor,
    /// Of each column, when the statement started.
    layouts: NonNull<[u64]>,
    /// The output functions of those that cross as text, if any does; others have none.
    functions: Option<NonNull<[Option<Function>]>>,
}

impl Columns {
    /// Those of a statement that starts, in `context`.
    pub fn new(desc: Descriptor, context: Context) -> Self {
        let count = desc.len();
        // record and record[] cross as text: what their typmods mean, no other process knows. So does whatever may have
        // rows of any type inside, anyarray above all: the launcher could not see that such a type was altered.
        let crosses_as_text = |i: usize| layout::is_unknowable(&desc.column(i));
        let (sent, functions) = if (0..count).any(crosses_as_text) {
            let functions = context.alloc_slice(count, |i| {
                crosses_as_text(i).then(|| Function::output(desc.column(i).type_oid, context))
            });
            let build = || {
                Descriptor::build(count, |i| {
                    let column = desc.column(i);
                    if crosses_as_text(i) {
                        (column.name.as_ptr(), sys::TEXTOID, -1)
                    } else {
                        (column.name.as_ptr(), column.type_oid, column.typmod)
                    }
                })
            };
            (context.run(build), Some(NonNull::from(functions)))
        } else {
            (desc.copy(context), None)
        };
        let layouts = context.alloc_slice(sent.len(), |i| layout::of(sent.column(i).type_oid));
        Self {
            sent,
            layouts: NonNull::from(layouts),
            functions,
        }
    }

    /// The one column of an answer that is no statement's, in `context`.
    pub fn single_text(name: &CStr, context: Context) -> Self {
        let sent = context.run(|| Descriptor::build(1, |_| (name.as_ptr(), sys::TEXTOID, -1)));
        Self {
            sent,
            layouts: NonNull::from(context.alloc_slice(1, |_| 0)),
            functions: None,
        }
    }

    /// As they are sent.
    pub fn sent(&self) -> Descriptor {
        self.sent
    }

    /// Whether some column of each row has to be converted.
    pub fn need_conversion(&self) -> bool {
        self.functions.is_some()
    }

    /// A row's values as they are sent, in the current memory context: records as text, out-of-line values fetched, since
    /// the launcher's snapshot may not see the rows of the TOAST table.
    pub fn cross<'a>(mut self, values: &[sys::Datum], nulls: &[bool]) -> &'a [sys::Datum] {
        // SAFETY: by the type's invariant; one row crosses at a time.
        let mut functions = self
            .functions
            .as_mut()
            .map(|functions| unsafe { functions.as_mut() });
        Context::current().alloc_slice(values.len(), |i| {
            let function = functions
                .as_mut()
                .and_then(|functions| functions[i].as_mut());
            match function {
                _ if nulls[i] => 0,
                Some(function) => {
                    // SAFETY: the output function of the column's own type.
                    let text = unsafe { function.call_output(values[i]) };
                    datum::text(text).unwrap_or(0)
                }
                // SAFETY: a non-null varlena, by the descriptor.
                None if self.sent.column(i).length == -1 => unsafe { fetch_external(values[i]) },
                None => values[i],
            }
        })
    }

    /// Sends the description. Takes memory in the current context.
    pub fn describe(&self, flush: bool) {
        // SAFETY: by the type's invariant.
        let layouts = unsafe { self.layouts.as_ref() };
        let mut payload = Text::new();
        for (i, layout) in layouts.iter().enumerate() {
            let column = self.sent.column(i);
            payload.push(&response::column(column.type_oid, column.typmod, *layout));
            payload.push(column.name.bytes_with_nul());
        }
        let header = response::header(
            Kind::RowDescription,
            encoding::database() as u8,
            layouts.len() as u32,
        );
        send(header, payload.bytes(), flush);
    }
}
