//! libpq/libpq.h: where messages for the client go.

use crate::pg_sys as sys;

/// Sends what this process would send to a client through `methods` from here on.
pub fn redirect(methods: &'static sys::PQcommMethods) {
    // SAFETY: the table is static. DestRemote makes elog.c build the messages, in the newest protocol.
    unsafe {
        sys::PqCommMethods = methods;
        sys::whereToSendOutput = sys::DestRemote;
        sys::FrontendProtocol = sys::PGBG_PROTOCOL_LATEST;
    }
}
