//! utils/tuplestore.h: rows in memory up to work_mem, beyond it in a temporary file.

use super::memory::Context;
use super::tuple::{MinimalTuple, Slot};
use crate::pg_sys as sys;
use core::ptr::NonNull;

/// A tuplestore.
///
/// # Invariants
/// Points to a live Tuplestorestate. Whoever ends it forgets every copy.
#[derive(Clone, Copy)]
pub struct Tuplestore(NonNull<sys::Tuplestorestate>);

impl Tuplestore {
    /// For the executor: in `context`, freed with the statement's resources.
    pub fn for_executor(context: Context, random_access: bool) -> Self {
        context.run(|| {
            // SAFETY: takes memory in the current context.
            Self(unsafe {
                NonNull::new_unchecked(sys::tuplestore_begin_heap(
                    random_access,
                    false,
                    sys::work_mem,
                ))
            })
        })
    }

    /// Until the transaction ends, in `context`; to be read in both directions.
    pub fn for_transaction(context: Context) -> Self {
        // SAFETY: this process's own variables. The store remembers whose its file is to be; after an error the server sets
        // the current owner anew.
        unsafe {
            let owner = sys::CurrentResourceOwner;
            sys::CurrentResourceOwner = sys::TopTransactionResourceOwner;
            let store = Self::for_executor(context, true);
            sys::CurrentResourceOwner = owner;
            store
        }
    }

    /// Writes what is still to be written, and raises what that raises: nothing does after it.
    pub fn flush(self) {
        // SAFETY: by the type's invariant. Reading takes the file's place in memory, which is written first.
        unsafe {
            sys::tuplestore_advance(self.0.as_ptr(), true);
            sys::tuplestore_rescan(self.0.as_ptr());
        }
    }

    /// Adds a copy of a row. Raises what writing to a file can raise: 53100, 53400 (temp_file_limit), 58030.
    pub fn put(self, tuple: MinimalTuple<'_>) {
        let mut heap = tuple.as_heap_tuple();
        // SAFETY: by the type's invariant. tuplestore_puttuple makes a minimal tuple of the heap tuple, reading t_len
        // bytes from t_data without those before MINIMAL_TUPLE_OFFSET: exactly the minimal tuple it is made of.
        unsafe { sys::tuplestore_puttuple(self.0.as_ptr(), &raw mut heap) }
    }

    /// Adds a row of values.
    pub fn put_values(self, desc: super::tuple::Descriptor, values: &[sys::Datum], nulls: &[bool]) {
        assert!(values.len() == nulls.len() && values.len() == desc.len());
        // SAFETY: by the type's invariant; the arrays are as long as the descriptor, whose types the caller kept to.
        unsafe {
            sys::tuplestore_putvalues(
                self.0.as_ptr(),
                desc.as_ptr(),
                values.as_ptr().cast_mut(),
                nulls.as_ptr().cast_mut(),
            );
        }
    }

    /// # Safety
    /// A live tuplestore.
    pub unsafe fn from_ptr(store: *mut sys::Tuplestorestate) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { NonNull::new_unchecked(store) })
    }

    /// Adds the row that a slot shows.
    pub fn put_slot(self, slot: Slot) {
        // SAFETY: by the invariants of both.
        unsafe { sys::tuplestore_puttupleslot(self.0.as_ptr(), slot.as_ptr()) }
    }

    /// Reads the next row into `slot`, where it stays until the next call; false after the last.
    pub fn next(self, slot: Slot) -> bool {
        // SAFETY: by the type's invariant.
        unsafe { sys::tuplestore_gettupleslot(self.0.as_ptr(), true, false, slot.as_ptr()) }
    }

    /// Frees memory and file. Not of one whose write has failed: minor releases before May 2026 free rows twice then. Nor of
    /// one that was written and not read: that may raise what writing raises.
    pub fn end(self) {
        // SAFETY: by the type's invariant.
        unsafe { sys::tuplestore_end(self.0.as_ptr()) }
    }

    /// For ReturnSetInfo.
    pub fn as_ptr(self) -> *mut sys::Tuplestorestate {
        self.0.as_ptr()
    }
}
