//! libpq/libpq.h: where messages for the client go.

use crate::pg_sys as sys;
use core::ffi::{c_char, c_int};

/// What takes messages in a client's stead.
pub trait Messages {
    /// A message, of a type of the client protocol.
    fn put(kind: u8, body: &[u8]);
}

/// Sends what this process would send to a client to `M` from here on.
pub fn redirect<M: Messages>() {
    // SAFETY: the table is static. DestRemote makes elog.c build the messages, in the newest protocol.
    unsafe {
        sys::PqCommMethods = const { &methods::<M>() };
        sys::whereToSendOutput = sys::DestRemote;
        sys::FrontendProtocol = sys::PGBG_PROTOCOL_LATEST;
    }
}

/// The table that elog.c sends through.
const fn methods<M: Messages>() -> sys::PQcommMethods {
    sys::PQcommMethods {
        comm_reset: Some(comm_reset),
        flush: Some(flush_nothing),
        flush_if_writable: Some(flush_nothing),
        is_send_pending: Some(is_send_pending),
        putmessage: Some(put_message::<M>),
        putmessage_noblock: Some(put_message_noblock::<M>),
    }
}

unsafe extern "C-unwind" fn comm_reset() {}

unsafe extern "C-unwind" fn flush_nothing() -> c_int {
    0
}

unsafe extern "C-unwind" fn is_send_pending() -> bool {
    false
}

unsafe extern "C-unwind" fn put_message<M: Messages>(
    kind: c_char,
    body: *const c_char,
    length: usize,
) -> c_int {
    // SAFETY: pqformat.c passes the body it has built.
    M::put(kind as u8, unsafe {
        core::slice::from_raw_parts(body.cast::<u8>(), length)
    });
    0
}

unsafe extern "C-unwind" fn put_message_noblock<M: Messages>(
    kind: c_char,
    body: *const c_char,
    length: usize,
) {
    // SAFETY: as passed to us.
    unsafe { put_message::<M>(kind, body, length) };
}
