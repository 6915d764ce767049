//! Sends a statement's rows: executor to response queue.
//!
//! A row crosses as the MinimalTuple that the executor makes of it. Small rows are gathered and sent many to a message;
//! the description goes out just before the first of them, so that a short answer is one wake-up.

use super::columns::describe;
use super::sending::{frame_limit, is_discarding, send};
use crate::channel::wire::expected::Expected;
use crate::channel::wire::response::{self, HEADER_LEN, Kind};
use crate::channel::wire::tuple::maxalign;
use crate::pg::call::datum;
use crate::pg::error::check_for_interrupts;
use crate::pg::form::{Form, fetch_external};
use crate::pg::memory::{Context, free};
use crate::pg::receiver::{Callbacks, Receiver};
use crate::pg::snapshot;
use crate::pg::text::Str;
use crate::pg::tuple::{Descriptor, MinimalTuple, Row, Slot};
use crate::pg::types::TEXT;
use crate::pg::{Datum, encoding};
use crate::rows::expected::Outgoing;
use core::cell::Cell;
use core::ffi::CStr;
use core::ptr::NonNull;

/// A DestReceiver.
///
/// # Invariants
/// `state` points to a live SenderState; its first field is what the executor is given.
#[derive(Clone, Copy)]
pub struct RowSender<'a>(NonNull<SenderState<'a>>);

#[repr(C)]
struct SenderState<'a> {
    callbacks: Callbacks,
    /// Lives as long as the job.
    context: Context,
    /// Emptied after every row that needed work.
    row_context: Context,
    /// None until a statement returns rows that somebody reads.
    outgoing: Cell<Option<Outgoing<'static>>>,
    /// What its launcher makes of the rows.
    expected: Expected<'a>,
    /// A second result of the same statement has begun, which nobody gets to see.
    has_second: Cell<bool>,
    description_sent: Cell<bool>,
    batch: NonNull<u8>,
    /// Bytes of rows gathered before they are sent, so many that a batch is one frame. Larger rows go alone.
    capacity: usize,
    batch_length: Cell<usize>,
    batch_rows: Cell<u32>,
    /// Where a row larger than a batch is formed, kept for the next one: to give back and take anew that much memory for
    /// each row costs more than to fill it.
    large: Cell<Option<NonNull<[u8]>>>,
}

/// A row for each statement's command tag, if the last statement returns none.
const TAG_COLUMN: &CStr = c"command_tag";

impl<'a> RowSender<'a> {
    /// In a new context below `parent`, which outlives the job's transactions: a statement may commit by itself.
    pub fn new(parent: Context, expected: Expected<'a>) -> Self {
        let context = parent.create(c"pg_background rows");
        let capacity = frame_limit().saturating_sub(HEADER_LEN);
        let state = SenderState {
            callbacks: Callbacks::of::<Self>(),
            context,
            row_context: context.create(c"pg_background row"),
            outgoing: Cell::new(None),
            expected,
            has_second: Cell::new(false),
            description_sent: Cell::new(false),
            batch: context.alloc(capacity),
            capacity,
            batch_length: Cell::new(0),
            batch_rows: Cell::new(0),
            large: Cell::new(None),
        };
        Self(context.alloc_for(state))
    }

    fn state(&self) -> &SenderState<'a> {
        // SAFETY: by the type's invariant; what changes is in Cells.
        unsafe { self.0.as_ref() }
    }

    /// For the executor.
    pub fn receiver(&self) -> NonNull<Callbacks> {
        self.0.cast()
    }

    /// The answer of a job whose last statement returns no rows: every statement's command tag.
    pub fn send_tags(&self, tags: &[Str]) {
        let context = self.state().context;
        let (desc, slot) = context.run(|| {
            let desc = Descriptor::build(1, |_| (TAG_COLUMN.as_ptr(), TEXT, -1));
            (desc, Slot::of_values(desc))
        });
        self.begin(desc);
        let tag_context = context.create(c"pg_background tag");
        for tag in tags {
            check_for_interrupts();
            slot.show(&[tag_context.run(|| datum::text(*tag).unwrap_or(0))]);
            self.row(slot);
            tag_context.reset();
        }
        self.finish();
    }

    /// Compares a statement's columns with what is expected before it runs, where its rows come once it has run: 42804.
    pub fn check(&self, desc: Descriptor) {
        let state = self.state();
        state
            .row_context
            .run(|| Outgoing::new(desc, state.expected));
        state.row_context.reset();
    }

    /// Whether a result has begun: rules may give one to a statement that returns none by itself.
    pub fn has_begun(&self) -> bool {
        self.state().outgoing.get().is_some()
    }

    /// Adds a row of these values. False, and nothing added, if one of them is stored out of line.
    #[must_use]
    fn form(&self, desc: Descriptor, values: &[Datum], nulls: &[bool]) -> bool {
        // SAFETY: the executor's values, of columns that are the descriptor's.
        let form = unsafe { Form::new(desc, values, nulls) };
        let place = self.place(form.length());
        // SAFETY: a MAXALIGNed place of that size.
        let is_whole = !unsafe { form.write(place) }.has_external();
        if is_whole {
            self.add(place, form.length());
        }
        is_whole
    }

    /// Adds a row that is a minimal tuple already.
    fn add_copy(&self, tuple: MinimalTuple<'_>) {
        let bytes = tuple.bytes();
        if bytes.len() > self.state().capacity {
            self.send_alone(bytes);
            return;
        }
        let place = self.place(bytes.len());
        // SAFETY: so many bytes of the batch; the row is elsewhere.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        self.add(place, bytes.len());
    }

    /// A MAXALIGNed place for the next row, of so many bytes: in the batch, which is sent if it has no room, or by itself.
    fn place(&self, length: usize) -> NonNull<u8> {
        let state = self.state();
        if length > state.capacity {
            return self.large_place(length);
        }
        if state.batch_length.get() + length > state.capacity {
            self.send_batch(false);
        }
        // SAFETY: the length is within the batch.
        unsafe { state.batch.add(state.batch_length.get()) }
    }

    fn large_place(&self, length: usize) -> NonNull<u8> {
        let state = self.state();
        if let Some(large) = state.large.get() {
            if large.len() >= length {
                return large.cast();
            }
            state.large.set(None);
            // SAFETY: allocated below; the row that was in it has been sent.
            unsafe { free(large.cast::<u8>()) };
        }
        let large = state.context.alloc(length);
        state
            .large
            .set(Some(NonNull::slice_from_raw_parts(large, length)));
        large
    }

    /// The row of `length` bytes is in its place.
    fn add(&self, place: NonNull<u8>, length: usize) {
        let state = self.state();
        if length > state.capacity {
            // SAFETY: `place` is `large`, which stays as it is until the next row.
            self.send_alone(unsafe { core::slice::from_raw_parts(place.as_ptr(), length) });
            return;
        }
        let end = state.batch_length.get() + length;
        state.batch_length.set(maxalign(end).min(state.capacity));
        state.batch_rows.set(state.batch_rows.get() + 1);
    }

    fn send_alone(&self, row: &[u8]) {
        self.send_batch(false);
        self.send_description(false);
        // Flushed, so that `finish` has nothing left to flush but the batch.
        send_rows(1, row, true);
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
        let Some(outgoing) = state.outgoing.get() else {
            return;
        };
        if !state.description_sent.replace(true) {
            state.row_context.run(|| describe(outgoing.columns, flush));
        }
    }

    /// Sends what is left, so that the launcher sees all of it.
    pub fn finish(&self) {
        if self.state().batch_rows.get() > 0 {
            self.send_batch(true);
        } else {
            self.send_description(true);
        }
    }
}

// SAFETY: the callbacks are the first field of the state that a RowSender points to.
unsafe impl Receiver for RowSender<'_> {
    fn at(callbacks: NonNull<Callbacks>) -> Self {
        Self(callbacks.cast())
    }

    /// Starts the answer of a statement that returns rows. Rules may make it return several results, of which the first counts.
    fn begin(&self, desc: Descriptor) {
        let state = self.state();
        if self.has_begun() {
            state.has_second.set(true);
        } else if !is_discarding() {
            let outgoing = || Outgoing::new(desc, state.expected);
            state.outgoing.set(Some(state.context.run(outgoing)));
        }
    }

    /// Once nobody reads, rows are dropped here; the statement goes on for what else it does.
    fn row(&self, slot: Slot) {
        if is_discarding() {
            return;
        }
        let Some(outgoing) = self.state().outgoing.get() else {
            return;
        };
        if self.state().has_second.get() {
            return;
        }
        let slot = match outgoing.projection {
            None => slot,
            Some(projection) => snapshot::with_active(|| projection.row(slot)),
        };
        let desc = outgoing.desc;
        let is_added = match slot.row() {
            Row::Heap(tuple) if !tuple.has_external() => {
                let length = tuple.minimal_length();
                let place = self.place(length);
                // SAFETY: a MAXALIGNed place of that size.
                unsafe { tuple.write_minimal(place) };
                self.add(place, length);
                true
            }
            Row::Minimal(tuple) if !tuple.has_external() => {
                self.add_copy(tuple);
                true
            }
            Row::Heap(_) | Row::Minimal(_) => false,
            Row::Values(values, nulls) => self.form(desc, values, nulls),
        };
        if !is_added {
            let row_context = self.state().row_context;
            row_context.run(|| {
                let (values, nulls) = slot.values();
                let is_added = self.form(desc, fetched(desc, values, nulls), nulls);
                assert!(is_added, "a value of the row is still out of line");
            });
            row_context.reset();
        }
    }
}

/// A row's values with those fetched that are stored out of line, in the current memory context: the launcher's snapshot
/// may not see the rows of the TOAST table.
fn fetched<'a>(desc: Descriptor, values: &[Datum], nulls: &[bool]) -> &'a [Datum] {
    Context::current().alloc_slice(values.len(), |i| {
        if nulls[i] || desc.column(i).length != -1 {
            values[i]
        } else {
            // SAFETY: a non-null varlena, by the descriptor.
            unsafe { fetch_external(values[i]) }
        }
    })
}

fn send_rows(count: u32, rows: &[u8], flush: bool) {
    let header = response::header(Kind::Rows, encoding::database() as u8, count);
    send(header, rows, flush);
}
