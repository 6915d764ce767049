//! Tests of the response stream: descriptions, reports, and the order of messages.

use super::super::response::{self, Column, Kind, Message, Stream};
use super::super::tuple::maxalign;
use super::super::{Malformed, report::Severity};
use super::Tuple;

const UTF8: u8 = 6;

/// A message of this kind with this count in its header.
pub fn message(kind: Kind, count: usize, payload: &[u8]) -> Vec<u8> {
    let header = response::header(kind, UTF8, u32::try_from(count).unwrap());
    [&header, payload].concat()
}

/// A message that describes columns of type int4 with these names.
fn description(names: &[&[u8]]) -> Vec<u8> {
    let mut payload = Vec::new();
    for name in names {
        payload.extend_from_slice(&response::column(23, -1, 23, 0));
        payload.extend_from_slice(name);
        payload.push(0);
    }
    message(Kind::RowDescription, names.len(), &payload)
}

/// A message with these tuples, padded between and, if asked, after them.
pub fn rows(tuples: &[Vec<u8>], pad_last: bool) -> Vec<u8> {
    let mut payload = Vec::new();
    for tuple in tuples {
        payload.resize(maxalign(payload.len()), 0xEE);
        payload.extend_from_slice(tuple);
    }
    if pad_last {
        payload.resize(maxalign(payload.len()), 0xEE);
    }
    message(Kind::Rows, tuples.len(), &payload)
}

/// A stream that has seen a description of so many columns.
pub fn described(columns: usize) -> Stream {
    let mut stream = Stream::new();
    stream
        .accept(&description(&vec![&b"c"[..]; columns]))
        .unwrap();
    stream
}

pub fn int4_row(value: i32) -> Vec<u8> {
    Tuple::new().fixed(4, &value.to_ne_bytes()).build()
}

#[track_caller]
pub fn refused(stream: &mut Stream, message: &[u8], reason: Malformed) {
    let before = *stream;
    assert_eq!(stream.accept(message), Err(reason));
    assert_eq!(
        *stream, before,
        "a refused message must not change the stream"
    );
}

#[test]
fn a_header_is_kind_encoding_two_zeros_and_count() {
    let count = 0x0102_0304_u32.to_ne_bytes();
    let header = response::header(Kind::Rows, 6, 0x0102_0304);
    assert_eq!(
        header,
        [b'D', 6, 0, 0, count[0], count[1], count[2], count[3]]
    );
}

#[test]
fn a_message_shorter_than_its_header_is_refused() {
    let whole = description(&[b"a"]);
    for len in 0..response::HEADER_LEN {
        refused(&mut Stream::new(), &whole[..len], Malformed::HeaderShort);
    }
}

#[test]
fn reserved_bytes_must_be_zero() {
    for at in [2, 3] {
        let mut message = description(&[]);
        message[at] = 1;
        refused(&mut Stream::new(), &message, Malformed::HeaderReserved);
    }
}

#[test]
fn every_unknown_kind_is_refused() {
    let mut message = description(&[]);
    for kind in (0..=u8::MAX).filter(|kind| !b"TDNE".contains(kind)) {
        message[0] = kind;
        refused(&mut Stream::new(), &message, Malformed::KindUnknown);
    }
}

#[test]
fn a_description_yields_its_columns() {
    let payload = [
        &response::column(23, -1, 23, 0)[..],
        b"id\0",
        &response::column(1043, 24, 2249, 0),
        b"\0",
        &response::column(u32::MAX, i32::MIN, u32::MAX - 1, u64::MAX - 1),
        b"\xFF\xFE\0",
    ];
    let message = message(Kind::RowDescription, 3, &payload.concat());
    let mut stream = Stream::new();
    let Ok(Message::Description(description)) = stream.accept(&message) else {
        panic!()
    };
    assert_eq!((description.len(), description.is_empty()), (3, false));
    assert_eq!(description.encoding(), UTF8);
    assert_eq!(stream.columns(), Some(3));
    let columns: Vec<_> = description.columns().collect();
    assert_eq!(
        columns,
        [
            Column {
                type_oid: 23,
                typmod: -1,
                own_type: 23,
                layout: 0,
                name: b"id"
            },
            Column {
                type_oid: 1043,
                typmod: 24,
                own_type: 2249,
                layout: 0,
                name: b""
            },
            Column {
                type_oid: u32::MAX,
                typmod: i32::MIN,
                own_type: u32::MAX - 1,
                layout: u64::MAX - 1,
                name: b"\xFF\xFE"
            },
        ]
    );
}

#[test]
fn there_may_be_no_columns_and_rows_of_them() {
    let mut stream = Stream::new();
    let message = description(&[]);
    let Ok(Message::Description(description)) = stream.accept(&message) else {
        panic!()
    };
    assert!(description.is_empty() && description.columns().next().is_none());
    assert_eq!(stream.columns(), Some(0));
    let batch = rows(&[Tuple::new().build(), Tuple::new().build()], true);
    assert!(matches!(stream.accept(&batch), Ok(Message::Rows(rows)) if rows.len() == 2));
    refused(
        &mut stream,
        &rows(&[int4_row(1)], true),
        Malformed::TupleAttributes,
    );
}

#[test]
fn there_may_be_as_many_columns_as_a_row_can_have() {
    assert_eq!(described(1664).columns(), Some(1664));
    let message = description(&vec![&b"c"[..]; 1665]);
    refused(&mut Stream::new(), &message, Malformed::DescriptionColumns);
}

#[test]
fn huge_and_negative_column_counts_are_refused() {
    for count in [1665, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
        let message = message(Kind::RowDescription, count, b"");
        refused(&mut Stream::new(), &message, Malformed::DescriptionColumns);
    }
}

#[test]
fn a_description_cut_anywhere_is_refused() {
    let whole = description(&[b"first", b"second"]);
    for len in response::HEADER_LEN..whole.len() {
        let error = Stream::new().accept(&whole[..len]).unwrap_err();
        assert!(
            matches!(
                error,
                Malformed::ColumnTruncated | Malformed::ColumnNameUnterminated
            ),
            "{len} bytes: {error}"
        );
    }
}

#[test]
fn a_description_of_more_or_fewer_columns_than_it_counts_is_refused() {
    let mut message = description(&[b"a", b"b"]);
    message[4..8].copy_from_slice(&3_u32.to_ne_bytes());
    refused(&mut Stream::new(), &message, Malformed::ColumnTruncated);
    message[4..8].copy_from_slice(&1_u32.to_ne_bytes());
    refused(&mut Stream::new(), &message, Malformed::DescriptionTrailing);
    message[4..8].copy_from_slice(&0_u32.to_ne_bytes());
    refused(&mut Stream::new(), &message, Malformed::DescriptionTrailing);
}

#[test]
fn a_column_must_have_a_type() {
    let payload = [&response::column(0, -1, 23, 0)[..], b"a\0"].concat();
    refused(
        &mut Stream::new(),
        &message(Kind::RowDescription, 1, &payload),
        Malformed::ColumnType,
    );
    let payload = [&response::column(23, -1, 0, 0)[..], b"a\0"].concat();
    refused(
        &mut Stream::new(),
        &message(Kind::RowDescription, 1, &payload),
        Malformed::ColumnType,
    );
}

#[test]
fn a_column_name_must_end() {
    let payload = [&response::column(23, -1, 23, 0)[..], b"abc"].concat();
    let message = message(Kind::RowDescription, 1, &payload);
    refused(
        &mut Stream::new(),
        &message,
        Malformed::ColumnNameUnterminated,
    );
}

#[test]
fn a_column_name_has_at_most_1023_bytes() {
    let longest = description(&[&[b'x'; 1023], b"b"]);
    let mut stream = Stream::new();
    let Ok(Message::Description(columns)) = stream.accept(&longest) else {
        panic!()
    };
    let names: Vec<_> = columns.columns().map(|column| column.name.len()).collect();
    assert_eq!(names, [1023, 1]);
    let message = description(&[&[b'x'; 1024]]);
    refused(&mut Stream::new(), &message, Malformed::ColumnNameLong);
    // Without its NUL, of exactly the longest length: it is the end that is missing.
    let whole = description(&[&[b'x'; 1023]]);
    let cut = &whole[..whole.len() - 1];
    refused(&mut Stream::new(), cut, Malformed::ColumnNameUnterminated);
}

#[test]
fn a_second_description_is_refused() {
    refused(
        &mut described(1),
        &description(&[b"a"]),
        Malformed::DescriptionRepeated,
    );
    refused(
        &mut described(0),
        &description(&[]),
        Malformed::DescriptionRepeated,
    );
}

#[test]
fn a_row_before_its_description_is_refused() {
    refused(
        &mut Stream::new(),
        &rows(&[int4_row(1)], true),
        Malformed::RowUndescribed,
    );
}

#[test]
fn a_refused_description_describes_nothing() {
    let mut stream = Stream::new();
    let mut message = description(&[b"a"]);
    message.push(0);
    refused(&mut stream, &message, Malformed::DescriptionTrailing);
    refused(
        &mut stream,
        &rows(&[int4_row(1)], true),
        Malformed::RowUndescribed,
    );
}

#[test]
fn reports_come_in_any_place_with_their_encoding() {
    let notice = message(Kind::Notice, 0, b"VNOTICE\0C00000\0Mhello\0\0");
    let error = message(Kind::Error, 0, b"VFATAL\0C57P01\0Mbye\0\0");
    let mut stream = Stream::new();
    for step in [notice.clone(), description(&[b"a"]), notice.clone(), error] {
        stream.accept(&step).unwrap();
    }
    let Ok(Message::Notice(report, UTF8)) = stream.accept(&notice) else {
        panic!()
    };
    assert_eq!(
        (report.severity(), report.message),
        (Severity::Notice, &b"hello"[..])
    );
}

#[test]
fn a_severity_fits_its_kind_of_message() {
    for (severity, is_error) in [
        ("DEBUG", false),
        ("LOG", false),
        ("INFO", false),
        ("NOTICE", false),
        ("WARNING", false),
        ("ERROR", true),
        ("FATAL", true),
        ("PANIC", true),
    ] {
        let payload = format!("V{severity}\0C00000\0Mm\0\0");
        let (right, wrong) = if is_error {
            (Kind::Error, Kind::Notice)
        } else {
            (Kind::Notice, Kind::Error)
        };
        assert!(
            Stream::new()
                .accept(&message(right, 0, payload.as_bytes()))
                .is_ok()
        );
        let message = message(wrong, 0, payload.as_bytes());
        refused(&mut Stream::new(), &message, Malformed::SeverityKind);
    }
}

#[test]
fn a_report_has_no_count() {
    let payload = b"VNOTICE\0C00000\0Mm\0\0";
    refused(
        &mut Stream::new(),
        &message(Kind::Notice, 1, payload),
        Malformed::ReportCount,
    );
    refused(
        &mut Stream::new(),
        &message(Kind::Error, 1, payload),
        Malformed::ReportCount,
    );
}

#[test]
fn a_malformed_report_is_refused_for_its_own_reason() {
    let message = message(Kind::Error, 0, b"VERROR\0");
    refused(&mut Stream::new(), &message, Malformed::ReportUnterminated);
}
