//! Tests of the request.

use super::super::Malformed;
use super::super::expected::Expected;
use super::super::parameters::{Parameter, Parameters, Value};
use super::super::request::{FIXED_LEN, MAGIC, Request, User, VERSION, padding};

use super::settings::settings;

fn sample(guc_state: &[u8]) -> Request<'_> {
    Request {
        cookie: -0x0102_0304_0506_0708,
        discard_output: true,
        read_only: false,
        file: 0x0102_0304_0506_0708,
        file_limit: 1 << 40,
        session_user: User {
            oid: 10,
            is_superuser: true,
        },
        role: User {
            oid: 16384,
            is_superuser: false,
        },
        current_user: 16385,
        sec_context: 5,
        worker_timeout_ms: 60_000,
        library_state: b"auto_explain\0\0",
        guc_state,
        label: Some(c"night"),
        parameters: Parameters::NONE,
        expected: Expected::Anything,
        snapshot: Some(c"00000003-0000001B-1"),
        channel: Some(c"done"),
        sql: c"SELECT 1",
    }
}

/// The whole message, as `shm_mq_sendv` would put it together.
fn message(request: &Request<'_>) -> Vec<u8> {
    let message = request.parts(&request.encode_fixed()).concat();
    assert_eq!(message.len(), request.total_len());
    message
}

/// A message whose bytes at this offset are replaced. Its settings take 19 bytes, however long the word is that they start with.
fn patched(at: usize, bytes: &[u8]) -> Vec<u8> {
    let guc_state = settings(19 - size_of::<usize>());
    let mut message = message(&sample(&guc_state));
    message[at..at + bytes.len()].copy_from_slice(bytes);
    message
}

#[track_caller]
fn refused(message: &[u8], reason: Malformed) {
    assert_eq!(Request::decode(message), Err(reason));
}

#[test]
fn what_is_encoded_is_decoded() {
    let guc_state = settings(11);
    let section = super::parameters::section(&[
        Parameter {
            type_oid: 23,
            layout: 0,
            value: Value::Datum(7),
        },
        Parameter {
            type_oid: 25,
            layout: 0,
            value: Value::Bytes(b"seven"),
        },
    ]);
    let request = Request {
        parameters: Parameters::decode(&section).unwrap(),
        ..sample(&guc_state)
    };
    assert_eq!(Request::decode(&message(&request)), Ok(request));
    let request = Request {
        cookie: i64::MAX,
        discard_output: false,
        read_only: true,
        file: 0,
        file_limit: u64::MAX,
        session_user: User {
            oid: u32::MAX,
            is_superuser: false,
        },
        role: User {
            oid: 0,
            is_superuser: true,
        },
        current_user: 1,
        sec_context: i32::MIN,
        worker_timeout_ms: 0,
        library_state: b"",
        guc_state: b"",
        label: None,
        parameters: Parameters::NONE,
        expected: Expected::Anything,
        snapshot: None,
        channel: None,
        sql: c"",
    };
    assert_eq!(Request::decode(&message(&request)), Ok(request));
}

#[test]
fn sections_of_every_length_are_decoded() {
    for len in 0..20 {
        let library_state = [&vec![b'l'; len][..], &[0, 0]].concat();
        let guc_state = settings(len);
        let sql = std::ffi::CString::new(vec![b's'; len]).unwrap();
        let request = Request {
            library_state: &library_state,
            label: Some(&sql),
            snapshot: Some(&sql),
            channel: Some(&sql),
            sql: &sql,
            ..sample(&guc_state)
        };
        let message = message(&request);
        assert_eq!(Request::decode(&message), Ok(request));
        let decoded = Request::decode(&message).unwrap();
        for section in decoded.sections().iter().filter(|s| !s.is_empty()) {
            assert_eq!(
                (section.as_ptr() as usize - message.as_ptr() as usize) % 8,
                0
            );
        }
    }
}

#[test]
fn padding_goes_up_to_the_next_multiple_of_eight() {
    for len in 0..64 {
        assert_eq!(padding(len).len(), (8 - len % 8) % 8);
        assert!(padding(len).iter().all(|&byte| byte == 0));
    }
    assert!(padding(usize::MAX).len() < 8);
}

#[test]
fn every_field_is_at_its_offset() {
    let message = patched(0, b"");
    let u32_at = |at: usize| u32::from_ne_bytes(message[at..at + 4].try_into().unwrap());
    let u64_at = |at: usize| u64::from_ne_bytes(message[at..at + 8].try_into().unwrap());
    assert_eq!(&message[0..4], b"pgbR");
    let words = [MAGIC, VERSION];
    assert_eq!([u32_at(0), u32_at(4)], words);
    assert_eq!(message[8..16], (-0x0102_0304_0506_0708_i64).to_ne_bytes());
    let numbers = [16, 20, 24, 28, 32, 36, 40, 44].map(u32_at);
    assert_eq!(numbers, [1, 10, 1, 16384, 0, 16385, 5, 60_000]);
    let lengths = [64, 72, 80, 88, 96, 104, 112, 120].map(u64_at);
    assert_eq!(lengths, [14, 19, 6, 0, 0, 20, 5, 9]);
    assert_eq!(&message[128..144], b"auto_explain\0\0\0\0");
    assert_eq!(&message[168..176], b"night\0\0\0");
    assert_eq!(&message[176..200], b"00000003-0000001B-1\0\0\0\0\0");
    assert_eq!(&message[200..], b"done\0\0\0\0SELECT 1\0");
}

#[test]
fn a_request_cut_anywhere_is_refused() {
    let whole = patched(0, b"");
    for len in 0..whole.len() {
        let reason = if len < FIXED_LEN {
            Malformed::RequestShort
        } else {
            Malformed::RequestTruncated
        };
        refused(&whole[..len], reason);
    }
}

#[test]
fn bytes_after_the_sql_are_refused() {
    for extra in 1..=16 {
        let mut message = patched(0, b"");
        message.resize(message.len() + extra, 0);
        refused(&message, Malformed::RequestTrailing);
    }
}

#[test]
fn another_magic_or_version_is_refused() {
    refused(&patched(0, b"pgbr"), Malformed::RequestMagic);
    refused(
        &patched(4, &(VERSION + 1).to_ne_bytes()),
        Malformed::RequestVersion,
    );
    refused(&patched(4, &0_u32.to_ne_bytes()), Malformed::RequestVersion);
}

#[test]
fn unknown_flags_are_refused() {
    for bit in 0..32 {
        let message = patched(16, &(1_u32 << bit).to_ne_bytes());
        match bit {
            0 => assert!(Request::decode(&message).is_ok_and(|r| r.discard_output && !r.read_only)),
            1 => assert!(Request::decode(&message).is_ok_and(|r| !r.discard_output && r.read_only)),
            _ => refused(&message, Malformed::RequestFlags),
        }
    }
}

#[test]
fn users_must_be_named() {
    refused(&patched(20, &[0; 4]), Malformed::RequestSessionUser);
    refused(&patched(36, &[0; 4]), Malformed::RequestCurrentUser);
    assert!(Request::decode(&patched(28, &[0; 4])).is_ok_and(|request| request.role.oid == 0));
}

#[test]
fn truth_values_are_zero_or_one() {
    for at in [24, 32] {
        for value in [2, 0x0100_0000, u32::MAX] {
            refused(
                &patched(at, &value.to_ne_bytes()),
                Malformed::RequestBoolean,
            );
        }
    }
}

#[test]
fn a_negative_time_out_is_refused() {
    for value in [-1, i32::MIN] {
        refused(
            &patched(44, &value.to_ne_bytes()),
            Malformed::RequestTimeout,
        );
    }
}

#[test]
fn section_lengths_beyond_the_message_are_refused() {
    for at in [64, 72, 80, 88, 96, 104, 112, 120] {
        for len in [1 << 20, 1 << 32, 1 << 63, u64::MAX, u64::MAX - 7] {
            refused(
                &patched(at, &len.to_ne_bytes()),
                Malformed::RequestTruncated,
            );
        }
    }
}

#[test]
fn padding_must_be_zero() {
    for at in [142, 143, 163, 167, 174, 175, 196, 199, 205, 207] {
        refused(&patched(at, b"\x01"), Malformed::RequestPadding);
    }
}

#[test]
fn the_list_of_libraries_ends_within_its_section() {
    for (state, ends) in [
        (&b""[..], true),
        (b"\0", true),
        (b"a\0\0", true),
        (b"a\0b\0\0", true),
        (b"a", false),
        (b"a\0", false),
        (b"a\0b", false),
        (b"\0a", false),
    ] {
        let request = Request {
            library_state: state,
            ..sample(b"")
        };
        let message = message(&request);
        if ends {
            assert_eq!(Request::decode(&message), Ok(request));
        } else {
            refused(&message, Malformed::RequestLibraries);
        }
    }
}

#[test]
fn texts_are_single_strings() {
    // The label at 168, the snapshot at 176, the channel at 200, the SQL at 208.
    refused(&patched(170, b"\0"), Malformed::RequestLabel);
    refused(&patched(173, b"x"), Malformed::RequestLabel);
    refused(&patched(178, b"\0"), Malformed::RequestSnapshot);
    refused(&patched(195, b"x"), Malformed::RequestSnapshot);
    refused(&patched(202, b"\0"), Malformed::RequestChannel);
    refused(&patched(204, b"x"), Malformed::RequestChannel);
    refused(&patched(210, b"\0"), Malformed::RequestSql);
    refused(&patched(216, b"x"), Malformed::RequestSql);
    // No SQL at all, not even its NUL.
    let mut message = patched(120, &0_u64.to_ne_bytes());
    message.truncate(208);
    refused(&message, Malformed::RequestSql);
}

#[test]
fn malformed_parameters_are_refused() {
    let section = super::parameters::section(&[Parameter {
        type_oid: 23,
        layout: 0,
        value: Value::Null,
    }]);
    let request = Request {
        label: None,
        snapshot: None,
        channel: None,
        library_state: b"",
        parameters: Parameters::decode(&section).unwrap(),
        ..sample(b"")
    };
    let mut message = message(&request);
    assert_eq!(Request::decode(&message), Ok(request));
    // The type of the first.
    message[136..140].fill(0);
    refused(&message, Malformed::ParameterType);
}

#[test]
fn malformed_expectations_are_refused() {
    let request = Request {
        expected: Expected::Json,
        label: None,
        snapshot: None,
        channel: None,
        library_state: b"",
        ..sample(b"")
    };
    let mut message = message(&request);
    assert_eq!(Request::decode(&message), Ok(request));
    message[128..132].fill(0);
    refused(&message, Malformed::ExpectedHead);
}
