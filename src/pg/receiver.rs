//! tcop/dest.h: where the executor puts rows.

use super::tuple::{Descriptor, Slot};
use crate::pg_sys as sys;
use core::ffi::c_int;
use core::ptr::NonNull;

/// A DestReceiver's functions, which the executor calls with the address of the table itself.
#[repr(transparent)]
pub struct Callbacks(sys::DestReceiver);

/// What takes rows.
///
/// # Safety
/// `at` is given the address of the `Callbacks` that `Callbacks::of` made for the type, wherever they lie.
pub unsafe trait Receiver: Sized {
    /// The receiver whose callbacks these are.
    fn at(callbacks: NonNull<Callbacks>) -> Self;

    /// Rows of these columns are to come.
    fn begin(&self, desc: Descriptor);

    /// The next one.
    fn row(&self, slot: Slot);
}

impl Callbacks {
    /// For a receiver that has them at the address that it is known by.
    pub const fn of<R: Receiver>() -> Self {
        Self(sys::DestReceiver {
            receiveSlot: Some(receive_slot::<R>),
            rStartup: Some(startup::<R>),
            rShutdown: Some(nothing),
            rDestroy: Some(nothing),
            mydest: sys::DestTupleQueue,
        })
    }

    /// For the server.
    pub(super) fn as_ptr(this: NonNull<Self>) -> *mut sys::DestReceiver {
        this.as_ptr().cast()
    }
}

/// The executor's first call.
unsafe extern "C-unwind" fn startup<R: Receiver>(
    receiver: *mut sys::DestReceiver,
    _operation: c_int,
    desc: sys::TupleDesc,
) {
    // SAFETY: the executor passes the descriptor of the slots to come.
    let desc = unsafe { Descriptor::from_ptr(desc) };
    if let (Some(callbacks), Some(desc)) = (NonNull::new(receiver.cast()), desc) {
        R::at(callbacks).begin(desc);
    }
}

/// A row. True: more may come.
unsafe extern "C-unwind" fn receive_slot<R: Receiver>(
    slot: *mut sys::TupleTableSlot,
    receiver: *mut sys::DestReceiver,
) -> bool {
    if let Some(callbacks) = NonNull::new(receiver.cast()) {
        // SAFETY: the executor passes a live slot.
        R::at(callbacks).row(unsafe { Slot::from_ptr(slot) });
    }
    true
}

unsafe extern "C-unwind" fn nothing(_receiver: *mut sys::DestReceiver) {}
