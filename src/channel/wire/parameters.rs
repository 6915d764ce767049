//! The parameters of a job's statements, as a section of the request.
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | count u32 | |
//! | 4 | u32 | zero |
//! | 8 | parameters | |
//!
//! Each parameter, at a multiple of 8 bytes:
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | type u32 | OID, never 0 |
//! | 4 | kind u32 | 0: null, 1: passed by value, 2: by reference |
//! | 8 | layout u64 | how rows inside of the value are laid out, as in the description of rows |
//! | 16 | value u64 | 0; the Datum; the bytes that follow |
//! | 24 | bytes | of a value by reference, flat, with zero bytes up to the next multiple of 8 |
//!
//! What the bytes must be is known by their type, which takes a look at the catalogs: the worker's duty.

#![forbid(unsafe_code)]

use super::Malformed;
use super::bytes::{align8, u32_at, u64_at};

/// Bytes before the first parameter.
pub const HEAD_LEN: usize = 8;

/// Bytes of a parameter before its value's own.
pub const PARAMETER_LEN: usize = 24;

const NULL: u32 = 0;
const BY_VALUE: u32 = 1;
const BY_REFERENCE: u32 = 2;

/// A parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Null,
    /// A Datum that is the value.
    Datum(u64),
    /// What a Datum points to, MAXALIGNed in a MAXALIGNed section.
    Bytes(&'a [u8]),
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    pub type_oid: u32,
    pub layout: u64,
    pub value: Value<'a>,
}

impl Parameter<'_> {
    /// What stands before the value's bytes.
    #[must_use]
    pub fn encode_fixed(&self) -> [u8; PARAMETER_LEN] {
        let (kind, word) = match self.value {
            Value::Null => (NULL, 0),
            Value::Datum(datum) => (BY_VALUE, datum),
            Value::Bytes(bytes) => (BY_REFERENCE, bytes.len() as u64),
        };
        let mut fixed = [0; PARAMETER_LEN];
        fixed[0..4].copy_from_slice(&self.type_oid.to_ne_bytes());
        fixed[4..8].copy_from_slice(&kind.to_ne_bytes());
        fixed[8..16].copy_from_slice(&self.layout.to_ne_bytes());
        fixed[16..24].copy_from_slice(&word.to_ne_bytes());
        fixed
    }

    /// Bytes of the parameter with what pads it; none can be longer than a message.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match self.value {
            Value::Bytes(bytes) => PARAMETER_LEN.saturating_add(align8(bytes.len())),
            _ => PARAMETER_LEN,
        }
    }
}

/// What stands before the first of so many parameters.
#[must_use]
pub fn encode_head(count: u32) -> [u8; HEAD_LEN] {
    let mut head = [0; HEAD_LEN];
    head[0..4].copy_from_slice(&count.to_ne_bytes());
    head
}

/// The section, checked: iterating over it cannot fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters<'a> {
    section: &'a [u8],
    count: usize,
}

impl<'a> Parameters<'a> {
    /// No parameters.
    pub const NONE: Self = Self {
        section: &[],
        count: 0,
    };

    /// Reads the section; an empty one is no parameters.
    ///
    /// # Errors
    ///
    /// It is malformed.
    pub fn decode(section: &'a [u8]) -> Result<Self, Malformed> {
        if section.is_empty() {
            return Ok(Self::NONE);
        }
        let (Some(count), Some(0)) = (u32_at(section, 0), u32_at(section, 4)) else {
            return Err(Malformed::ParametersHead);
        };
        let mut rest = section.get(HEAD_LEN..).unwrap_or(&[]);
        for _ in 0..count {
            take(&mut rest)?;
        }
        if !rest.is_empty() {
            return Err(Malformed::ParametersTrailing);
        }
        Ok(Self {
            section,
            count: count as usize,
        })
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// As it travels.
    #[must_use]
    pub fn section(&self) -> &'a [u8] {
        self.section
    }

    /// Each in turn.
    pub fn iter(&self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        let mut rest = self.section.get(HEAD_LEN..).unwrap_or(&[]);
        (0..self.count).map_while(move |_| take(&mut rest).ok())
    }
}

/// Splits one parameter from `rest`.
fn take<'a>(rest: &mut &'a [u8]) -> Result<Parameter<'a>, Malformed> {
    let (fixed, after) = rest
        .split_first_chunk::<PARAMETER_LEN>()
        .ok_or(Malformed::ParameterTruncated)?;
    let field = |at| u32_at(fixed, at).ok_or(Malformed::ParameterTruncated);
    let word = |at| u64_at(fixed, at).ok_or(Malformed::ParameterTruncated);
    let type_oid = field(0)?;
    if type_oid == 0 {
        return Err(Malformed::ParameterType);
    }
    *rest = after;
    let value = match (field(4)?, word(16)?) {
        (NULL, 0) => Value::Null,
        (BY_VALUE, datum) => Value::Datum(datum),
        (BY_REFERENCE, len) => {
            let len = usize::try_from(len).map_err(|_| Malformed::ParameterTruncated)?;
            let (padded, after) = after
                .split_at_checked(align8(len))
                .ok_or(Malformed::ParameterTruncated)?;
            let (bytes, padding) = padded
                .split_at_checked(len)
                .ok_or(Malformed::ParameterTruncated)?;
            if padding.iter().any(|&byte| byte != 0) {
                return Err(Malformed::ParameterPadding);
            }
            *rest = after;
            Value::Bytes(bytes)
        }
        _ => return Err(Malformed::ParameterKind),
    };
    Ok(Parameter {
        type_oid,
        layout: word(8)?,
        value,
    })
}
