//! The progress that a job reports: one writer, readers that never wait.

use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, Ordering, fence};

/// The longest message, in bytes.
pub const MESSAGE_LIMIT: usize = 255;

/// Percentage and message under a sequence number, odd while they are being written.
#[repr(C)]
pub struct Progress {
    sequence: AtomicU32,
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

impl Progress {
    /// Nothing reported.
    pub fn clear(&self) {
        self.write(-1, None);
    }

    /// Called by the worker alone. A message over MESSAGE_LIMIT has been cut by the caller at a character boundary.
    pub fn write(&self, percent: i32, message: Option<&[u8]>) {
        let sequence = self.sequence.load(Ordering::Relaxed) | 1;
        self.sequence.store(sequence, Ordering::Relaxed);
        fence(Ordering::Release);
        self.percent.store(percent, Ordering::Relaxed);
        let mut length = -1;
        if let Some(message) = message {
            length = 0;
            for (to, from) in self.message.iter().zip(message).take(MESSAGE_LIMIT) {
                to.store(*from, Ordering::Relaxed);
                length += 1;
            }
        }
        self.length.store(length, Ordering::Relaxed);
        self.sequence
            .store(sequence.wrapping_add(1), Ordering::Release);
    }

    /// The latest report, its message copied to `buffer`. None if nothing was reported, or if the writer is in the middle
    /// of it each time we look: it may have died there.
    pub fn read(&self, buffer: &mut [u8; MESSAGE_LIMIT]) -> Option<Reading> {
        for _ in 0..1000 {
            let before = self.sequence.load(Ordering::Acquire);
            if before & 1 != 0 {
                core::hint::spin_loop();
                continue;
            }
            let percent = self.percent.load(Ordering::Relaxed);
            let length = self.length.load(Ordering::Relaxed);
            let message_length = usize::try_from(length).ok().map(|n| n.min(MESSAGE_LIMIT));
            for (to, from) in buffer
                .iter_mut()
                .zip(&self.message)
                .take(message_length.unwrap_or(0))
            {
                *to = from.load(Ordering::Relaxed);
            }
            fence(Ordering::Acquire);
            if self.sequence.load(Ordering::Relaxed) == before {
                return (0..=100).contains(&percent).then_some(Reading {
                    percent,
                    message_length,
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Progress {
        Progress {
            sequence: AtomicU32::new(0),
            percent: AtomicI32::new(-1),
            length: AtomicI32::new(-1),
            message: [const { AtomicU8::new(0) }; MESSAGE_LIMIT + 1],
        }
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
        progress.length.store(i32::MAX, Ordering::Relaxed);
        let reading = progress.read(&mut buffer);
        assert_eq!(
            reading,
            Some(Reading {
                percent: 5,
                message_length: Some(MESSAGE_LIMIT)
            })
        );
        progress.percent.store(101, Ordering::Relaxed);
        assert_eq!(progress.read(&mut buffer), None);
        progress.percent.store(i32::MIN, Ordering::Relaxed);
        assert_eq!(progress.read(&mut buffer), None);
    }

    #[test]
    fn a_writer_that_died_in_the_middle_stops_nobody() {
        let progress = empty();
        let mut buffer = [0; MESSAGE_LIMIT];
        progress.write(5, Some(b"x"));
        progress.sequence.store(7, Ordering::Relaxed);
        assert_eq!(progress.read(&mut buffer), None);
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
