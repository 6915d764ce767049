//! Moves what workers send into jobs: notices, columns, errors, and how each ended; rows, while somebody reads them.
//!
//! Everything that waits calls `pump_all`, for all jobs of the session: their notices come as they are raised. Where rows
//! begin and nobody reads them, it stops: from there on the worker sees to what it sends, until it has ended.

use super::assembler::Piece;
use super::job::{Job, JobRef, Outcome, State};
use super::link::LinkRef;
use super::reports::{failed, fields_of, outcome_of, pass_on, settle_in_directory, state_of};
use super::{STATE, idle, kept, link, registry};
use crate::channel::outcome::{self, Summary};
use crate::channel::wire::Malformed;
use crate::channel::wire::frame::Frame;
use crate::channel::wire::response::{Message, Rows};
use crate::channel::wire::tuple::check_tuple_attributes;
use crate::directory;
use crate::pg::bgworker::Status;
use crate::pg::error::{catch, catch_into, check_for_interrupts, code};
use crate::pg::shm_mq::Received;
use crate::pg::text::Str;
use crate::pg::tuple::MinimalTuple;
use crate::pg::{latch, text};
use crate::rows::columns::Columns;
use crate::rows::file::{self, Trouble};
use core::cell::Cell;
use core::ffi::c_int;

/// Frames taken from one queue before the others get their turn.
const TURN: usize = 256;

/// Brings every job up to date. Raises an interrupt, or what a notice raises on its way to the client.
pub fn pump_all() {
    registry::running().for_each(pump);
    idle::release_gone();
    link::reap();
}

/// Whether a worker of this session is about to end: its job has ended, and it sends what is left or is on its way out.
pub fn is_about_to_lose_a_worker() -> bool {
    let has_ended = |job: JobRef| {
        let link = job.link.get();
        link.is_some_and(|link| link.channel.outcome.is_published())
    };
    STATE.leaving.first().is_some() || registry::running().any(has_ended)
}

/// No worker is waited for any more.
pub fn stop_reading() {
    STATE.is_waiting.set(false);
    registry::running().for_each(|job| {
        if let Some(link) = job.link.get() {
            link.channel.set_read(false);
        }
    });
}

/// Brings one job up to date. A detached job that has ended is forgotten.
pub fn pump(job: JobRef) {
    let Some(link) = job.link.get() else { return };
    if link.has_left_early() {
        leave(job);
        return;
    }
    crate::injection::point("pump-look");
    // In this order: what was sent before it was published, or before the process stopped, is seen.
    let outcome = &link.channel.outcome;
    let published = outcome.is_published();
    let stopped = !published && link.process.status() == Status::Stopped;
    let summary = published.then(|| outcome.summary()).flatten();
    if published && summary.is_none() {
        fail_protocol(job, link, "The outcome record makes no sense.");
        return;
    }
    let drained = match drain(job, link, summary.as_ref()) {
        Ok(drained) => drained,
        Err(malformed) => {
            fail_protocol(job, link, malformed.as_str());
            return;
        }
    };
    match (drained, summary) {
        // More is waiting: do not sleep.
        (Drained::TurnOver, _) => latch::set(),
        (_, Some(summary)) => match take_over(job, link, &summary) {
            Ok(()) => finish(
                job,
                outcome_of(&job, link, &summary),
                state_of(&job, &summary),
            ),
            Err(malformed) => fail_protocol(job, link, malformed.as_str()),
        },
        // It has left between our two looks.
        (_, None) if stopped && link.has_left_early() => leave(job),
        (_, None) if stopped && !outcome.is_published() => lose(job),
        // Published between them.
        (_, None) if stopped => latch::set(),
        (_, None) => {
            if STATE.is_waiting.get() {
                link.channel.set_read(!is_held(&job));
            }
        }
    }
}

/// The worker has left before the job began. Whoever waits for it launches it again, unless somebody has cancelled it.
fn leave(job: JobRef) {
    let is_wanted = job.is_synchronous.get() && !job.detached.get() && !job.cancel_requested.get();
    job.is_left
        .set(is_wanted && directory::take_back(job.ticket));
    let why = Str::from_static(c"background job was canceled before it began");
    let outcome = failed(code::QUERY_CANCELED, why, None);
    finish(job, outcome, State::Canceled);
}

/// The worker is gone without a word.
fn lose(job: JobRef) {
    let why = Str::from_static(c"background worker exited without reporting an outcome");
    let outcome = failed(code::CONNECTION_FAILURE, why, None);
    finish_badly(job, outcome);
}

/// Nobody knows what the worker did or does with the file.
fn finish_badly(job: JobRef, outcome: Outcome) {
    let file = job.file;
    kept::give_up(&job);
    finish(job, outcome, State::Error);
    file.remove();
}

/// What became of a queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drained {
    /// Nothing more for now, or for nobody.
    Over,
    /// There may be more.
    TurnOver,
}

/// Whether what comes next is rows, and nobody reads them.
fn is_held(job: &Job) -> bool {
    job.columns.get().is_some() && job.direct.get().is_none() && !drops_rows(job)
}

/// Whether nobody will ever read the rows.
fn drops_rows(job: &Job) -> bool {
    job.is_let_go.get() || job.is_rolled_back.get()
}

/// Takes what is wanted now from the job's queue and file. Raises an interrupt, or what a notice or a reader raises.
fn drain(job: JobRef, link: LinkRef, ended: Option<&Summary>) -> Result<Drained, Malformed> {
    if ended.is_some_and(|summary| summary.ending == outcome::Ending::Failed) {
        // Of what a failed job has sent only notices and its error are of interest.
        job.is_rolled_back.set(true);
    }
    receiving(|is_receiving| take_messages(job, link, ended, is_receiving))
}

/// Does `work`, which says when it receives. A length that no message can have, which raises then, would be met again at
/// every look.
fn receiving<T: Copy>(
    work: impl FnOnce(&Cell<bool>) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    let is_receiving = Cell::new(false);
    catch(|| work(&is_receiving)).unwrap_or_else(|error| {
        if is_receiving.get() && error.code() == code::PROGRAM_LIMIT_EXCEEDED {
            return Err(Malformed::MessageLength);
        }
        error.rethrow()
    })
}

/// The next frame of the queue.
fn receive<'a>(link: LinkRef, is_receiving: &Cell<bool>) -> Received<'a> {
    is_receiving.set(true);
    let received = link.receive();
    is_receiving.set(false);
    received
}

fn take_messages(
    job: JobRef,
    link: LinkRef,
    ended: Option<&Summary>,
    is_receiving: &Cell<bool>,
) -> Result<Drained, Malformed> {
    for _ in 0..TURN {
        if is_held(&job) {
            return Ok(Drained::Over);
        }
        if job.file_read.get() < job.file_due.get() {
            read_file(job)?;
        } else {
            match receive(link, is_receiving) {
                Received::Message(frame) => {
                    job.received.set(job.received.get() + 1);
                    take_frame(&job, frame)?;
                }
                Received::WouldBlock | Received::Detached if is_file_next(&job, ended) => {}
                Received::WouldBlock | Received::Detached => return Ok(Drained::Over),
            }
        }
        crate::injection::point("pump-message");
        check_for_interrupts();
    }
    Ok(Drained::TurnOver)
}

/// The queue is empty. If the job has ended, the rest of its file comes next, if there is any.
fn is_file_next(job: &Job, ended: Option<&Summary>) -> bool {
    let filed = ended.map_or(0, |summary| summary.filed);
    if filed > job.file_due.get() {
        job.file_due.set(filed);
        return true;
    }
    false
}

/// Reads the part of the file that comes next.
fn read_file(job: JobRef) -> Result<(), Malformed> {
    let (from, to) = (job.file_read.get(), job.file_due.get());
    if job.is_let_go.get() || job.rows_lost.get().is_some() {
        job.file_read.set(to);
        return Ok(());
    }
    let read = file::read(job.file, from, to, |frame, next| {
        job.file_read.set(next);
        take_frame(&job, frame)?;
        crate::injection::point("pump-file");
        check_for_interrupts();
        Ok(!is_held(&job))
    });
    match read {
        Ok(()) => Ok(()),
        Err(Trouble::Malformed(malformed)) => Err(malformed),
        // Whoever reads is told at once.
        Err(trouble) if job.direct.get().is_some() => trouble.raise(job.file, None),
        Err(trouble) => {
            job.file_read.set(to);
            let raised: Result<(), _> = catch_into(job.context, || trouble.raise(job.file, None));
            job.rows_lost.set(raised.err());
            Ok(())
        }
    }
}

/// Takes a frame of the queue or of the file.
fn take_frame(job: &Job, frame: &[u8]) -> Result<(), Malformed> {
    match job.assembler.accept(frame)? {
        Piece::Message(message) => take_message(job, message),
        Piece::Incomplete => Ok(()),
        Piece::Marker(length) => take_marker(job, length),
    }
}

/// The file comes next, up to that length.
fn take_marker(job: &Job, length: u64) -> Result<(), Malformed> {
    // One in the file itself would be met while some of it is due.
    if length < job.file_due.get() || job.file_read.get() < job.file_due.get() {
        return Err(Malformed::MarkerDamaged);
    }
    job.file_due.set(length);
    Ok(())
}

fn take_message(job: &Job, message: &[u8]) -> Result<(), Malformed> {
    let mut stream = job.stream.get();
    let decoded = stream.accept(message)?;
    if job.is_let_go.get() {
        job.stream.set(stream);
        return Ok(());
    }
    match decoded {
        Message::Rows(rows) => take_rows(job, rows)?,
        Message::Description(description) => {
            crate::injection::point("pump-description");
            let columns = Columns::of_description(&description, job.context);
            job.columns.set(Some(columns));
        }
        Message::Notice(report, encoding) => pass_on(job, &report, c_int::from(encoding)),
        Message::Error(report, encoding) => {
            job.whole_error
                .set(Some(fields_of(job.context, &report, c_int::from(encoding))));
        }
    }
    // Only now: rows whose description could not be kept are not taken for those of a job that returns none.
    job.stream.set(stream);
    Ok(())
}

fn take_rows(job: &Job, rows: Rows<'_>) -> Result<(), Malformed> {
    let Some(direct) = job.direct.get() else {
        // Of a job that has failed.
        return Ok(());
    };
    // SAFETY: `result` set it for as long as it runs, and is what is waiting here.
    let attributes = unsafe { direct.attributes.as_ref() };
    for bytes in rows.tuples() {
        check_tuple_attributes(bytes, attributes)?;
        direct.store.put(tuple(bytes)?);
    }
    Ok(())
}

/// The job has ended: keeps what nobody has read, in its order. What was in the queue is older than the rest of the file.
fn take_over(job: JobRef, link: LinkRef, summary: &Summary) -> Result<(), Malformed> {
    receiving(|is_receiving| keep_rest(job, link, summary, is_receiving))?;
    if job.received.get() != summary.frames || job.file_due.get() != summary.filed {
        return Err(Malformed::FramesCounted);
    }
    if summary.is_incomplete && !job.is_let_go.get() {
        return Err(Malformed::OutputDropped);
    }
    kept::settle(&job, summary.filed);
    if !is_held(&job) {
        kept::give_up(&job);
    }
    Ok(())
}

fn keep_rest(
    job: JobRef,
    link: LinkRef,
    summary: &Summary,
    is_receiving: &Cell<bool>,
) -> Result<(), Malformed> {
    loop {
        let (read, due) = (job.file_read.get(), job.file_due.get());
        if read < due {
            kept::keep_file(&job, read, due);
            job.file_read.set(due);
        }
        match receive(link, is_receiving) {
            Received::Message(frame) => {
                job.received.set(job.received.get() + 1);
                match Frame::decode(frame)? {
                    Frame::Marker(length) => take_marker(&job, length)?,
                    _ => kept::keep_frame(&job, frame, summary.filed),
                }
            }
            Received::WouldBlock | Received::Detached if is_file_next(&job, Some(summary)) => {}
            Received::WouldBlock | Received::Detached => return Ok(()),
        }
    }
}

fn tuple(bytes: &[u8]) -> Result<MinimalTuple<'_>, Malformed> {
    MinimalTuple::from_bytes(bytes).ok_or(Malformed::TupleLength)
}

/// What arrived cannot be understood: the job has failed here, whatever becomes of it there.
fn fail_protocol(job: JobRef, link: LinkRef, why: &str) {
    link.cancel();
    // Something may be left in its queue: there will be no other job there.
    link.signaled.set(true);
    let detail = job.context.run(|| text::format(format_args!("{why}")));
    let what = Str::from_static(c"malformed message from background worker");
    let outcome = failed(code::PROTOCOL_VIOLATION, what, Some(detail));
    finish_badly(job, outcome);
}

/// The outcome is final: keeps it, counts it, lets the worker go or keeps it warm.
fn finish(job: JobRef, outcome: Outcome, state: State) {
    job.outcome.set(outcome);
    job.state.set(state);
    job.assembler.free();
    job.keep_progress();
    job.finished_as.set(STATE.counters.ended());
    if state != State::Stopped {
        settle_in_directory(&job, &outcome, state);
    }
    if let Some(link) = job.link.take() {
        idle::keep(link);
    }
    STATE.counters.count_end(&job);
    if job.detached.get() {
        registry::forget(job);
    }
}
