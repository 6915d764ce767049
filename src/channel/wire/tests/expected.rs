//! Tests of what a request expects.

use super::super::Malformed;
use super::super::expected::{Column, Expected, columns_head};

const SAMPLE: [Column; 2] = [
    Column {
        type_oid: 1043,
        typmod: 7,
        layout: 0,
    },
    Column {
        type_oid: u32::MAX,
        typmod: -1,
        layout: 0x0102_0304_0506_0708,
    },
];

fn section(count: u32, columns: &[Column]) -> Vec<u8> {
    let mut section = columns_head(count).to_vec();
    for column in columns {
        section.extend(column.encode());
    }
    section
}

#[track_caller]
fn refused(section: &[u8], reason: Malformed) {
    assert_eq!(Expected::decode(section), Err(reason));
}

#[test]
fn what_is_encoded_is_decoded() {
    let section = section(2, &SAMPLE);
    let expected = Expected::decode(&section).unwrap();
    let Expected::Columns(columns) = expected else {
        panic!("{expected:?}");
    };
    assert_eq!(columns.len(), 2);
    assert!(columns.iter().eq(SAMPLE));
    assert_eq!(expected.section(), section);
    for plain in [Expected::Anything, Expected::Json] {
        assert_eq!(Expected::decode(plain.section()), Ok(plain));
    }
}

#[test]
fn no_columns_are_columns() {
    let none = section(0, &[]);
    let expected = Expected::decode(&none).unwrap();
    assert!(matches!(expected, Expected::Columns(columns) if columns.len() == 0));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let whole = section(2, &SAMPLE);
    for len in 1..whole.len() {
        let reason = if len < 8 {
            Malformed::ExpectedHead
        } else {
            Malformed::ExpectedColumns
        };
        refused(&whole[..len], reason);
    }
    refused(&[&whole[..], &[0]].concat(), Malformed::ExpectedColumns);
    refused(&section(3, &SAMPLE), Malformed::ExpectedColumns);
    refused(&section(1665, &[SAMPLE[0]; 1665]), Malformed::ExpectedHead);
    let untyped = Column {
        type_oid: 0,
        ..SAMPLE[0]
    };
    refused(&section(1, &[untyped]), Malformed::ExpectedType);
    for kind in [0, 3, u32::MAX] {
        let mut other = whole.clone();
        other[0..4].copy_from_slice(&u32::to_ne_bytes(kind));
        refused(&other, Malformed::ExpectedHead);
    }
    // JSON has no columns.
    let mut json = Expected::Json.section().to_vec();
    json[4] ^= 1;
    refused(&json, Malformed::ExpectedHead);
    let trailing = [Expected::Json.section(), &[0; 8]].concat();
    refused(&trailing, Malformed::ExpectedHead);
}
