//! Sections: the parts of a request that have no fixed length, each at a multiple of 8 bytes.

#![forbid(unsafe_code)]

use core::ffi::CStr;

use super::Malformed;
use super::bytes::{align8, u64_at};

/// The zero bytes that follow a section of `len` bytes, at most 7.
#[must_use]
pub fn padding(len: usize) -> &'static [u8] {
    const ZERO: [u8; 7] = [0; 7];
    ZERO.get(..align8(len).saturating_sub(len)).unwrap_or(&[])
}

/// Splits the section whose length stands at offset `len_at` of the fixed part from `rest`.
pub fn section<'a>(
    rest: &mut &'a [u8],
    fixed: &[u8],
    len_at: usize,
) -> Result<&'a [u8], Malformed> {
    let len = u64_at(fixed, len_at).ok_or(Malformed::RequestShort)?;
    let (section, after) = usize::try_from(len)
        .ok()
        .and_then(|len| rest.split_at_checked(len))
        .ok_or(Malformed::RequestTruncated)?;
    *rest = after;
    Ok(section)
}

/// The string that a section holds, if it is not empty.
pub fn text(section: &[u8], otherwise: Malformed) -> Result<Option<&CStr>, Malformed> {
    match section {
        [] => Ok(None),
        _ => CStr::from_bytes_with_nul(section)
            .map(Some)
            .map_err(|_| otherwise),
    }
}

/// Drops the padding after a section of `len` bytes from `rest`.
pub fn skip_padding(rest: &mut &[u8], len: usize) -> Result<(), Malformed> {
    let zeros = padding(len);
    let (between, after) = rest
        .split_at_checked(zeros.len())
        .ok_or(Malformed::RequestTruncated)?;
    if between != zeros {
        return Err(Malformed::RequestPadding);
    }
    *rest = after;
    Ok(())
}
