//! The progress that a job reports: one writer, readers that never wait.

use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, Ordering, fence};

/// The longest message, in bytes.
pub const MESSAGE_LIMIT: usize = 255;

/// The last reports in turn. The one that is being written is never the one that is read: a writer who is preempted, or
/// dies, in the middle of a report leaves the one before it to read; and a reader is overtaken only by a writer who finishes
/// all the others meanwhile.
#[repr(C)]
pub struct Progress {
    /// How many reports were written; the last one of them is `reports[count % REPORTS]`.
    count: AtomicU32,
    reports: [Report; REPORTS as usize],
}

/// A power of two, so that the count may wrap.
const REPORTS: u32 = 4;

#[repr(C)]
struct Report {
    /// -1 until something was reported.
    percent: AtomicI32,
    /// Bytes of the message; -1 for none.
    length: AtomicI32,
    message: [AtomicU8; MESSAGE_LIMIT + 1],
}

/// What was read: a percentage and, in the buffer given, a message of so many bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    pub percent: i32,
    pub message_length: Option<usize>,
}

/// So often a reader may be overtaken.
const ATTEMPTS: usize = 1000;

impl Progress {
    /// Nothing reported.
    pub fn clear(&self) {
        self.write(-1, None);
    }

    /// Called by the worker alone. A message over MESSAGE_LIMIT has been cut by the caller at a character boundary.
    pub fn write(&self, percent: i32, message: Option<&[u8]>) {
        let count = self.count.load(Ordering::Relaxed).wrapping_add(1);
        // Who sees any of what follows sees that the report before is finished, too.
        fence(Ordering::Release);
        let report = self.report(count);
        report.percent.store(percent, Ordering::Relaxed);
        let mut length = -1;
        if let Some(message) = message {
            length = 0;
            for (to, from) in report.message.iter().zip(message).take(MESSAGE_LIMIT) {
                to.store(*from, Ordering::Relaxed);
                length += 1;
            }
        }
        report.length.store(length, Ordering::Relaxed);
        self.count.store(count, Ordering::Release);
    }

    /// The latest report, its message copied to `buffer`. None if nothing was reported.
    pub fn read(&self, buffer: &mut [u8; MESSAGE_LIMIT]) -> Option<Reading> {
        for _ in 0..ATTEMPTS {
            let count = self.count.load(Ordering::Acquire);
            let report = self.report(count);
            let percent = report.percent.load(Ordering::Relaxed);
            let length = report.length.load(Ordering::Relaxed);
            let message_length = usize::try_from(length).ok().map(|n| n.min(MESSAGE_LIMIT));
            for (to, from) in buffer
                .iter_mut()
                .zip(&report.message)
                .take(message_length.unwrap_or(0))
            {
                *to = from.load(Ordering::Relaxed);
            }
            fence(Ordering::Acquire);
            let written = self.count.load(Ordering::Relaxed).wrapping_sub(count);
            // The writer is at one of the others still.
            if written < REPORTS - 1 {
                return (0..=100).contains(&percent).then_some(Reading {
                    percent,
                    message_length,
                });
            }
        }
        None
    }

    fn report(&self, count: u32) -> &Report {
        &self.reports[(count % REPORTS) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Progress {
        let report = || Report {
            percent: AtomicI32::new(-1),
            length: AtomicI32::new(-1),
            message: [const { AtomicU8::new(0) }; MESSAGE_LIMIT + 1],
        };
        Progress {
            count: AtomicU32::new(0),
            reports: [report(), report(), report(), report()],
        }
    }

    /// The one that is read.
    fn last(progress: &Progress) -> &Report {
        progress.report(progress.count.load(Ordering::Relaxed))
    }

    #[test]
    fn nothing_reported_reads_as_nothing() {
        let mut buffer = [0; MESSAGE_LIMIT];
        assert_eq!(empty().read(&mut buffer), None);
    }

    #[test]
    fn the_last_report_is_what_is_read() {
        let progress = empty();
        let mut buffer = [0; MESSAGE_LIMIT];
        progress.write(10, Some(b"longer message"));
        progress.write(20, Some(b"short"));
        let reading = progress.read(&mut buffer);
        assert_eq!(
            reading,
            Some(Reading {
                percent: 20,
                message_length: Some(5)
            })
        );
        assert_eq!(&buffer[..5], b"short");
        progress.write(30, None);
        assert_eq!(
            progress.read(&mut buffer),
            Some(Reading {
                percent: 30,
                message_length: None
            })
        );
        progress.clear();
        assert_eq!(progress.read(&mut buffer), None);
    }

    #[test]
    fn a_scribbled_length_or_percentage_stays_in_bounds() {
        let progress = empty();
        let mut buffer = [0; MESSAGE_LIMIT];
        progress.write(5, Some(b"x"));
        last(&progress).length.store(i32::MAX, Ordering::Relaxed);
        let reading = progress.read(&mut buffer);
        assert_eq!(
            reading,
            Some(Reading {
                percent: 5,
                message_length: Some(MESSAGE_LIMIT)
            })
        );
        last(&progress).percent.store(101, Ordering::Relaxed);
        assert_eq!(progress.read(&mut buffer), None);
        last(&progress).percent.store(i32::MIN, Ordering::Relaxed);
        assert_eq!(progress.read(&mut buffer), None);
    }

    #[test]
    fn a_writer_in_the_middle_of_a_report_leaves_the_last_one_to_read() {
        let progress = empty();
        let mut buffer = [0; MESSAGE_LIMIT];
        progress.write(5, Some(b"x"));
        let next = progress.report(progress.count.load(Ordering::Relaxed).wrapping_add(1));
        next.percent.store(6, Ordering::Relaxed);
        next.length.store(200, Ordering::Relaxed);
        assert_eq!(
            progress.read(&mut buffer),
            Some(Reading {
                percent: 5,
                message_length: Some(1)
            })
        );
        assert_eq!(buffer[0], b'x');
        progress.write(6, None);
        assert_eq!(
            progress.read(&mut buffer),
            Some(Reading {
                percent: 6,
                message_length: None
            })
        );
    }

    #[test]
    fn who_reads_while_another_writes_gets_one_report_whole() {
        let progress = empty();
        progress.write(0, Some(&[0; 200]));
        let done = core::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in (1..=100).cycle() {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    progress.write(i, Some(&[i as u8; 200]));
                }
            });
            let mut buffer = [0; MESSAGE_LIMIT];
            let mut bad = 0;
            for _ in 0..100_000 {
                let whole = progress.read(&mut buffer).is_some_and(|reading| {
                    buffer[..200]
                        .iter()
                        .all(|byte| i32::from(*byte) == reading.percent)
                });
                bad += u32::from(!whole);
            }
            done.store(true, Ordering::Relaxed);
            assert_eq!(bad, 0);
        });
    }

    #[test]
    fn an_overlong_message_is_cut_at_the_limit() {
        let progress = empty();
        let mut buffer = [0; MESSAGE_LIMIT];
        progress.write(100, Some(&[b'a'; 1000]));
        assert_eq!(
            progress.read(&mut buffer),
            Some(Reading {
                percent: 100,
                message_length: Some(MESSAGE_LIMIT)
            })
        );
    }
}
