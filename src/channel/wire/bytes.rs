//! Reading and writing native-endian integers at byte offsets, without a panic on any input.

#![forbid(unsafe_code)]

use core::ffi::CStr;

use crate::pg_sys::alignment::SERVER;

/// `len` bytes rounded up to the server's largest alignment, PostgreSQL's `MAXALIGN()`.
#[inline]
#[must_use]
pub const fn maxalign(len: usize) -> usize {
    SERVER.maxalign(len)
}

/// `len` bytes rounded up to where the next section of a request starts: a multiple of 8, which is
/// aligned enough for any type, whatever the server.
///
/// Saturates just below `usize::MAX`, which is no length of anything.
#[inline]
#[must_use]
pub const fn align8(len: usize) -> usize {
    const { assert!(SERVER.maximum <= 8) };
    len.saturating_add(7) & !7
}

/// The `N` bytes at offset `at`; `None` if they are not all there.
#[inline]
#[must_use]
pub fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// The u32 at offset `at`; `None` if it is not all there.
#[inline]
#[must_use]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_ne_bytes)
}

/// The i32 at offset `at`; `None` if it is not all there.
#[inline]
#[must_use]
pub fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    array_at(bytes, at).map(i32::from_ne_bytes)
}

/// The u64 at offset `at`; `None` if it is not all there.
#[inline]
#[must_use]
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_ne_bytes)
}

/// The i64 at offset `at`; `None` if it is not all there.
#[inline]
#[must_use]
pub fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    array_at(bytes, at).map(i64::from_ne_bytes)
}

/// Splits the string before the first NUL from what follows that NUL; `None` if there is no NUL.
#[inline]
#[must_use]
pub fn split_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let string = CStr::from_bytes_until_nul(bytes).ok()?.to_bytes();
    Some((string, bytes.get(string.len()..)?.get(1..)?))
}
