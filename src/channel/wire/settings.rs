//! The settings section of a request: what `SerializeGUCState` wrote, which starts with its length as
//! a `Size`, then the reset values, of which that says nothing:
//!
//! | field | |
//! |---|---|
//! | source i32 | `GucSource` that the reset value comes from |
//! | context i32 | `GucContext` in which it was set |
//! | role u32 | OID of the role that set it; 0 before PostgreSQL 15 |
//! | name | of the setting, with its NUL |
//! | value | as text, with its NUL |
//!
//! They follow one another without padding.

#![forbid(unsafe_code)]

use core::ffi::CStr;

use super::bytes::{array_at, i32_at, u32_at};

/// Bytes of a reset value before its name.
const HEAD_LEN: usize = 12;

/// What RESET gives a setting of the session, where that is not the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetValue<'a> {
    /// `GucSource`.
    pub source: i32,
    /// `GucContext`.
    pub context: i32,
    /// OID of who set it.
    pub role: u32,
    /// The setting.
    pub name: &'a CStr,
    /// Its reset value, in the database's encoding.
    pub value: &'a CStr,
}

impl<'a> ResetValue<'a> {
    /// The parts that make it up, in order; `head` is what [`ResetValue::head`] returned.
    #[must_use]
    pub fn parts<'b>(&self, head: &'b [u8; HEAD_LEN]) -> [&'b [u8]; 3]
    where
        'a: 'b,
    {
        [
            head,
            self.name.to_bytes_with_nul(),
            self.value.to_bytes_with_nul(),
        ]
    }

    /// What comes before the name.
    #[must_use]
    pub fn head(&self) -> [u8; HEAD_LEN] {
        let mut head = [0; HEAD_LEN];
        let fields = [
            self.source.to_ne_bytes(),
            self.context.to_ne_bytes(),
            self.role.to_ne_bytes(),
        ];
        for (to, from) in head.iter_mut().zip(fields.as_flattened()) {
            *to = *from;
        }
        head
    }

    /// Splits the first one from what follows it.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let name = CStr::from_bytes_until_nul(bytes.get(HEAD_LEN..)?).ok()?;
        let rest = bytes.get(HEAD_LEN + name.to_bytes_with_nul().len()..)?;
        let value = CStr::from_bytes_until_nul(rest).ok()?;
        let reset_value = Self {
            source: i32_at(bytes, 0)?,
            context: i32_at(bytes, 4)?,
            role: u32_at(bytes, 8)?,
            name,
            value,
        };
        Some((reset_value, rest.get(value.to_bytes_with_nul().len()..)?))
    }
}

/// Whether the section is empty, or what `SerializeGUCState` wrote lies within it and whole reset
/// values follow.
#[must_use]
pub fn is_well_formed(section: &[u8]) -> bool {
    if section.is_empty() {
        return true;
    }
    let Some(mut rest) = after_state(section) else {
        return false;
    };
    while !rest.is_empty() {
        match ResetValue::split(rest) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// The reset values of a section that [`is_well_formed`].
pub fn reset_values(section: &[u8]) -> impl Iterator<Item = ResetValue<'_>> {
    let mut rest = after_state(section).unwrap_or(&[]);
    core::iter::from_fn(move || {
        let (reset_value, after) = ResetValue::split(rest)?;
        rest = after;
        Some(reset_value)
    })
}

/// What follows the settings that `SerializeGUCState` wrote.
fn after_state(section: &[u8]) -> Option<&[u8]> {
    const SIZE: usize = size_of::<usize>();
    let len = usize::from_ne_bytes(array_at::<SIZE>(section, 0)?);
    section.get(SIZE..)?.get(len..)
}
