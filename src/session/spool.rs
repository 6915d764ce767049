//! Rows that came while nobody was reading: in memory up to work_mem, beyond it in a temporary file, for as long as the
//! job is remembered.

use super::STATE;
use crate::pg::error::{catch, code};
use crate::pg::guc;
use crate::pg::memory::Context;
use crate::pg::tuple::{MinimalTuple, Row, Slot, no_columns};
use crate::pg::tuplestore::Tuplestore;

/// A job's spool.
#[derive(Clone, Copy)]
pub struct Spool(Tuplestore);

/// A store whose file cannot be closed: closing writes what is left, and that fails again and again while the disk is
/// full. It waits for a better time.
#[derive(Clone, Copy)]
pub struct Parked {
    store: Tuplestore,
    context: Context,
    next: Option<core::ptr::NonNull<Parked>>,
}

impl Spool {
    /// A new one, outliving transactions. Its memory is not in the job's context, so that it can be parked.
    pub fn new() -> Self {
        Self(Tuplestore::across_transactions(super::context()))
    }

    /// Keeps a row. Raises what writing a temporary file raises.
    pub fn put(self, tuple: MinimalTuple<'_>) {
        self.0.put(tuple);
    }

    /// Calls `each` with every row, from the first.
    pub fn read(self, mut each: impl FnMut(MinimalTuple<'_>)) {
        let slot = Slot::minimal(no_columns());
        self.0.rewind();
        while self.0.next(slot) {
            crate::pg::error::check_for_interrupts();
            let Row::Minimal(tuple) = slot.row() else {
                unreachable!()
            };
            each(tuple);
        }
        slot.free();
    }

    /// Gives up memory and file. Never raises but for an interrupt.
    pub fn end(self) {
        end_parked();
        end_or_park(self.0);
    }
}

fn end_or_park(store: Tuplestore) {
    // Closing writes the page that is left, and must not fail for a limit that the session set meanwhile.
    let limit = guc::lift_temp_file_limit();
    let ended = catch(|| store.end());
    guc::restore_temp_file_limit(limit);
    if let Err(error) = ended {
        park(store);
        if error.code() == code::QUERY_CANCELED {
            error.rethrow();
        }
    }
}

fn park(store: Tuplestore) {
    let context = super::context().create(c"pg_background parked spool");
    let parked = context.alloc_for(Parked {
        store,
        context,
        next: STATE.parked.get(),
    });
    STATE.parked.set(Some(parked));
}

/// Tries each parked store once more.
pub fn end_parked() {
    let mut next = STATE.parked.take();
    while let Some(place) = next {
        // SAFETY: parked stores are in contexts of their own, which only this function deletes.
        let parked = unsafe { *place.as_ptr() };
        next = parked.next;
        parked.context.delete();
        end_or_park(parked.store);
    }
}
