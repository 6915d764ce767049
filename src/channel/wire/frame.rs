//! Frames: the pieces in which messages of the response stream travel, through the queue or through a file.
//!
//! A short message is a frame as it stands. A longer one is several, each with the message's header (see
//! [`super::response`]), whose third byte says which piece it is:
//!
//! | flags | | behind the header |
//! |---|---|---|
//! | 0 | a whole message | its payload |
//! | 1 | the first piece | length u64 of the whole payload, then as much of it as is here |
//! | 3 | another piece | more of it |
//! | 2 | the last piece | the rest |
//!
//! A piece that does not continue ends whatever message was incomplete: who sent it was interrupted.
//!
//! In the queue a frame may also be a marker (kind `M`, with a length u64 behind the header): what comes next in the stream
//! is the file up to that length, then the queue goes on. In a file each frame follows its length u64, and zero bytes fill
//! up to a multiple of 8.

#![forbid(unsafe_code)]

use super::Malformed;
use super::bytes::{align8, u64_at};
use super::response::HEADER_LEN;

/// Bytes of the longest frame, wherever it travels.
pub const FRAME_MAX: usize = 16 * 1024;

/// Bytes before a frame in a file.
pub const LENGTH_LEN: usize = 8;

/// Bytes behind the header of a first piece before the payload.
pub const TOTAL_LEN: usize = 8;

/// Bytes of a message beyond which none can be: no row and no text of PostgreSQL's is larger.
pub const MESSAGE_MAX: u64 = 0x3FFF_FFFF + 4096;

const MORE: u8 = 1;
const CONTINUES: u8 = 2;
const MARKER: u8 = b'M';

/// Offset of the flags in the header.
const FLAGS: usize = 2;

/// A piece of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A message as it stands.
    Whole(&'a [u8]),
    /// The first piece: the message's header, the length of the whole payload, the part that is here.
    First([u8; HEADER_LEN], usize, &'a [u8]),
    /// More of the payload, but not the end.
    Middle(&'a [u8]),
    /// The end of the payload.
    Last(&'a [u8]),
    /// The file comes next, up to this length.
    Marker(u64),
}

impl<'a> Frame<'a> {
    /// What a frame is.
    ///
    /// # Errors
    ///
    /// It is shorter than what it has to hold, or longer than a frame can be.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > FRAME_MAX {
            return Err(Malformed::FrameLong);
        }
        let (header, rest) = bytes
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(Malformed::HeaderShort)?;
        let &[kind, _, flags, ..] = header;
        if kind == MARKER {
            return match (flags, rest.len(), u64_at(rest, 0)) {
                (0, 8, Some(length)) => Ok(Self::Marker(length)),
                _ => Err(Malformed::MarkerDamaged),
            };
        }
        match flags {
            0 => Ok(Self::Whole(bytes)),
            MORE => {
                let total = u64_at(rest, 0).ok_or(Malformed::FrameShort)?;
                let part = rest.get(TOTAL_LEN..).ok_or(Malformed::FrameShort)?;
                if total > MESSAGE_MAX {
                    return Err(Malformed::MessageLength);
                }
                let total = usize::try_from(total).map_err(|_| Malformed::MessageLength)?;
                if part.len() >= total {
                    return Err(Malformed::FrameExcess);
                }
                let mut header = *header;
                header[FLAGS] = 0;
                Ok(Self::First(header, total, part))
            }
            CONTINUES => Ok(Self::Last(rest)),
            flags if flags == MORE | CONTINUES => Ok(Self::Middle(rest)),
            _ => Err(Malformed::HeaderReserved),
        }
    }
}

/// How a message is cut into frames of at most `limit` bytes.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    header: [u8; HEADER_LEN],
    rest: &'a [u8],
    total: usize,
    limit: usize,
    is_begun: bool,
}

/// One of them: three parts, to be sent one behind the other.
pub type Parts<'a> = ([u8; HEADER_LEN], [u8; TOTAL_LEN], &'a [u8]);

impl<'a> Cut<'a> {
    /// A message of this header and payload. `limit` is a multiple of 8, more than both heads together.
    #[must_use]
    pub const fn new(header: [u8; HEADER_LEN], payload: &'a [u8], limit: usize) -> Self {
        Self {
            header,
            rest: payload,
            total: payload.len(),
            limit,
            is_begun: false,
        }
    }

    /// Whether it is one frame, so that `next` need not be asked.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        HEADER_LEN.saturating_add(self.total) <= self.limit
    }

    /// Whether `next` has returned the last one.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.is_begun && self.rest.is_empty()
    }

    /// The next frame of a message that is several: its header, the total length that belongs to the first frame alone, and
    /// its part of the payload. The flag says whether it is the first.
    pub fn next(&mut self) -> Option<(Parts<'a>, bool)> {
        let is_first = !self.is_begun;
        self.is_begun = true;
        let head = if is_first {
            HEADER_LEN.saturating_add(TOTAL_LEN)
        } else {
            HEADER_LEN
        };
        if self.is_done() && !is_first {
            return None;
        }
        let room = self.limit.saturating_sub(head).min(self.rest.len());
        let (part, rest) = self.rest.split_at_checked(room)?;
        self.rest = rest;
        let mut header = self.header;
        header[FLAGS] =
            if rest.is_empty() { 0 } else { MORE } | if is_first { 0 } else { CONTINUES };
        Some(((header, (self.total as u64).to_ne_bytes(), part), is_first))
    }
}

/// A marker: the file comes next, up to this length.
#[must_use]
pub const fn marker(length: u64) -> [u8; HEADER_LEN + 8] {
    let [a, b, c, d, e, f, g, h] = length.to_ne_bytes();
    [MARKER, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h]
}

/// Bytes that a frame takes in a file.
#[must_use]
pub const fn length_in_file(frame: usize) -> usize {
    align8(LENGTH_LEN.saturating_add(frame))
}

/// What stands at the start of a piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFile<'a> {
    /// A frame, and how many bytes it takes.
    Frame(&'a [u8], usize),
    /// Too little of it to tell, or not all of it.
    Cut,
}

/// The first frame of `bytes`, a piece of a file.
///
/// # Errors
///
/// Its length is one that no frame has.
pub fn first_in_file(bytes: &[u8]) -> Result<InFile<'_>, Malformed> {
    let Some(length) = u64_at(bytes, 0) else {
        return Ok(InFile::Cut);
    };
    let length = usize::try_from(length).map_err(|_| Malformed::FrameLong)?;
    if length > FRAME_MAX {
        return Err(Malformed::FrameLong);
    }
    let taken = length_in_file(length);
    let frame = bytes
        .get(..taken)
        .and_then(|all| all.get(LENGTH_LEN..)?.get(..length));
    Ok(frame.map_or(InFile::Cut, |frame| InFile::Frame(frame, taken)))
}
