//! What a job had sent that nobody had read when it ended: in memory, for all jobs of the session together up to work_mem,
//! beyond it in the job's file, for as long as the job is remembered.

use super::STATE;
use super::assembler::{Assembler, Piece};
use super::job::{Job, JobRef};
use super::parts::{Part, Place};
use crate::channel::wire::Malformed;
use crate::pg::error::catch_into;
use crate::pg::file;
use crate::pg::memory::Context;
use crate::rows::file::{Output, Trouble, UNLIMITED, read};

/// So many bytes a job's file may have now.
pub fn file_limit() -> u64 {
    file::temporary_file_limit().map_or(UNLIMITED, |limit| limit.saturating_sub(STATE.filed.get()))
}

/// Keeps the part of the job's file that comes next.
pub fn keep_file(job: &Job, from: u64, to: u64) {
    guard(job, || job.kept.push(job.context, Place::File(from, to)));
}

/// Keeps a frame.
pub fn keep_frame(job: &Job, frame: &[u8], filed: u64) {
    guard(job, || {
        let size = frame.len() + size_of::<Part>();
        if STATE.kept.get() + size <= file::work_memory() {
            job.kept
                .push(job.context, Place::Memory(job.context.copy_bytes(frame)));
            job.kept.memory.set(job.kept.memory.get() + size);
            STATE.kept.set(STATE.kept.get() + size);
        } else if let Err(trouble) = append(job, frame, filed) {
            trouble.raise(job.file, None);
        }
    });
}

fn append(job: &Job, frame: &[u8], filed: u64) -> Result<(), Trouble> {
    let mut output = match job.kept.output.get() {
        Some(output) => output,
        None if filed == 0 => Output::create(job.file, file_limit())?,
        None => Output::reopen(job.file, filed, file_limit())?,
    };
    job.kept.output.set(Some(output));
    let from = output.length();
    output.append([frame])?;
    job.kept.output.set(Some(output));
    job.kept
        .push(job.context, Place::File(from, output.length()));
    Ok(())
}

/// An error means that the job's rows are lost, and nothing else. It is for whoever wants them.
fn guard(job: &Job, keep: impl FnOnce()) {
    if job.rows_lost.get().is_some() {
        return;
    }
    if let Err(error) = catch_into(job.context, keep) {
        job.rows_lost.set(Some(error));
    }
}

/// All is kept; `filed` bytes are in the file that the worker wrote.
pub fn settle(job: &Job, filed: u64) {
    let length = job.kept.output.take().map_or(filed, |output| {
        output.close();
        if output.length() == 0 {
            job.file.remove();
        }
        output.length()
    });
    job.kept.filed.set(length);
    STATE.filed.set(STATE.filed.get().saturating_add(length));
    if job.rows_lost.get().is_some() {
        give_up(job);
    }
}

/// Gives up the file, and what memory is counted for.
pub fn give_up(job: &Job) {
    let is_open = job.kept.output.take().is_some_and(|output| {
        output.close();
        true
    });
    job.kept.clear();
    let (memory, filed) = (job.kept.memory.take(), job.kept.filed.take());
    STATE.kept.set(STATE.kept.get().saturating_sub(memory));
    STATE.filed.set(STATE.filed.get().saturating_sub(filed));
    if is_open || filed > 0 {
        job.file.remove();
    }
}

/// Calls `each` with every message that was kept, from the first. Raises what reading the file raises: then the rows are
/// gone.
pub fn replay(
    job: JobRef,
    mut each: impl FnMut(&[u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let assembler = Assembler::new(Context::current());
    let mut feed = |frame: &[u8]| match assembler.accept(frame)? {
        Piece::Message(message) => each(message),
        Piece::Incomplete => Ok(()),
        Piece::Marker(_) => Err(Malformed::MarkerDamaged),
    };
    for part in job.kept.parts() {
        match part.place.get() {
            Place::Memory(frame) => feed(frame)?,
            Place::File(from, to) => {
                let frames = read(job.file, from, to, |frame, _| feed(frame).map(|()| true));
                match frames {
                    Ok(()) => {}
                    Err(Trouble::Malformed(malformed)) => return Err(malformed),
                    Err(trouble) => {
                        job.consumed.set(true);
                        trouble.raise(job.file, None)
                    }
                }
            }
        }
    }
    assembler.free();
    Ok(())
}
