//! Tests of messages that hold rows.

use super::super::Malformed;
use super::super::response::{self, Kind, Message};
use super::Tuple;
use super::response::{described, int4_row, message, refused, rows};
use crate::pg_sys::alignment::SERVER;

#[test]
fn a_batch_yields_its_rows_padded_or_not() {
    // 4, 1, 8 and 0 bytes of data: every kind of padding between them.
    let tuples = [
        int4_row(7),
        Tuple::new().fixed(1, b"x").build(),
        Tuple::new().fixed(8, &[1; 8]).build(),
        Tuple::new().null().build(),
        int4_row(8),
    ];
    for pad_last in [false, true] {
        let message = rows(&tuples, pad_last);
        let mut stream = described(1);
        let Ok(Message::Rows(rows)) = stream.accept(&message) else {
            panic!()
        };
        assert_eq!(rows.len(), tuples.len());
        assert!(rows.tuples().eq(tuples.iter().map(Vec::as_slice)));
        for tuple in rows.tuples() {
            let offset = tuple.as_ptr() as usize - message.as_ptr() as usize;
            assert_eq!(offset % SERVER.maximum, 0);
        }
    }
}

#[test]
fn an_empty_batch_is_refused() {
    refused(
        &mut described(1),
        &message(Kind::Rows, 0, b""),
        Malformed::RowsNone,
    );
    let mut message = rows(&[int4_row(1)], true);
    message[4..8].copy_from_slice(&0_u32.to_ne_bytes());
    refused(&mut described(1), &message, Malformed::RowsNone);
}

#[test]
fn a_batch_cut_anywhere_is_refused() {
    let tuple = Tuple::new().fixed(8, &[1; 8]).build();
    let whole = rows(&[tuple.clone(), tuple], false);
    for len in response::HEADER_LEN..whole.len() {
        refused(&mut described(1), &whole[..len], Malformed::TupleTruncated);
    }
}

#[test]
fn a_batch_of_more_rows_than_it_holds_is_refused() {
    for count in [2, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF_u32] {
        for pad_last in [false, true] {
            let mut message = rows(&[int4_row(1)], pad_last);
            message[4..8].copy_from_slice(&count.to_ne_bytes());
            refused(&mut described(1), &message, Malformed::TupleTruncated);
        }
    }
}

#[test]
fn bytes_after_the_last_row_are_refused() {
    // 20 bytes: 4 bytes of padding, or none.
    let unpadded = rows(&[int4_row(1)], false);
    for extra in [1, 2, 3, 5, 8, 24] {
        let mut message = unpadded.clone();
        message.resize(message.len() + extra, 0);
        refused(&mut described(1), &message, Malformed::RowsTrailing);
    }
    let mut two = rows(&[int4_row(1), int4_row(2)], true);
    two[4..8].copy_from_slice(&1_u32.to_ne_bytes());
    refused(&mut described(1), &two, Malformed::RowsTrailing);
}

#[test]
fn a_bad_row_in_the_middle_is_refused() {
    let wide = Tuple::new().null().null().build();
    let message = rows(&[int4_row(1), wide, int4_row(2)], true);
    refused(&mut described(1), &message, Malformed::TupleAttributes);
}

#[test]
fn a_row_of_length_zero_is_refused() {
    let mut message = rows(&[int4_row(1)], true);
    message[8..12].copy_from_slice(&0_u32.to_ne_bytes());
    refused(&mut described(1), &message, Malformed::TupleLength);
}
