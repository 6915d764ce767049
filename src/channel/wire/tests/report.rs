//! Tests of decoding errors and notices.

use super::super::Malformed;
use super::super::report::{Report, Severity, decimal};

const MINIMAL: &[u8] = b"VERROR\0C22012\0Mdivision by zero\0\0";

#[test]
fn every_field_is_read() {
    let payload = b"SFEHLER\0VERROR\0C23505\0Mm\0Dd\0Hh\0P12\0p7\0qq\0Wline 1\nline 2\0\
        ss\0tt\0cc\0dint4\0nn\0Felog.c\0L42\0Rfunc\0\0";
    let report = Report::decode(payload).unwrap();
    assert_eq!(report.severity(), Severity::Error);
    assert_eq!(report.severity_localized, Some(&b"FEHLER"[..]));
    assert_eq!(report.sqlstate, *b"23505");
    assert_eq!(report.message, b"m");
    assert_eq!(report.detail, Some(&b"d"[..]));
    assert_eq!(report.hint, Some(&b"h"[..]));
    assert_eq!(report.position, Some(&b"12"[..]));
    assert_eq!(report.internal_position, Some(&b"7"[..]));
    assert_eq!(report.internal_query, Some(&b"q"[..]));
    assert_eq!(report.context, Some(&b"line 1\nline 2"[..]));
    assert_eq!(report.schema_name, Some(&b"s"[..]));
    assert_eq!(report.table_name, Some(&b"t"[..]));
    assert_eq!(report.column_name, Some(&b"c"[..]));
    assert_eq!(report.datatype_name, Some(&b"int4"[..]));
    assert_eq!(report.constraint_name, Some(&b"n"[..]));
    assert_eq!(report.source_file, Some(&b"elog.c"[..]));
    assert_eq!(report.source_line, Some(&b"42"[..]));
    assert_eq!(report.source_function, Some(&b"func"[..]));
}

#[test]
fn fields_that_are_not_there_are_none() {
    let report = Report::decode(MINIMAL).unwrap();
    assert_eq!(report.message, b"division by zero");
    assert_eq!(
        (report.detail, report.hint, report.context),
        (None, None, None)
    );
}

#[test]
fn empty_fields_are_not_missing_ones() {
    let report = Report::decode(b"VERROR\0CXX000\0M\0D\0\0").unwrap();
    assert_eq!(
        (report.message, report.detail, report.hint),
        (&b""[..], Some(&b""[..]), None)
    );
}

#[test]
fn every_severity_is_known() {
    for (text, severity) in [
        ("DEBUG", Severity::Debug),
        ("LOG", Severity::Log),
        ("INFO", Severity::Info),
        ("NOTICE", Severity::Notice),
        ("WARNING", Severity::Warning),
        ("ERROR", Severity::Error),
        ("FATAL", Severity::Fatal),
        ("PANIC", Severity::Panic),
    ] {
        let payload = format!("V{text}\0C00000\0Mm\0\0");
        assert_eq!(
            Report::decode(payload.as_bytes()).unwrap().severity(),
            severity
        );
    }
    assert!(Severity::Warning < Severity::Error && Severity::Error < Severity::Fatal);
}

#[test]
fn unknown_fields_are_skipped() {
    let report = Report::decode(b"zfuture\0VERROR\0\xFFx\0C22012\0Mm\0\0").unwrap();
    assert_eq!(report.message, b"m");
}

#[test]
fn a_report_cut_anywhere_is_refused() {
    for len in 0..MINIMAL.len() {
        let error = Report::decode(&MINIMAL[..len]).unwrap_err();
        assert!(
            matches!(
                error,
                Malformed::ReportUnterminated | Malformed::FieldUnterminated
            ),
            "{len} bytes: {error}"
        );
    }
}

/// Each malformed payload with the reason for which it is refused.
fn refused(payload: &[u8], reason: Malformed) {
    assert_eq!(
        Report::decode(payload),
        Err(reason),
        "{}",
        payload.escape_ascii()
    );
}

#[test]
fn a_report_without_its_last_zero_byte_is_refused() {
    refused(b"", Malformed::ReportUnterminated);
    refused(b"VERROR\0C22012\0Mm\0", Malformed::ReportUnterminated);
}

#[test]
fn a_field_without_its_zero_byte_is_refused() {
    refused(b"VERROR\0C22012\0Mm", Malformed::FieldUnterminated);
    refused(b"V", Malformed::FieldUnterminated);
}

#[test]
fn bytes_after_the_report_are_refused() {
    refused(b"VERROR\0C22012\0Mm\0\0\0", Malformed::ReportTrailing);
    refused(b"VERROR\0C22012\0Mm\0\0Dd\0\0", Malformed::ReportTrailing);
}

#[test]
fn a_repeated_field_is_refused() {
    refused(b"VERROR\0C22012\0Mm\0Mm\0\0", Malformed::FieldRepeated);
    refused(b"VERROR\0VERROR\0C22012\0Mm\0\0", Malformed::FieldRepeated);
    refused(b"VERROR\0C22012\0Mm\0Dd\0Dd\0\0", Malformed::FieldRepeated);
    refused(b"VERROR\0C22012\0Mm\0z1\0z2\0\0", Malformed::FieldRepeated);
}

#[test]
fn severity_sqlstate_and_message_must_be_there() {
    refused(b"\0", Malformed::SeverityMissing);
    refused(b"SERROR\0C22012\0Mm\0\0", Malformed::SeverityMissing);
    refused(b"VERROR\0Mm\0\0", Malformed::SqlstateMissing);
    refused(b"VERROR\0C22012\0\0", Malformed::MessageMissing);
}

#[test]
fn an_unknown_severity_is_refused() {
    refused(b"Verror\0C22012\0Mm\0\0", Malformed::SeverityUnknown);
    refused(b"V\0C22012\0Mm\0\0", Malformed::SeverityUnknown);
}

#[test]
fn a_sqlstate_is_five_digits_or_capitals() {
    for state in ["", "2201", "220122", "2201a", "2201 ", "2201\u{7f}"] {
        let payload = format!("VERROR\0C{state}\0Mm\0\0");
        refused(payload.as_bytes(), Malformed::SqlstateInvalid);
    }
}

#[test]
fn positions_are_decimal_numbers() {
    assert_eq!(decimal(Some(b"0")), Some(0));
    assert_eq!(decimal(Some(b"0012")), Some(12));
    assert_eq!(decimal(Some(b"2147483647")), Some(i32::MAX));
    for text in [
        "",
        "2147483648",
        "99999999999",
        "-1",
        "+1",
        "1 ",
        "x",
        "/",
        ":",
    ] {
        assert_eq!(decimal(Some(text.as_bytes())), None, "{text:?}");
    }
    assert_eq!(decimal(None), None);
}
