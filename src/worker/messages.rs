//! Errors and notices on their way from elog.c to the launcher.
//!
//! PostgreSQL's own redirection (pq_redirect_to_shm_mq) will not do: it knows of no rows, waits for whoever does not read,
//! and an error that ends the process never passes a handler of ours. So the message methods are ours, and every
//! ErrorResponse fills the outcome record before anything else is done with it.

use super::sending::{self, send, send_guarded};
use super::state::STATE;
use crate::channel::outcome::Text;
use crate::channel::wire::report::{Report as WireReport, decimal};
use crate::channel::wire::response::{self, Kind};
use crate::channel::wire::text::clip;
use crate::pg::error::{code, interrupts_can_be_processed, sqlstate};
use crate::pg::memory::Context;
use crate::pg::{encoding, libpq, process};
use crate::pg_sys as sys;
use core::ffi::{c_char, c_int};
use core::sync::atomic::Ordering;

/// Takes hold of the process's messages.
pub fn redirect() {
    libpq::redirect(&METHODS);
}

/// The table that elog.c sends through.
static METHODS: sys::PQcommMethods = sys::PQcommMethods {
    comm_reset: Some(comm_reset),
    flush: Some(flush_nothing),
    flush_if_writable: Some(flush_nothing),
    is_send_pending: Some(is_send_pending),
    putmessage: Some(put_message),
    putmessage_noblock: Some(put_message_noblock),
};

unsafe extern "C-unwind" fn comm_reset() {}

unsafe extern "C-unwind" fn flush_nothing() -> c_int {
    0
}

unsafe extern "C-unwind" fn is_send_pending() -> bool {
    false
}

unsafe extern "C-unwind" fn put_message(kind: c_char, body: *const c_char, length: usize) -> c_int {
    // SAFETY: pqformat.c passes the body it has built.
    let body = unsafe { core::slice::from_raw_parts(body.cast::<u8>(), length) };
    match kind as u8 {
        b'E' => capture_error(body),
        b'N' => send_notice(body),
        // Only errors and notices concern the launcher: rows take another way, everything else is for clients.
        _ => {}
    }
    0
}

unsafe extern "C-unwind" fn put_message_noblock(kind: c_char, body: *const c_char, length: usize) {
    // SAFETY: as passed to us.
    unsafe { put_message(kind, body, length) };
}

/// Passes a notice on. Where waiting could not be interrupted, or a transaction aborts, it goes where there is room without
/// more ado, or is left to the server log, which has it already: nothing may hold an abort up, or fail there.
fn send_notice(body: &[u8]) {
    let header = response::header(Kind::Notice, encoding::client() as u8, 0);
    if interrupts_can_be_processed() {
        send(header, body, true);
    } else {
        send_guarded(header, body);
    }
}

/// Keeps an ErrorResponse, of an ERROR or a FATAL, for the outcome record.
fn capture_error(body: &[u8]) {
    let (Some(channel), Ok(report)) = (STATE.channel.get(), WireReport::decode(body)) else {
        return;
    };
    if channel.outcome.is_published() || STATE.job.get().committed {
        return;
    }
    let client_encoding = encoding::client();
    let cut = |bytes: &[u8], limit: usize| {
        clip(bytes, limit, |rest| {
            encoding::character_length_in(client_encoding, rest)
        })
        .len()
    };
    let mut all_fits = true;
    for (which, text) in [
        (Text::Message, Some(report.message)),
        (Text::Detail, report.detail),
        (Text::Hint, report.hint),
        (Text::Context, report.context),
        (Text::SchemaName, report.schema_name),
        (Text::TableName, report.table_name),
        (Text::ColumnName, report.column_name),
        (Text::DatatypeName, report.datatype_name),
        (Text::ConstraintName, report.constraint_name),
        (Text::InternalQuery, report.internal_query),
    ] {
        all_fits &= channel.outcome.set_text(which, text, cut);
    }
    let mut state = sqlstate(&report.sqlstate);
    if STATE.timed_out.load(Ordering::Relaxed)
        && matches!(state, code::QUERY_CANCELED | code::ADMIN_SHUTDOWN)
    {
        state = code::QUERY_CANCELED;
        channel.outcome.set_text(
            Text::Message,
            Some(b"canceling background job due to its time-out"),
            cut,
        );
    }
    STATE.note(|job| {
        job.sqlstate = state;
        job.encoding = client_encoding;
        job.position = decimal(report.position).unwrap_or(0);
        job.internal_position = decimal(report.internal_position).unwrap_or(0);
        job.whole_error = None;
    });
    if !all_fits && !sending::is_discarding() && !process::is_exiting() {
        let copy = Context::top().copy_bytes(body);
        STATE.note(|job| job.whole_error = Some(copy));
    }
}
