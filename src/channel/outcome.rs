//! The outcome record: the truth about how a job ended.
//!
//! The worker fills it while nobody reads, publishes it once, last, with release ordering; the launcher reads it only
//! after it has seen the publication, and copies what it needs at once.

use crate::pg::error::code;
use crate::pg::timestamp::RANGE;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering};

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Committed.
    Succeeded,
    /// Rolled back with the error that the record holds.
    Failed,
}

/// The texts of an error, in the order of their room in the record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Text {
    Message,
    Detail,
    Hint,
    Context,
    SchemaName,
    TableName,
    ColumnName,
    DatatypeName,
    ConstraintName,
    InternalQuery,
    CommandTag,
}

const TEXTS: usize = 11;

/// Bytes that each text may have. An error with a longer one is sent as a message as well, where nothing is cut.
const LIMITS: [usize; TEXTS] = [4096, 4096, 2048, 4096, 256, 256, 256, 256, 256, 1024, 64];

/// Where each text starts in the record's text room.
const STARTS: [usize; TEXTS + 1] = {
    let mut starts = [0; TEXTS + 1];
    let mut i = 0;
    while i < TEXTS {
        starts[i + 1] = starts[i] + LIMITS[i];
        i += 1;
    }
    starts
};

/// Length of a text that is not there.
const ABSENT: u32 = u32::MAX;

/// The part that is written before publication.
#[repr(C)]
struct Contents {
    ending: u32,
    /// pg_enc of the texts.
    encoding: i32,
    sqlstate: i32,
    flags: u32,
    /// Where in the job's SQL the error is, in characters from 1; 0 for nowhere.
    position: i32,
    /// The same for the internal query.
    internal_position: i32,
    /// Of the last statement.
    row_count: u64,
    /// Frames that were put into the response queue for the job, and bytes of them that are in its file.
    frames: u64,
    filed: u64,
    /// TimestampTz; 0 if the job was never started.
    started_at: i64,
    /// TimestampTz.
    finished_at: i64,
    lengths: [u32; TEXTS],
    text: [u8; STARTS[TEXTS]],
}

/// The record in the segment.
#[repr(C)]
pub struct OutcomeRecord {
    published: AtomicU32,
    contents: UnsafeCell<Contents>,
}

const PUBLISHED: u32 = 0x600D_F1A9;

/// pg_background.worker_timeout ended the job.
const TIMED_OUT: u32 = 1;
/// The worker dropped something of what the job sent, since nobody wanted it.
const INCOMPLETE: u32 = 2;

/// A copy of the fixed part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    pub ending: Ending,
    pub encoding: i32,
    pub sqlstate: i32,
    pub position: i32,
    pub internal_position: i32,
    pub timed_out: bool,
    pub is_incomplete: bool,
    pub row_count: u64,
    pub frames: u64,
    pub filed: u64,
    pub started_at: i64,
    pub finished_at: i64,
}

impl Summary {
    /// Rows of the last statement. What was counted before a failure was rolled back.
    pub fn rows(&self) -> i64 {
        match self.ending {
            Ending::Succeeded => i64::try_from(self.row_count).unwrap_or(i64::MAX),
            Ending::Failed => 0,
        }
    }

    /// Whether a cancel ended the job: by 57014, whoever wanted that, or by 57P01 where a cancel `was_asked_for`.
    pub fn is_canceled(&self, was_asked_for: bool) -> bool {
        let is_canceled = match self.sqlstate {
            code::QUERY_CANCELED => true,
            code::ADMIN_SHUTDOWN => was_asked_for,
            _ => false,
        };
        self.ending == Ending::Failed && is_canceled
    }
}

impl OutcomeRecord {
    /// Makes it ready for the next job. The launcher calls it before it hands the job over.
    pub fn clear(&self) {
        // SAFETY: the worker has not been told of the job yet, so nobody else looks at the contents.
        unsafe {
            let contents = self.contents.get();
            (*contents).lengths = [ABSENT; TEXTS];
            (*contents).encoding = 0;
            (*contents).sqlstate = 0;
            (*contents).position = 0;
            (*contents).internal_position = 0;
            (*contents).flags = 0;
            (*contents).row_count = 0;
        }
        self.published.store(0, Ordering::Release);
    }

    /// Whether the job's outcome is final.
    pub fn is_published(&self) -> bool {
        self.published.load(Ordering::Acquire) == PUBLISHED
    }

    /// Keeps a text, cut to its room at a character boundary as `cut` sees it. Returns whether all of it fit. Only the
    /// worker calls this, before publication.
    pub fn set_text(
        &self,
        which: Text,
        bytes: Option<&[u8]>,
        cut: impl Fn(&[u8], usize) -> usize,
    ) -> bool {
        let i = which as usize;
        let (Some(&start), Some(&limit)) = (STARTS.get(i), LIMITS.get(i)) else {
            return false;
        };
        // SAFETY: before publication the contents are the worker's alone.
        let contents = unsafe { &mut *self.contents.get() };
        let Some(length) = contents.lengths.get_mut(i) else {
            return false;
        };
        *length = ABSENT;
        let Some(bytes) = bytes else {
            return true;
        };
        let kept = if bytes.len() <= limit {
            bytes.len()
        } else {
            cut(bytes, limit).min(limit)
        };
        for (to, from) in contents
            .text
            .iter_mut()
            .skip(start)
            .zip(bytes.iter().take(kept))
        {
            *to = *from;
        }
        *length = kept as u32;
        kept == bytes.len()
    }

    /// Publishes it. The first call counts; only the worker calls this.
    pub fn publish(&self, summary: &Summary) {
        if self.is_published() {
            return;
        }
        // SAFETY: before publication the contents are the worker's alone.
        unsafe {
            let contents = self.contents.get();
            (*contents).ending = match summary.ending {
                Ending::Succeeded => 1,
                Ending::Failed => 2,
            };
            (*contents).encoding = summary.encoding;
            (*contents).sqlstate = summary.sqlstate;
            (*contents).position = summary.position;
            (*contents).internal_position = summary.internal_position;
            (*contents).flags = if summary.timed_out { TIMED_OUT } else { 0 }
                | if summary.is_incomplete { INCOMPLETE } else { 0 };
            (*contents).row_count = summary.row_count;
            (*contents).frames = summary.frames;
            (*contents).filed = summary.filed;
            (*contents).started_at = summary.started_at;
            (*contents).finished_at = summary.finished_at;
        }
        self.published.store(PUBLISHED, Ordering::Release);
    }

    /// The record, if it is published and makes sense.
    pub fn summary(&self) -> Option<Summary> {
        if !self.is_published() {
            return None;
        }
        // SAFETY: after publication the worker writes no more; another process's mischief can only make the values odd.
        let contents = unsafe { &*self.contents.get() };
        let ending = match contents.ending {
            1 => Ending::Succeeded,
            2 => Ending::Failed,
            _ => return None,
        };
        let is_time = |time| RANGE.contains(&time);
        if !is_time(contents.started_at) || !is_time(contents.finished_at) {
            return None;
        }
        Some(Summary {
            ending,
            encoding: contents.encoding,
            sqlstate: contents.sqlstate,
            position: contents.position,
            internal_position: contents.internal_position,
            timed_out: contents.flags & TIMED_OUT != 0,
            is_incomplete: contents.flags & INCOMPLETE != 0,
            row_count: contents.row_count,
            frames: contents.frames,
            filed: contents.filed,
            started_at: contents.started_at,
            finished_at: contents.finished_at,
        })
    }

    /// A text of a published record, bounded by its room. The launcher copies it at once.
    pub fn text(&self, which: Text) -> Option<&[u8]> {
        let i = which as usize;
        // SAFETY: as in `summary`.
        let contents = unsafe { &*self.contents.get() };
        let length = *contents.lengths.get(i)?;
        if length == ABSENT {
            return None;
        }
        let start = *STARTS.get(i)?;
        let length = (length as usize).min(*LIMITS.get(i)?);
        contents.text.get(start..start + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Box<OutcomeRecord> {
        // SAFETY: zero is a value of every field.
        let record: Box<OutcomeRecord> = unsafe { Box::new(core::mem::zeroed()) };
        record.clear();
        record
    }

    const SUMMARY: Summary = Summary {
        ending: Ending::Failed,
        encoding: 6,
        sqlstate: 42,
        position: 1,
        internal_position: 2,
        timed_out: true,
        is_incomplete: true,
        row_count: 7,
        frames: 3,
        filed: 64,
        started_at: 10,
        finished_at: 20,
    };

    #[test]
    fn nothing_is_read_before_publication() {
        let record = record();
        assert!(!record.is_published());
        assert_eq!(record.summary(), None);
        record.publish(&SUMMARY);
        assert_eq!(record.summary(), Some(SUMMARY));
    }

    #[test]
    fn the_first_publication_counts() {
        let record = record();
        record.publish(&SUMMARY);
        record.publish(&Summary {
            ending: Ending::Succeeded,
            ..SUMMARY
        });
        assert_eq!(record.summary(), Some(SUMMARY));
    }

    #[test]
    fn texts_are_cut_where_the_caller_says() {
        let record = record();
        let long = [b'a'; 5000];
        assert!(!record.set_text(Text::Message, Some(&long), |_, limit| limit - 1));
        assert!(record.set_text(Text::Hint, Some(b"hint"), |_, limit| limit));
        assert!(record.set_text(Text::Detail, None, |_, limit| limit));
        assert_eq!(record.text(Text::Message).map(<[u8]>::len), Some(4095));
        assert_eq!(record.text(Text::Hint), Some(&b"hint"[..]));
        assert_eq!(record.text(Text::Detail), None);
        assert_eq!(record.text(Text::CommandTag), None);
    }

    #[test]
    fn scribbled_contents_stay_in_bounds() {
        let record = record();
        record.publish(&SUMMARY);
        // SAFETY: a test of its own record.
        let contents = unsafe { &mut *record.contents.get() };
        contents.ending = 77;
        assert_eq!(record.summary(), None);
        contents.ending = 2;
        assert_eq!(record.summary(), Some(SUMMARY));
        for time in [i64::MIN, i64::MAX, RANGE.end, RANGE.start - 1] {
            contents.started_at = time;
            assert_eq!(record.summary(), None);
        }
        contents.started_at = RANGE.start;
        assert!(record.summary().is_some());
        for which in [Text::Message, Text::CommandTag] {
            contents.lengths[which as usize] = u32::MAX - 1;
            assert_eq!(
                record.text(which).map(<[u8]>::len),
                Some(LIMITS[which as usize])
            );
        }
    }

    #[test]
    fn clearing_forgets_the_last_job() {
        let record = record();
        record.set_text(Text::Message, Some(b"old"), |_, limit| limit);
        record.publish(&SUMMARY);
        record.clear();
        assert!(!record.is_published());
        assert_eq!(record.text(Text::Message), None);
    }
}
