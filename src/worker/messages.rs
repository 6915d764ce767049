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
use crate::pg::libpq::{self, Messages};
use crate::pg::memory::Context;
use crate::pg::{encoding, process};
use core::sync::atomic::Ordering;

/// What elog.c would send to a client.
struct ToLauncher;

/// Takes hold of the process's messages.
pub fn redirect() {
    libpq::redirect::<ToLauncher>();
}

impl Messages for ToLauncher {
    fn put(kind: u8, body: &[u8]) {
        match kind {
            b'E' => capture_error(body),
            b'N' => send_notice(body),
            // Only errors and notices concern the launcher: rows take another way, everything else is for clients.
            _ => {}
        }
    }
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
