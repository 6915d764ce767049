//! Tests of checking values of variable width.

use super::super::Malformed;
use super::tuple::{CHAR, CSTRING, DOUBLES, INT4, TEXT, check};
use super::{HASVARWIDTH, Tuple, external, long, long_of, short};
use crate::pg_sys::alignment::SERVER;

#[test]
fn a_short_varlena_needs_no_alignment() {
    let tuple = Tuple::new()
        .fixed(1, b"c")
        .variable(1, &short(b"ab"))
        .fixed(4, &[1; 4])
        .build();
    assert_eq!(check(&tuple, &[CHAR, TEXT, INT4]), Ok(()));
    assert_eq!(check(&tuple, &[CHAR, DOUBLES, INT4]), Ok(()));
}

#[test]
fn a_short_varlena_may_be_one_byte_or_the_longest() {
    for len in [0, 1, 125, 126] {
        let tuple = Tuple::new().variable(1, &short(&vec![b'x'; len])).build();
        assert_eq!(check(&tuple, &[TEXT]), Ok(()));
    }
}

#[test]
fn a_long_varlena_follows_its_padding() {
    for (types, align) in [([CHAR, TEXT], 4), ([CHAR, DOUBLES], 8)] {
        let tuple = Tuple::new()
            .fixed(1, b"c")
            .variable(align, &long(b"abcdefgh"))
            .build();
        assert_eq!(check(&tuple, &types), Ok(()));
    }
}

#[test]
fn a_long_varlena_that_is_not_aligned_is_refused() {
    // 4 bytes of content: the first byte of the length word is not zero in either byte order.
    let mut value = long(b"abcd");
    if cfg!(target_endian = "big") {
        value = long_of(0x0100_0008, false, b"abcd");
    }
    let tuple = Tuple::new().fixed(1, b"c").variable(1, &value).build();
    assert_eq!(
        check(&tuple, &[CHAR, TEXT]),
        Err(Malformed::VarlenaUnaligned)
    );
}

#[test]
fn a_varlena_cut_anywhere_is_refused() {
    let whole = Tuple::new().variable(4, &long(b"abcdefgh")).build();
    let short = Tuple::new().variable(1, &short(b"abcdefgh")).build();
    for whole in [whole, short] {
        for len in 16..whole.len() {
            let mut cut = whole[..len].to_vec();
            cut[0..4].copy_from_slice(&u32::try_from(len).unwrap().to_ne_bytes());
            assert_eq!(
                check(&cut, &[TEXT]),
                Err(Malformed::AttributeTruncated),
                "{len} bytes"
            );
        }
    }
}

#[test]
fn a_varlena_behind_the_last_byte_is_refused() {
    let tuple = Tuple::new().fixed(1, b"c").variable(1, b"").build();
    assert_eq!(
        check(&tuple, &[CHAR, TEXT]),
        Err(Malformed::AttributeTruncated)
    );
    // Padding up to the end, and no value behind it.
    let tuple = Tuple::new().fixed(1, b"c").variable(1, &[0; 3]).build();
    assert_eq!(
        check(&tuple, &[CHAR, TEXT]),
        Err(Malformed::AttributeTruncated)
    );
    let tuple = Tuple::new().fixed(1, b"c").variable(1, &[0; 2]).build();
    assert_eq!(
        check(&tuple, &[CHAR, TEXT]),
        Err(Malformed::AttributeTruncated)
    );
}

#[test]
fn a_varlena_longer_than_its_tuple_is_refused() {
    for size in [9, 13, 0x3FFF_FFFF] {
        let tuple = Tuple::new()
            .variable(4, &long_of(size, false, b"abcd"))
            .build();
        assert_eq!(
            check(&tuple, &[TEXT]),
            Err(Malformed::AttributeTruncated),
            "{size} bytes"
        );
    }
}

#[test]
fn a_varlena_shorter_than_its_length_word_is_refused() {
    for size in 0..4 {
        let tuple = Tuple::new()
            .variable(4, &long_of(size, false, b"abcd"))
            .build();
        assert_eq!(
            check(&tuple, &[TEXT]),
            Err(Malformed::VarlenaLength),
            "{size} bytes"
        );
    }
    let tuple = Tuple::new().variable(4, &long(b"")).build();
    assert_eq!(check(&tuple, &[TEXT]), Ok(()));
}

#[test]
fn a_compressed_varlena_has_at_least_its_header() {
    for size in 0..8 {
        let tuple = Tuple::new()
            .variable(4, &long_of(size, true, b"abcdefgh"))
            .build();
        assert_eq!(
            check(&tuple, &[TEXT]),
            Err(Malformed::VarlenaCompressed),
            "{size} bytes"
        );
    }
    let tuple = Tuple::new().variable(4, &long_of(8, true, b"abcd")).build();
    assert_eq!(check(&tuple, &[TEXT]), Ok(()));
    let tuple = Tuple::new().variable(4, &long_of(9, true, b"abcd")).build();
    assert_eq!(check(&tuple, &[TEXT]), Err(Malformed::AttributeTruncated));
}

#[test]
fn an_external_varlena_is_refused() {
    let tuple = Tuple::new().variable(1, &external()).build();
    assert_eq!(check(&tuple, &[TEXT]), Err(Malformed::VarlenaExternal));
    // Behind padding, where PostgreSQL would find it just the same.
    let tuple = Tuple::new().fixed(1, b"c").variable(4, &external()).build();
    assert_eq!(
        check(&tuple, &[CHAR, TEXT]),
        Err(Malformed::VarlenaExternal)
    );
}

#[test]
fn a_cstring_ends_within_its_tuple() {
    let tuple = Tuple::new().variable(1, b"ab\0").variable(1, b"\0").build();
    assert_eq!(check(&tuple, &[CSTRING, CSTRING]), Ok(()));
    let tuple = Tuple::new().variable(1, b"ab\0").variable(1, b"cd").build();
    assert_eq!(
        check(&tuple, &[CSTRING, CSTRING]),
        Err(Malformed::CstringUnterminated)
    );
    let tuple = Tuple::new().variable(1, b"ab\0").variable(1, b"").build();
    assert_eq!(
        check(&tuple, &[CSTRING, CSTRING]),
        Err(Malformed::CstringUnterminated)
    );
    // Aligned beyond the end.
    assert_eq!(
        check(&tuple, &[CSTRING, (-2, 8)]),
        Err(Malformed::AttributeTruncated)
    );
}

#[test]
fn values_of_variable_width_need_their_flag() {
    let tuple = Tuple::new()
        .variable(1, &short(b"a"))
        .without(HASVARWIDTH)
        .build();
    assert_eq!(check(&tuple, &[TEXT]), Err(Malformed::AttributeWidth));
    let tuple = Tuple::new()
        .variable(1, b"a\0")
        .without(HASVARWIDTH)
        .build();
    assert_eq!(check(&tuple, &[CSTRING]), Err(Malformed::AttributeWidth));
    let tuple = Tuple::new().null().build();
    assert_eq!(check(&tuple, &[TEXT]), Ok(()), "a null has no width");
}

#[test]
fn bytes_behind_the_last_attribute_are_of_no_interest() {
    // A tuple whose last columns were dropped, or that was padded.
    let mut tuple = Tuple::new().fixed(4, &[1; 4]).fixed(4, &[0; 4]).build();
    let at = SERVER.minimal_tuple_header() - 5;
    tuple[at..at + 2].copy_from_slice(&1_u16.to_ne_bytes());
    assert_eq!(check(&tuple, &[INT4]), Ok(()));
}
