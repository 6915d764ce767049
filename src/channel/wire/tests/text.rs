//! Tests of cutting text.

use super::super::text::clip;

/// Length of a UTF-8 character by its first byte, as `pg_utf_mblen`.
fn utf8(text: &[u8]) -> usize {
    match text[0] {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    }
}

#[test]
fn text_that_fits_is_whole() {
    assert_eq!(clip(b"", 0, utf8), b"");
    assert_eq!(clip(b"abc", 3, utf8), b"abc");
    assert_eq!(clip(b"abc", usize::MAX, utf8), b"abc");
}

#[test]
fn text_is_cut_where_a_character_ends() {
    let text = "a\u{e9}\u{20ac}\u{1f418}z";
    for limit in 0..=text.len() {
        let cut = core::str::from_utf8(clip(text.as_bytes(), limit, utf8)).unwrap();
        assert!(text.starts_with(cut) && cut.len() <= limit);
        // The next character would not have fitted.
        assert!(
            text[cut.len()..]
                .chars()
                .next()
                .is_none_or(|c| cut.len() + c.len_utf8() > limit)
        );
    }
}

#[test]
fn a_length_of_zero_still_makes_progress() {
    assert_eq!(clip(b"abcdef", 4, |_| 0), b"abcd");
}

#[test]
fn a_character_never_passes_the_end() {
    assert_eq!(clip(b"abcdef", 4, |_| usize::MAX), b"");
    assert_eq!(clip(b"abcdef", 4, |rest| rest.len() - 2), b"abcd");
    assert_eq!(clip(b"abcdef", 4, |rest| rest.len() + 1), b"");
}

#[test]
fn the_length_function_never_sees_an_empty_text() {
    let never_empty = |rest: &[u8]| {
        assert!(!rest.is_empty());
        1
    };
    assert_eq!(clip(b"abcdef", 5, never_empty), b"abcde");
}
