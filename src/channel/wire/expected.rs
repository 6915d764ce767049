//! What the caller expects of a job's rows, as a section of the request.
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | kind u32 | 1: columns, 2: one JSON object for each row |
//! | 4 | count u32 | of columns; 0 for JSON |
//! | 8 | columns | [`COLUMN_LEN`] bytes each |
//!
//! Each column:
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | type u32 | OID, never 0 |
//! | 4 | typmod i32 | -1 for none |
//! | 8 | layout u64 | how rows inside of its values are laid out where it was declared, as in the description of rows |
//!
//! Whether there are such types is for the worker to find out.

#![forbid(unsafe_code)]

use super::Malformed;
use super::bytes::{i32_at, u32_at, u64_at};
use super::tuple::MAX_TUPLE_ATTRIBUTE_NUMBER;

/// Bytes before the first column.
pub const HEAD_LEN: usize = 8;

/// Bytes of a column.
pub const COLUMN_LEN: usize = 16;

const COLUMNS: u32 = 1;
const JSON: u32 = 2;

/// The section that asks for JSON.
static JSON_SECTION: [u8; HEAD_LEN] = head(JSON, 0);

/// What is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// It will be seen when they are read.
    Anything,
    /// One JSON object for each row, whatever its columns.
    Json,
    /// These columns.
    Columns(Declared<'a>),
}

/// Declared columns, all of them checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared<'a> {
    section: &'a [u8],
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub type_oid: u32,
    pub typmod: i32,
    pub layout: u64,
}

impl Column {
    /// As it travels.
    #[must_use]
    pub fn encode(&self) -> [u8; COLUMN_LEN] {
        let mut bytes = [0; COLUMN_LEN];
        bytes[0..4].copy_from_slice(&self.type_oid.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.typmod.to_ne_bytes());
        bytes[8..16].copy_from_slice(&self.layout.to_ne_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            type_oid: u32_at(bytes, 0)?,
            typmod: i32_at(bytes, 4)?,
            layout: u64_at(bytes, 8)?,
        })
    }
}

const fn head(kind: u32, count: u32) -> [u8; HEAD_LEN] {
    let [k0, k1, k2, k3] = kind.to_ne_bytes();
    let [c0, c1, c2, c3] = count.to_ne_bytes();
    [k0, k1, k2, k3, c0, c1, c2, c3]
}

/// What stands before the first of so many columns.
#[must_use]
pub const fn columns_head(count: u32) -> [u8; HEAD_LEN] {
    head(COLUMNS, count)
}

impl<'a> Expected<'a> {
    /// Reads the section; an empty one is [`Expected::Anything`].
    ///
    /// # Errors
    ///
    /// It is malformed.
    pub fn decode(section: &'a [u8]) -> Result<Self, Malformed> {
        if section.is_empty() {
            return Ok(Self::Anything);
        }
        let (Some(kind), Some(count)) = (u32_at(section, 0), u32_at(section, 4)) else {
            return Err(Malformed::ExpectedHead);
        };
        let columns = section.get(HEAD_LEN..).unwrap_or(&[]);
        match (kind, count as usize) {
            (JSON, 0) if columns.is_empty() => Ok(Self::Json),
            (COLUMNS, count) if count <= MAX_TUPLE_ATTRIBUTE_NUMBER => {
                if columns.len() != count * COLUMN_LEN {
                    return Err(Malformed::ExpectedColumns);
                }
                let expected = Declared { section };
                if expected.iter().any(|column| column.type_oid == 0) {
                    return Err(Malformed::ExpectedType);
                }
                Ok(Self::Columns(expected))
            }
            _ => Err(Malformed::ExpectedHead),
        }
    }

    /// As it travels.
    #[must_use]
    pub fn section(&self) -> &'a [u8] {
        match self {
            Self::Anything => &[],
            Self::Json => &JSON_SECTION,
            Self::Columns(columns) => columns.section,
        }
    }
}

impl<'a> Declared<'a> {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.section.len().saturating_sub(HEAD_LEN) / COLUMN_LEN
    }

    /// Each in turn.
    pub fn iter(&self) -> impl Iterator<Item = Column> + use<'a> {
        self.section
            .get(HEAD_LEN..)
            .unwrap_or(&[])
            .chunks_exact(COLUMN_LEN)
            .filter_map(Column::decode)
    }
}
