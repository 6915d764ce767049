//! The response stream, from the worker to its launcher.
//!
//! One job's responses are notices in any place, one row description if the job returns rows, then
//! rows, and an error if it failed. Each travels as one `shm_mq` message. Its header is 8 bytes, so
//! that what follows is MAXALIGNed whenever the message itself is, as it is both in the ring and in
//! the reassembly buffer of `shm_mq.c`:
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | kind u8 | see [`Kind`] |
//! | 1 | encoding u8 | `pg_enc` of the text inside; `PG_VALID_ENCODING` is not checked here |
//! | 2 | reserved | two zero bytes |
//! | 4 | count u32 | columns of a description, rows of a batch; 0 otherwise |
//!
//! Payloads:
//!
//! - description: for each column its type's OID (u32), typmod (i32), the type that it has in the
//!   job where it crosses as another (u32), layout (u64: how rows inside of its values are laid out, 0
//!   for types that have none) and NUL-terminated name, without padding;
//! - rows: minimal tuples, each at a multiple of 8 bytes from the payload's start, whatever the
//!   bytes between; the last one may be padded likewise;
//! - notice, error: see [`super::report`].
//!
//! All integers are native-endian.

#![forbid(unsafe_code)]

use super::Malformed;
use super::bytes::{array_at, i32_at, split_nul, u32_at, u64_at};
use super::report::{Report, Severity};
use super::tuple::{MAX_TUPLE_ATTRIBUTE_NUMBER, check_tuple_header, maxalign};

/// Bytes of a message's header.
pub const HEADER_LEN: usize = 8;

/// Bytes of a column before its name.
pub const COLUMN_LEN: usize = 20;

/// The longest column name that is accepted, in bytes without its NUL.
///
/// Names in a database are shorter than `NAMEDATALEN`, 64 bytes, which may grow when converted to
/// another encoding.
pub const COLUMN_NAME_MAX: usize = 1023;

/// The kind of a message, its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The columns of the rows to come.
    RowDescription = b'T',
    /// One or more rows.
    Rows = b'D',
    /// A report less severe than ERROR.
    Notice = b'N',
    /// A report of severity ERROR or worse.
    Error = b'E',
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'T' => Self::RowDescription,
            b'D' => Self::Rows,
            b'N' => Self::Notice,
            b'E' => Self::Error,
            _ => return None,
        })
    }
}

/// The header of a message; `count` as in the table above.
#[must_use]
pub const fn header(kind: Kind, encoding: u8, count: u32) -> [u8; HEADER_LEN] {
    let [c0, c1, c2, c3] = count.to_ne_bytes();
    [kind as u8, encoding, 0, 0, c0, c1, c2, c3]
}

/// What precedes a column's NUL-terminated name in a row description.
#[must_use]
pub const fn column(type_oid: u32, typmod: i32, own_type: u32, layout: u64) -> [u8; COLUMN_LEN] {
    let [t0, t1, t2, t3] = type_oid.to_ne_bytes();
    let [m0, m1, m2, m3] = typmod.to_ne_bytes();
    let [o0, o1, o2, o3] = own_type.to_ne_bytes();
    let [l0, l1, l2, l3, l4, l5, l6, l7] = layout.to_ne_bytes();
    [
        t0, t1, t2, t3, m0, m1, m2, m3, o0, o1, o2, o3, l0, l1, l2, l3, l4, l5, l6, l7,
    ]
}

/// A message from the worker, borrowing from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// The columns of the rows to come.
    Description(Description<'a>),
    /// One or more rows.
    Rows(Rows<'a>),
    /// A report less severe than ERROR, and the encoding of its text.
    Notice(Report<'a>, u8),
    /// A report of severity ERROR or worse, and the encoding of its text.
    Error(Report<'a>, u8),
}

/// What has been received of one job's responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Columns that the row description announced.
    columns: Option<usize>,
}

impl Stream {
    /// Nothing received yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { columns: None }
    }

    /// How many columns the rows have; `None` before the row description.
    #[cfg(any(test, fuzzing))]
    #[must_use]
    pub const fn columns(&self) -> Option<usize> {
        self.columns
    }

    /// Decodes the next message, one whole `shm_mq` message.
    ///
    /// Of rows only the tuples' headers are checked; before PostgreSQL may deform one, it must pass
    /// [`super::tuple::check_tuple_attributes`] too.
    ///
    /// # Errors
    ///
    /// The message is malformed or out of order. What was received before stays valid.
    pub fn accept<'a>(&mut self, message: &'a [u8]) -> Result<Message<'a>, Malformed> {
        let (header, payload) = message
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(Malformed::HeaderShort)?;
        let &[kind, encoding, reserved0, reserved1, c0, c1, c2, c3] = header;
        let count = u32::from_ne_bytes([c0, c1, c2, c3]);
        if (reserved0, reserved1) != (0, 0) {
            return Err(Malformed::HeaderReserved);
        }
        match Kind::from_byte(kind).ok_or(Malformed::KindUnknown)? {
            Kind::RowDescription => {
                if self.columns.is_some() {
                    return Err(Malformed::DescriptionRepeated);
                }
                let description = Description::decode(payload, count, encoding)?;
                self.columns = Some(description.len());
                Ok(Message::Description(description))
            }
            Kind::Rows => {
                let columns = self.columns.ok_or(Malformed::RowUndescribed)?;
                Ok(Message::Rows(Rows::decode(payload, count, columns)?))
            }
            Kind::Notice => Ok(Message::Notice(report(payload, count, false)?, encoding)),
            Kind::Error => Ok(Message::Error(report(payload, count, true)?, encoding)),
        }
    }
}

/// Decodes a report whose severity must fit the kind of message, as `send_message_to_frontend`
/// chooses it.
fn report(payload: &[u8], count: u32, is_error: bool) -> Result<Report<'_>, Malformed> {
    if count != 0 {
        return Err(Malformed::ReportCount);
    }
    let report = Report::decode(payload)?;
    if (report.severity() >= Severity::Error) != is_error {
        return Err(Malformed::SeverityKind);
    }
    Ok(report)
}

/// One column of a row description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    /// The type's OID, never 0. Whether there is such a type is for the launcher to find out.
    pub type_oid: u32,
    /// The type modifier, -1 for none.
    pub typmod: i32,
    /// The type that it has in the job; another where its values cross as text.
    pub own_type: u32,
    /// The worker's `rows::layout` of the type.
    pub layout: u64,
    /// The name without its NUL, which follows it in the message; at most [`COLUMN_NAME_MAX`]
    /// bytes.
    pub name: &'a [u8],
}

impl<'a> Column<'a> {
    /// Splits the first column from `rest`.
    fn decode(rest: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        let Some((fixed, text)) = rest.split_first_chunk::<COLUMN_LEN>() else {
            return Err(Malformed::ColumnTruncated);
        };
        let (Some(type_oid), Some(typmod), Some(own_type), Some(layout)) = (
            u32_at(fixed, 0),
            i32_at(fixed, 4),
            u32_at(fixed, 8),
            u64_at(fixed, 12),
        ) else {
            return Err(Malformed::ColumnTruncated);
        };
        if type_oid == 0 || own_type == 0 {
            return Err(Malformed::ColumnType);
        }
        // A longer name is not searched for its end, which may be far away.
        let window = text.get(..=COLUMN_NAME_MAX);
        let Some((name, _)) = split_nul(window.unwrap_or(text)) else {
            return Err(match window {
                Some(_) => Malformed::ColumnNameLong,
                None => Malformed::ColumnNameUnterminated,
            });
        };
        let after = text.get(name.len()..).and_then(|nul| nul.get(1..));
        let after = after.ok_or(Malformed::ColumnNameUnterminated)?;
        Ok((
            Self {
                type_oid,
                typmod,
                own_type,
                layout,
                name,
            },
            after,
        ))
    }
}

/// The columns of the rows to come, all of them checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    payload: &'a [u8],
    count: usize,
    encoding: u8,
}

impl<'a> Description<'a> {
    fn decode(payload: &'a [u8], count: u32, encoding: u8) -> Result<Self, Malformed> {
        let count = count as usize;
        if count > MAX_TUPLE_ATTRIBUTE_NUMBER {
            return Err(Malformed::DescriptionColumns);
        }
        let mut rest = payload;
        for _ in 0..count {
            (_, rest) = Column::decode(rest)?;
        }
        if !rest.is_empty() {
            return Err(Malformed::DescriptionTrailing);
        }
        Ok(Self {
            payload,
            count,
            encoding,
        })
    }

    /// How many columns there are: 0 to [`MAX_TUPLE_ATTRIBUTE_NUMBER`].
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether the rows have no columns, as those of `SELECT FROM t`.
    #[cfg(any(test, fuzzing))]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// `pg_enc` of the names.
    #[must_use]
    pub const fn encoding(&self) -> u8 {
        self.encoding
    }

    /// The columns in order.
    pub fn columns(&self) -> impl Iterator<Item = Column<'a>> + use<'a> {
        let mut rest = self.payload;
        core::iter::from_fn(move || {
            let (column, after) = Column::decode(rest).ok()?;
            rest = after;
            Some(column)
        })
    }
}

/// A batch of rows whose headers are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows<'a> {
    payload: &'a [u8],
    count: usize,
}

impl<'a> Rows<'a> {
    fn decode(payload: &'a [u8], count: u32, columns: usize) -> Result<Self, Malformed> {
        let count = count as usize;
        if count == 0 {
            return Err(Malformed::RowsNone);
        }
        // No tuple is empty, so a count beyond what the payload can hold soon finds nothing left.
        let mut rest = payload;
        for _ in 1..count {
            let tuple = check_tuple_header(rest, columns)?;
            rest = rest
                .get(maxalign(tuple.len())..)
                .ok_or(Malformed::TupleTruncated)?;
        }
        let last = check_tuple_header(rest, columns)?;
        if rest.len() != last.len() && rest.len() != maxalign(last.len()) {
            return Err(Malformed::RowsTrailing);
        }
        Ok(Self { payload, count })
    }

    /// How many rows there are, at least one.
    #[cfg(any(test, fuzzing))]
    #[must_use]
    // Not expect(): the lint looks at exported types only, and the including crate decides that.
    #[allow(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// The rows in order, each a minimal tuple of exactly its `t_len` bytes, MAXALIGNed if the
    /// message is.
    #[must_use]
    pub const fn tuples(&self) -> Tuples<'a> {
        Tuples { rest: self.payload }
    }
}

/// Iterator over the minimal tuples of a batch.
#[derive(Clone, Debug)]
pub struct Tuples<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tuples<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let len = u32::from_ne_bytes(array_at(self.rest, 0)?) as usize;
        let tuple = self.rest.get(..len)?;
        // The last tuple need not be padded.
        self.rest = self.rest.get(maxalign(len)..).unwrap_or(&[]);
        Some(tuple)
    }
}
