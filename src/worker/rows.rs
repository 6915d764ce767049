//! Sends a statement's rows: executor to response queue.
//!
//! A row crosses as the MinimalTuple that the executor makes of it. Small rows are gathered and sent many to a message;
//! the description goes out just before the first of them, so that a short answer is one wake-up.

use super::report::send;
use super::state::STATE;
use crate::channel::wire::response::{self, Kind};
use crate::channel::wire::tuple::maxalign;
use crate::pg::call::datum;
use crate::pg::encoding;
use crate::pg::error::check_for_interrupts;
use crate::pg::layout;
use crate::pg::memory::{Context, free};
use crate::pg::text::{Str, Text};
use crate::pg::tuple::{Descriptor, MinimalTuple, Slot, fetch_external, form_minimal};
use crate::pg::types::Function;
use crate::pg_sys as sys;
use core::cell::Cell;
use core::ffi::c_int;
use core::ptr::NonNull;

/// Bytes of rows gathered before they are sent. Larger rows go alone.
const BATCH: usize = 16 * 1024;

/// A DestReceiver.
///
/// # Invariants
/// `state` points to a live SenderState; its first field is the DestReceiver that the executor is given.
#[derive(Clone, Copy)]
pub struct RowSender(NonNull<SenderState>);

#[repr(C)]
struct SenderState {
    receiver: sys::DestReceiver,
    /// Lives as long as the job.
    context: Context,
    /// Emptied after every row that needed work.
    row_context: Context,
    columns: Cell<Option<Descriptor>>,
    /// Of each column, when the statement started; none for command tags.
    layouts: Cell<Option<NonNull<[u64]>>>,
    /// The columns that cross as text, and their output functions; others have none.
    conversions: Cell<Option<Conversions>>,
    description_sent: Cell<bool>,
    batch: NonNull<u8>,
    batch_length: Cell<usize>,
    batch_rows: Cell<u32>,
}

#[derive(Clone, Copy)]
struct Conversions {
    functions: NonNull<[Option<Function>]>,
    /// The columns as they are sent.
    sent: Descriptor,
}

/// A row for each statement's command tag, if the last statement returns none.
const TAG_COLUMN: (&core::ffi::CStr, sys::Oid) = (c"command_tag", sys::TEXTOID);

impl RowSender {
    /// In a new context below `parent`, which outlives the job's transactions: a statement may commit by itself.
    pub fn new(parent: Context) -> Self {
        let context = parent.create(c"pg_background rows");
        let state = SenderState {
            receiver: sys::DestReceiver {
                receiveSlot: Some(receive_slot),
                rStartup: Some(startup),
                rShutdown: Some(shutdown),
                rDestroy: Some(destroy),
                mydest: sys::DestTupleQueue,
            },
            context,
            row_context: context.create(c"pg_background row"),
            columns: Cell::new(None),
            layouts: Cell::new(None),
            conversions: Cell::new(None),
            description_sent: Cell::new(false),
            batch: context.alloc(BATCH),
            batch_length: Cell::new(0),
            batch_rows: Cell::new(0),
        };
        Self(context.alloc_for(state))
    }

    fn state(&self) -> &SenderState {
        // SAFETY: by the type's invariant; what changes is in Cells.
        unsafe { self.0.as_ref() }
    }

    /// For the executor.
    pub fn receiver(&self) -> NonNull<sys::DestReceiver> {
        self.0.cast()
    }

    /// The answer of a job whose last statement returns no rows: every statement's command tag.
    pub fn send_tags(&self, tags: &[Str]) {
        let state = self.state();
        let (name, type_oid) = TAG_COLUMN;
        let desc = state
            .context
            .run(|| Descriptor::build(1, |_| (name.as_ptr(), type_oid, -1)));
        state.columns.set(Some(desc));
        for tag in tags {
            check_for_interrupts();
            state.row_context.run(|| {
                let value = datum::text(*tag).unwrap_or(0);
                self.add(form_minimal(desc, &[value], &[false]));
            });
            state.row_context.reset();
        }
        self.finish();
    }

    /// Starts the answer of a statement that returns rows.
    fn begin(&self, desc: Descriptor) {
        let state = self.state();
        state.columns.set(Some(desc.copy(state.context)));
        if STATE.discard.get() {
            return;
        }
        let conversions = self.conversions(desc);
        state.conversions.set(conversions);
        let sent = conversions.map_or(desc, |conversions| conversions.sent);
        let layouts = state
            .context
            .alloc_slice(sent.len(), |i| layout::of(sent.column(i).type_oid));
        state.layouts.set(Some(NonNull::from(layouts)));
    }

    /// record and record[] cross as text: what their typmods mean, no other process knows. So does whatever may have rows
    /// of any type inside, anyarray above all: the launcher could not see that such a type was altered.
    fn conversions(&self, desc: Descriptor) -> Option<Conversions> {
        let crosses_as_text = |i: usize| layout::is_unknowable(&desc.column(i));
        let count = desc.len();
        if !(0..count).any(crosses_as_text) {
            return None;
        }
        let context = self.state().context;
        let functions = context.alloc_slice(count, |i| {
            crosses_as_text(i).then(|| Function::output(desc.column(i).type_oid, context))
        });
        let sent = context.run(|| {
            Descriptor::build(count, |i| {
                let column = desc.column(i);
                if crosses_as_text(i) {
                    (column.name.as_ptr(), sys::TEXTOID, -1)
                } else {
                    (column.name.as_ptr(), column.type_oid, column.typmod)
                }
            })
        });
        Some(Conversions {
            functions: NonNull::from(functions),
            sent,
        })
    }

    /// Takes a row from the executor.
    fn row(&self, slot: Slot) {
        let state = self.state();
        if let Some(conversions) = state.conversions.get() {
            state
                .row_context
                .run(|| self.add(converted(slot, conversions)));
            state.row_context.reset();
            return;
        }
        let (tuple, should_free) = slot.minimal_tuple();
        if tuple.has_external() {
            // The launcher's snapshot may not see the rows of the TOAST table.
            state.row_context.run(|| self.add(fetched(slot)));
            state.row_context.reset();
        } else {
            self.add(tuple);
        }
        if should_free {
            // SAFETY: ExecFetchSlotMinimalTuple said that it is ours.
            unsafe { free(tuple.as_nonnull()) };
        }
    }

    /// Puts a row into the batch, or sends it alone.
    fn add(&self, tuple: MinimalTuple<'_>) {
        let state = self.state();
        let bytes = tuple.bytes();
        if state.batch_length.get() + bytes.len() > BATCH {
            self.send_batch(false);
        }
        if bytes.len() > BATCH {
            self.send_description(false);
            // Flushed, so that `finish` has nothing left to flush but the batch.
            send_rows(1, bytes, true);
            return;
        }
        let start = state.batch_length.get();
        // SAFETY: `start + bytes.len()` is within the batch; the row is elsewhere.
        unsafe {
            core::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                state.batch.add(start).as_ptr(),
                bytes.len(),
            );
        }
        state
            .batch_length
            .set(maxalign(start + bytes.len()).min(BATCH));
        state.batch_rows.set(state.batch_rows.get() + 1);
    }

    fn send_batch(&self, flush: bool) {
        let state = self.state();
        if state.batch_rows.get() == 0 {
            return;
        }
        self.send_description(false);
        // SAFETY: so many bytes of the batch are rows and what pads them.
        let rows =
            unsafe { core::slice::from_raw_parts(state.batch.as_ptr(), state.batch_length.get()) };
        let count = state.batch_rows.get();
        state.batch_length.set(0);
        state.batch_rows.set(0);
        send_rows(count, rows, flush);
    }

    fn send_description(&self, flush: bool) {
        let state = self.state();
        let columns = state
            .conversions
            .get()
            .map(|c| c.sent)
            .or(state.columns.get());
        let Some(columns) = columns else { return };
        if state.description_sent.replace(true) {
            return;
        }
        // SAFETY: the slice lives as long as the state, and nobody writes to it any more.
        let layouts = state
            .layouts
            .get()
            .map(|layouts| unsafe { layouts.as_ref() });
        state.row_context.run(|| {
            let mut payload = Text::new();
            for i in 0..columns.len() {
                let column = columns.column(i);
                let layout = layouts.and_then(|layouts| layouts.get(i)).copied();
                payload.push(&response::column(
                    column.type_oid,
                    column.typmod,
                    layout.unwrap_or(0),
                ));
                payload.push(column.name.bytes_with_nul());
            }
            let count = columns.len() as u32;
            send(
                [
                    &response::header(Kind::RowDescription, encoding::database() as u8, count),
                    payload.bytes(),
                ],
                flush,
            );
        });
    }

    /// Sends what is left, so that the launcher sees all of it.
    pub fn finish(&self) {
        let state = self.state();
        if state.batch_rows.get() > 0 {
            self.send_batch(true);
        } else {
            self.send_description(true);
        }
    }
}

fn send_rows(count: u32, rows: &[u8], flush: bool) {
    send(
        [
            &response::header(Kind::Rows, encoding::database() as u8, count),
            rows,
        ],
        flush,
    );
}

/// The row with every out-of-line value fetched.
fn fetched<'a>(slot: Slot) -> MinimalTuple<'a> {
    let (values, nulls) = slot.values();
    // SAFETY: the slot's descriptor is alive as long as the slot.
    let Some(desc) = (unsafe { Descriptor::from_ptr((*slot.as_ptr()).tts_tupleDescriptor) }) else {
        unreachable!()
    };
    reform(desc, values, nulls, |i, value| {
        if desc.column(i).length == -1 {
            // SAFETY: a non-null varlena, by the descriptor.
            unsafe { fetch_external(value) }
        } else {
            value
        }
    })
}

/// The row with its records as text and every out-of-line value fetched.
fn converted<'a>(slot: Slot, mut conversions: Conversions) -> MinimalTuple<'a> {
    let (values, nulls) = slot.values();
    // SAFETY: they live as long as the job's sender, and only this row uses them now.
    let functions = unsafe { conversions.functions.as_mut() };
    reform(conversions.sent, values, nulls, |i, value| {
        match &mut functions[i] {
            Some(function) => {
                // SAFETY: the output function of the column's own type.
                let text = unsafe { function.call_output(value) };
                datum::text(text).unwrap_or(0)
            }
            // SAFETY: a non-null varlena, by the descriptor.
            None if conversions.sent.column(i).length == -1 => unsafe { fetch_external(value) },
            None => value,
        }
    })
}

/// A row of other values, in the current memory context; the slot's own arrays stay as they are.
fn reform<'a>(
    desc: Descriptor,
    values: &[sys::Datum],
    nulls: &[bool],
    mut value: impl FnMut(usize, sys::Datum) -> sys::Datum,
) -> MinimalTuple<'a> {
    let new_values = Context::current().alloc_slice(values.len(), |i| {
        if nulls[i] { 0 } else { value(i, values[i]) }
    });
    form_minimal(desc, new_values, nulls)
}

/// The executor's first call.
unsafe extern "C-unwind" fn startup(
    receiver: *mut sys::DestReceiver,
    _operation: c_int,
    desc: sys::TupleDesc,
) {
    // SAFETY: the executor passes the descriptor of the slots to come.
    let desc = unsafe { Descriptor::from_ptr(desc) };
    if let (Some(sender), Some(desc)) = (NonNull::new(receiver.cast()), desc) {
        RowSender(sender).begin(desc);
    }
}

/// A row. Once nobody reads, rows are dropped here; the statement goes on for what else it does.
unsafe extern "C-unwind" fn receive_slot(
    slot: *mut sys::TupleTableSlot,
    receiver: *mut sys::DestReceiver,
) -> bool {
    if STATE.discard.get() {
        return true;
    }
    if let Some(sender) = NonNull::new(receiver.cast()) {
        // SAFETY: the executor passes a live slot.
        RowSender(sender).row(unsafe { Slot::from_ptr(slot) });
    }
    true
}

unsafe extern "C-unwind" fn shutdown(_receiver: *mut sys::DestReceiver) {}

unsafe extern "C-unwind" fn destroy(_receiver: *mut sys::DestReceiver) {}
