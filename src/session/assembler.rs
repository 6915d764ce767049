//! Messages of the frames that they came in.

use crate::channel::wire::Malformed;
use crate::channel::wire::frame::Frame;
use crate::channel::wire::response::HEADER_LEN;
use crate::pg::memory::{Context, free};
use core::cell::Cell;
use core::ptr::NonNull;

/// Puts the frames of one stream together.
pub struct Assembler {
    /// For messages of several frames.
    context: Context,
    /// Where such a message is put together; kept for the next one.
    buffer: Cell<Option<NonNull<[u8]>>>,
    /// Bytes of the message that is incomplete, its header included; 0 if none is.
    total: Cell<usize>,
    /// How many of them are there.
    filled: Cell<usize>,
}

/// What a frame came to.
pub enum Piece<'a> {
    /// A whole message, MAXALIGNed as the frame was, valid until the next frame.
    Message(&'a [u8]),
    /// More has to come.
    Incomplete,
    /// The file comes next, up to this length.
    Marker(u64),
}

impl Assembler {
    /// Of a stream from its start, or from between two messages.
    pub const fn new(context: Context) -> Self {
        Self {
            context,
            buffer: Cell::new(None),
            total: Cell::new(0),
            filled: Cell::new(0),
        }
    }

    /// Takes the next frame.
    pub fn accept<'a>(&self, frame: &'a [u8]) -> Result<Piece<'a>, Malformed> {
        match Frame::decode(frame)? {
            Frame::Whole(message) => {
                // Whatever was incomplete will stay so.
                self.total.set(0);
                Ok(Piece::Message(message))
            }
            Frame::Marker(length) => Ok(Piece::Marker(length)),
            Frame::First(header, payload, part) => {
                self.total.set(0);
                self.make_room(HEADER_LEN + payload);
                self.total.set(HEADER_LEN + payload);
                self.filled.set(0);
                self.add(&header)?;
                self.add(part)?;
                Ok(Piece::Incomplete)
            }
            Frame::Middle(part) => {
                self.add(part)?;
                Ok(Piece::Incomplete)
            }
            Frame::Last(part) => {
                self.add(part)?;
                self.finish()
            }
        }
    }

    fn make_room(&self, length: usize) {
        if self
            .buffer
            .get()
            .is_some_and(|buffer| buffer.len() >= length)
        {
            return;
        }
        self.free();
        let place = self.context.alloc(length);
        self.buffer
            .set(Some(NonNull::slice_from_raw_parts(place, length)));
    }

    fn add(&self, part: &[u8]) -> Result<(), Malformed> {
        let (total, filled) = (self.total.get(), self.filled.get());
        let Some(buffer) = self.buffer.get().filter(|_| total > 0) else {
            return Err(Malformed::FrameUnexpected);
        };
        if part.len() > total - filled {
            return Err(Malformed::FrameExcess);
        }
        // SAFETY: `make_room` made room for `total` bytes, of which `filled` are taken; the frame is elsewhere.
        unsafe {
            buffer
                .cast::<u8>()
                .add(filled)
                .copy_from_nonoverlapping(NonNull::from(part).cast::<u8>(), part.len());
        }
        self.filled.set(filled + part.len());
        Ok(())
    }

    fn finish<'a>(&self) -> Result<Piece<'a>, Malformed> {
        let total = self.total.take();
        match self.buffer.get() {
            Some(buffer) if self.filled.get() == total => {
                // SAFETY: so many bytes were written. The lifetime is the caller's to keep.
                let message =
                    unsafe { core::slice::from_raw_parts(buffer.cast::<u8>().as_ptr(), total) };
                Ok(Piece::Message(message))
            }
            _ => Err(Malformed::FrameShort),
        }
    }

    /// Gives up its memory.
    pub fn free(&self) {
        self.total.set(0);
        if let Some(buffer) = self.buffer.take() {
            // SAFETY: allocated by `make_room`, and no message is in use any more.
            unsafe { free(buffer.cast::<u8>()) };
        }
    }
}
