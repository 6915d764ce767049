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
//! They follow one another without padding. The settings themselves are PostgreSQL's to read; [`entries`] tells one from the
//! other, for whoever compares those of two processes:
//!
//! | field | |
//! |---|---|
//! | name | of the setting, with its NUL |
//! | value | as text, with its NUL |
//! | file | where it was set, with its NUL; often empty |
//! | line i32 | unless the file is empty |
//! | source i32 | `GucSource` |
//! | context i32 | `GucContext` |
//! | role u32 | OID of the role that set it; not before PostgreSQL 15 |

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

/// One of the settings that `SerializeGUCState` wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The setting.
    pub name: &'a CStr,
    /// Its value, in the database's encoding.
    pub value: &'a CStr,
    /// The file and, if there is one, the line.
    pub place: &'a [u8],
    /// `GucSource`.
    pub source: i32,
    /// `GucContext`.
    pub context: i32,
    /// OID of who set it; 0 before PostgreSQL 15.
    pub role: u32,
    /// All of it, as it was written.
    pub bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Splits the first one from what follows it.
    fn split(bytes: &'a [u8], has_role: bool) -> Option<(Self, &'a [u8])> {
        let name = CStr::from_bytes_until_nul(bytes).ok()?;
        let rest = bytes.get(name.to_bytes_with_nul().len()..)?;
        let value = CStr::from_bytes_until_nul(rest).ok()?;
        let rest = rest.get(value.to_bytes_with_nul().len()..)?;
        let file = CStr::from_bytes_until_nul(rest).ok()?;
        let line_len = if file.is_empty() { 0 } else { 4 };
        let (place, rest) = rest.split_at_checked(file.to_bytes_with_nul().len() + line_len)?;
        let len = if has_role { 12 } else { 8 };
        let entry = Self {
            name,
            value,
            place,
            source: i32_at(rest, 0)?,
            context: i32_at(rest, 4)?,
            role: if has_role { u32_at(rest, 8)? } else { 0 },
            bytes: &[],
        };
        let after = rest.get(len..)?;
        let bytes = bytes.get(..bytes.len() - after.len())?;
        Some((Self { bytes, ..entry }, after))
    }

    /// Whether a file says so.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.place != [0]
    }
}

/// The settings of a section that [`is_well_formed`], up to where they make no sense.
pub fn entries(section: &[u8], has_role: bool) -> impl Iterator<Item = Entry<'_>> {
    let mut rest = state(section);
    core::iter::from_fn(move || {
        let (entry, after) = Entry::split(rest, has_role)?;
        rest = after;
        Some(entry)
    })
}

/// Whether [`entries`] are all that there is.
#[must_use]
pub fn are_entries(section: &[u8], has_role: bool) -> bool {
    let len: usize = entries(section, has_role)
        .map(|entry| entry.bytes.len())
        .sum();
    len == state(section).len()
}

/// What `SerializeGUCState` wrote, without its length.
fn state(section: &[u8]) -> &[u8] {
    let before = after_state(section).map_or(section.len(), |after| section.len() - after.len());
    section.get(size_of::<usize>()..before).unwrap_or(&[])
}

/// What follows the settings that `SerializeGUCState` wrote.
fn after_state(section: &[u8]) -> Option<&[u8]> {
    const SIZE: usize = size_of::<usize>();
    let len = usize::from_ne_bytes(array_at::<SIZE>(section, 0)?);
    section.get(SIZE..)?.get(len..)
}
