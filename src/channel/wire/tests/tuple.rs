//! Tests of checking minimal tuples.

use super::super::Malformed;
use super::super::tuple::{
    Attribute, check_attributes, check_header, check_tuple_attributes, check_tuple_header,
};
use super::{ALIGNMENTS, HASEXTERNAL, HASNULL, HASOID_OLD, HASVARWIDTH, Tuple, long, short};
use crate::pg_sys::alignment::{Alignment, SERVER};

pub const CHAR: (i16, u8) = (1, 1);
pub const INT2: (i16, u8) = (2, 2);
pub const INT4: (i16, u8) = (4, 4);
pub const INT8: (i16, u8) = (8, 8);
pub const NAME: (i16, u8) = (64, 1);
pub const TEXT: (i16, u8) = (-1, 4);
pub const DOUBLES: (i16, u8) = (-1, 8);
pub const CSTRING: (i16, u8) = (-2, 1);

fn attributes(types: &[(i16, u8)]) -> Vec<Attribute> {
    types
        .iter()
        .map(|&(len, align)| Attribute::new(len, align).unwrap())
        .collect()
}

/// Both checks, as the launcher makes them.
pub fn check(tuple: &[u8], types: &[(i16, u8)]) -> Result<(), Malformed> {
    let checked = check_tuple_header(tuple, types.len())?;
    assert_eq!(checked, tuple);
    check_tuple_attributes(checked, &attributes(types))
}

/// The same as a launcher of a server with these alignments makes them.
fn check_aligned(tuple: &[u8], types: &[(i16, u8)], alignment: Alignment) -> Result<(), Malformed> {
    let checked = check_header(tuple, types.len(), alignment)?;
    assert_eq!(checked, tuple);
    check_attributes(checked, &attributes(types), alignment)
}

#[test]
fn attributes_are_only_what_the_catalog_allows() {
    for len in [-2, -1, 1, 2, 12, i16::MAX] {
        for align in [1, 2, 4, 8] {
            assert!(Attribute::new(len, align).is_some());
        }
        for align in [0, 3, 5, 6, 7, 9, 16, 255] {
            assert_eq!(Attribute::new(len, align), None);
        }
    }
    for len in [0, -3, i16::MIN] {
        assert_eq!(Attribute::new(len, 4), None);
    }
    let double = u8::try_from(SERVER.double).unwrap();
    for (letter, align) in [(b'c', 1), (b's', 2), (b'i', 4), (b'd', double)] {
        assert_eq!(Attribute::from_catalog(4, letter), Attribute::new(4, align));
    }
    assert_eq!(Attribute::from_catalog(4, b'x'), None);
    assert_eq!(Attribute::from_catalog(0, b'i'), None);
}

#[test]
fn tuples_as_postgresql_makes_them_pass() {
    for alignment in ALIGNMENTS {
        let tuple = Tuple::new()
            .aligned(alignment)
            .fixed(1, b"c")
            .fixed(2, &[1, 2])
            .null()
            .fixed(alignment.double, &[3; 8])
            .variable(1, &short(b"short"))
            .variable(4, &long(&[b'x'; 200]))
            .variable(1, b"cstring\0")
            .fixed(4, &[4; 4])
            .fixed(1, &[5; 64])
            .build();
        let int8 = (8, u8::try_from(alignment.double).unwrap());
        let types = [CHAR, INT2, INT4, int8, TEXT, TEXT, CSTRING, INT4, NAME];
        assert_eq!(check_aligned(&tuple, &types, alignment), Ok(()));
    }
}

#[test]
fn a_tuple_of_a_server_with_other_alignments_is_refused() {
    for (ours, theirs) in [(8, 4), (4, 8)] {
        let alignment = |maximum| Alignment { maximum, double: 4 };
        let tuple = Tuple::new().aligned(alignment(theirs)).fixed(4, &[1; 4]);
        let tuple = tuple.fixed(4, &[2; 4]).build();
        assert!(check_header(&tuple, 2, alignment(ours)).is_err());
        assert!(check_header(&tuple, 2, alignment(theirs)).is_ok());
    }
}

#[test]
fn a_tuple_without_attributes_passes() {
    assert_eq!(check(&Tuple::new().build(), &[]), Ok(()));
    assert_eq!(check(&Tuple::new().build(), &[INT4]), Ok(()));
}

#[test]
fn a_tuple_of_nulls_passes_whatever_its_number_of_columns() {
    for natts in [1, 7, 8, 9, 16, 17, 1600, 1664] {
        let tuple = (0..natts).fold(Tuple::new(), |tuple, _| tuple.null());
        assert_eq!(check(&tuple.build(), &vec![TEXT; natts]), Ok(()));
    }
}

#[test]
fn fewer_attributes_than_announced_are_accepted() {
    let tuple = Tuple::new().fixed(4, &[1; 4]).build();
    assert_eq!(check(&tuple, &[INT4, TEXT, CSTRING]), Ok(()));
}

#[test]
fn more_attributes_than_announced_are_refused() {
    let tuple = Tuple::new().fixed(4, &[1; 4]).fixed(4, &[2; 4]).build();
    assert_eq!(check(&tuple, &[INT4]), Err(Malformed::TupleAttributes));
    let attributes = attributes(&[INT4]);
    assert_eq!(
        check_tuple_attributes(&tuple, &attributes),
        Err(Malformed::TupleAttributes)
    );
}

#[test]
fn flags_about_row_versions_are_of_no_interest() {
    // What minimal_tuple_from_heap_tuple keeps: HOT flags beside the number of attributes, and
    // hint bits in t_infomask.
    let mut tuple = Tuple::new().fixed(4, &[1; 4]).with(0xFFF0).build();
    let infomask2 = (0xF800_u16 | 1).to_ne_bytes();
    let at = SERVER.minimal_tuple_header() - 5;
    tuple[at..at + 2].copy_from_slice(&infomask2);
    assert_eq!(check(&tuple, &[INT4]), Ok(()));
}

#[test]
fn the_tuple_is_cut_from_what_follows() {
    let tuple = Tuple::new().fixed(4, &[1; 4]).build();
    let more = [&tuple[..], &[0xEE; 40]].concat();
    assert_eq!(check_tuple_header(&more, 1), Ok(&tuple[..]));
}

#[test]
fn a_header_cut_anywhere_is_refused() {
    for alignment in ALIGNMENTS {
        let tuple = Tuple::new().aligned(alignment).fixed(4, &[1; 4]).build();
        for len in 0..tuple.len() {
            assert_eq!(
                check_header(&tuple[..len], 1, alignment),
                Err(Malformed::TupleTruncated)
            );
            // Never reached in use, but must not panic either.
            assert!(check_attributes(&tuple[..len], &attributes(&[INT4]), alignment).is_err());
        }
    }
}

#[test]
fn wrong_tuple_lengths_are_refused() {
    for alignment in ALIGNMENTS {
        let tuple = Tuple::new().aligned(alignment).fixed(4, &[1; 8]);
        let mut tuple = tuple.build();
        let header = u32::try_from(alignment.minimal_tuple_header()).unwrap();
        for (len, reason) in [
            (0, Malformed::TupleLength),
            (header - 1, Malformed::TupleLength),
            (header, Malformed::TupleDataOffset),
            (header + 10, Malformed::TupleTruncated),
            (0x8000_0000, Malformed::TupleTruncated),
            (u32::MAX, Malformed::TupleTruncated),
        ] {
            tuple[0..4].copy_from_slice(&len.to_ne_bytes());
            assert_eq!(
                check_header(&tuple, 1, alignment),
                Err(reason),
                "t_len {len}"
            );
        }
    }
}

#[test]
fn a_tuple_that_claims_to_be_shorter_than_its_values_is_refused() {
    for alignment in ALIGNMENTS {
        let tuple = Tuple::new().aligned(alignment).fixed(1, &[1; 8]).build();
        for len in tuple.len() - 8..tuple.len() {
            let mut tuple = tuple.clone();
            tuple[0..4].copy_from_slice(&u32::try_from(len).unwrap().to_ne_bytes());
            let tuple = check_header(&tuple, 1, alignment).unwrap();
            let result = check_attributes(tuple, &attributes(&[INT8]), alignment);
            assert_eq!(result, Err(Malformed::AttributeTruncated));
        }
    }
}

#[test]
fn data_starts_aligned_after_the_bitmap_and_within_the_tuple() {
    // 9 columns with a bitmap of 2 bytes: the data starts 25 bytes rounded up from the offset before the tuple.
    for (maximum, first, length) in [(8, 32, 40), (4, 28, 32)] {
        let alignment = Alignment { maximum, double: 4 };
        let tuple = (0..9)
            .fold(Tuple::new(), |tuple, _| tuple.null())
            .aligned(alignment)
            .extra_header(16)
            .build();
        let at = alignment.minimal_tuple_header() - 1;
        assert_eq!((usize::from(tuple[at]), tuple.len()), (first + 16, length));
        for hoff in 0..=u8::MAX {
            let mut tuple = tuple.clone();
            tuple[at] = hoff;
            let place = usize::from(hoff);
            let fits = (first..=first + 16).contains(&place) && place % maximum == 0;
            let expected = if fits {
                Ok(&tuple[..])
            } else {
                Err(Malformed::TupleDataOffset)
            };
            let found = check_header(&tuple, 9, alignment);
            assert_eq!(found, expected, "t_hoff {hoff}");
        }
    }
}

#[test]
fn a_longer_header_than_needed_is_accepted() {
    // As in a tuple that lost its bitmap or object identifier but kept its offset.
    let tuple = Tuple::new().fixed(4, &[1; 4]).extra_header(8).build();
    assert_eq!(check(&tuple, &[INT4]), Ok(()));
}

#[test]
fn flags_that_the_worker_never_sends_are_refused() {
    let tuple = Tuple::new().fixed(4, &[1; 4]).with(HASEXTERNAL).build();
    assert_eq!(check(&tuple, &[INT4]), Err(Malformed::TupleExternal));
    let tuple = Tuple::new().fixed(4, &[1; 4]).with(HASOID_OLD).build();
    assert_eq!(check(&tuple, &[INT4]), Err(Malformed::TupleOldOid));
}

#[test]
fn a_fixed_value_beyond_the_tuple_is_refused() {
    let tuple = Tuple::new().fixed(4, &[1; 4]).build();
    for wider in [INT8, NAME, (i16::MAX, 1)] {
        assert_eq!(check(&tuple, &[wider]), Err(Malformed::AttributeTruncated));
    }
    // Alignment alone leads beyond it.
    let tuple = Tuple::new().fixed(1, b"a").fixed(1, b"b").build();
    assert_eq!(
        check(&tuple, &[CHAR, INT8]),
        Err(Malformed::AttributeTruncated)
    );
    assert_eq!(check(&tuple, &[CHAR, CHAR]), Ok(()));
}

#[test]
fn nulls_take_no_space() {
    let tuple = Tuple::new().null().fixed(4, &[1; 4]).null().build();
    assert_eq!(check(&tuple, &[NAME, INT4, TEXT]), Ok(()));
    // The same bytes without the flag: nothing is null, and the values are not there.
    let tuple = Tuple::new()
        .null()
        .fixed(4, &[1; 4])
        .null()
        .with(HASVARWIDTH)
        .without(HASNULL);
    let result = check(&tuple.build(), &[NAME, INT4, TEXT]);
    assert_eq!(result, Err(Malformed::AttributeTruncated));
}

#[test]
fn a_bit_of_the_bitmap_counts_for_its_own_column() {
    for present in 0..20 {
        let tuple = (0..20).fold(Tuple::new(), |tuple, i| {
            if i == present {
                tuple.fixed(1, b"x")
            } else {
                tuple.null()
            }
        });
        let mut types = vec![NAME; 20];
        let tuple = tuple.build();
        assert_eq!(check(&tuple, &types), Err(Malformed::AttributeTruncated));
        types[present] = CHAR;
        assert_eq!(check(&tuple, &types), Ok(()));
    }
}
