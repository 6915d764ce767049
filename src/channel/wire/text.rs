//! Cutting text to fit a fixed buffer.

#![forbid(unsafe_code)]

/// The longest part of `bytes` from its start that has at most `limit` bytes and ends where a
/// character does.
///
/// `char_len` tells how many bytes the first character of a text that is not empty has, as
/// `pg_mblen` does; its answer is bounded here, for it may come from an encoding that does not
/// match the text: 0 counts as 1, and a character that would extend beyond `limit` ends the copy. A
/// text that fits is returned whole, whatever `char_len` says.
#[must_use]
pub fn clip(bytes: &[u8], limit: usize, char_len: impl Fn(&[u8]) -> usize) -> &[u8] {
    if bytes.len() <= limit {
        return bytes;
    }
    let mut end = 0_usize;
    while let Some(rest @ [_, ..]) = bytes.get(end..) {
        let next = end.saturating_add(char_len(rest).max(1));
        if next > limit {
            break;
        }
        end = next;
    }
    bytes.get(..end).unwrap_or(bytes)
}
