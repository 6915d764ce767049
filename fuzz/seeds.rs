//! Writes the seed corpus: `cargo run --bin seeds`, in this folder.
//!
//! A few well-formed inputs per target, from which the fuzzer goes on; corpus/ holds what this
//! wrote.

mod pg_sys;
#[path = "../src/channel/wire/mod.rs"]
#[expect(dead_code, reason = "only what encodes is used")]
mod wire;

use std::fs;
use std::path::Path;

use wire::expected::{self, Expected};
use wire::parameters::{self, Parameter, Parameters, Value};
use wire::request::{Request, User};
use wire::response::{self, Kind};
use wire::settings::ResetValue;

fn main() -> std::io::Result<()> {
    for (name, seed) in requests() {
        write("request", name, &seed)?;
    }
    for (name, seed) in responses() {
        write("response", name, &seed)?;
    }
    Ok(())
}

fn write(target: &str, name: &str, seed: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), seed)
}

fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let reset_value = ResetValue {
        source: 5,
        context: 5,
        role: 10,
        name: c"work_mem",
        value: c"4096",
    };
    let guc_state = [
        &5_usize.to_ne_bytes()[..],
        b"gucs\0",
        &reset_value.parts(&reset_value.head()).concat(),
    ]
    .concat();
    let text = Parameter {
        type_oid: 25,
        layout: 0,
        value: Value::Bytes(b"text"),
    };
    let null = Parameter {
        value: Value::Null,
        ..text
    };
    let parameters = [
        &parameters::encode_head(2)[..],
        &text.encode_fixed(),
        b"text\0\0\0\0",
        &null.encode_fixed(),
    ]
    .concat();
    let column = expected::Column {
        type_oid: 1043,
        typmod: 7,
        layout: 0,
    };
    let expected = [&expected::columns_head(1)[..], &column.encode()].concat();
    let full = Request {
        cookie: 42,
        discard_output: true,
        read_only: true,
        file: 7,
        file_limit: 1 << 40,
        session_user: User {
            oid: 10,
            is_superuser: true,
        },
        role: User {
            oid: 16384,
            is_superuser: false,
        },
        current_user: 16384,
        sec_context: 1,
        worker_timeout_ms: 1000,
        library_state: b"auto_explain\0\0",
        guc_state: &guc_state,
        label: Some(c"label"),
        parameters: Parameters::decode(&parameters).unwrap(),
        expected: Expected::decode(&expected).unwrap(),
        snapshot: Some(c"00000003-0000001B-1"),
        channel: Some(c"channel"),
        sql: c"SELECT 1",
    };
    let bare = Request {
        cookie: 0,
        discard_output: false,
        read_only: false,
        file: 0,
        file_limit: u64::MAX,
        role: User::default(),
        library_state: b"",
        guc_state: b"",
        label: None,
        parameters: Parameters::NONE,
        expected: Expected::Anything,
        snapshot: None,
        channel: None,
        sql: c"",
        ..full
    };
    [("full", full), ("bare", bare)]
        .into_iter()
        .map(|(name, request)| (name, request.parts(&request.encode_fixed()).concat()))
        .collect()
}

/// Types of the columns, then messages, each after its length.
fn stream(types: &[(i8, u8)], messages: &[Vec<u8>]) -> Vec<u8> {
    let mut input = vec![u8::try_from(types.len()).unwrap()];
    for &(len, align) in types {
        input.extend([
            u8::from_ne_bytes(len.to_ne_bytes()),
            u8::try_from(align.trailing_zeros()).unwrap(),
        ]);
    }
    for message in messages {
        input.extend(u16::try_from(message.len()).unwrap().to_ne_bytes());
        input.extend(message);
    }
    input
}

fn description(columns: u32) -> Vec<u8> {
    let mut message = response::header(Kind::RowDescription, 6, columns).to_vec();
    for i in 0..columns {
        message.extend(response::column(23 + i, -1, 23 + i, 0));
        message.extend(format!("c{i}\0").into_bytes());
    }
    message
}

fn rows(tuples: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(tuples.len()).unwrap();
    let mut message = response::header(Kind::Rows, 6, count).to_vec();
    for tuple in tuples {
        message.resize(message.len().next_multiple_of(8), 0);
        message.extend(tuple);
    }
    message
}

/// A minimal tuple; `bitmap` is its null bitmap if it has one, at most one byte.
fn tuple(natts: u16, infomask: u16, bitmap: u8, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(16 + data.len()).unwrap();
    let mut tuple = len.to_ne_bytes().to_vec();
    tuple.extend([0; 6]);
    tuple.extend(natts.to_ne_bytes());
    tuple.extend(infomask.to_ne_bytes());
    tuple.extend([24, bitmap]);
    tuple.extend(data);
    tuple
}

/// A varlena's length word.
fn word(size: u32, compressed: bool) -> [u8; 4] {
    if cfg!(target_endian = "little") {
        (size << 2 | u32::from(compressed) << 1).to_ne_bytes()
    } else {
        (size | u32::from(compressed) << 30).to_ne_bytes()
    }
}

/// A varlena's short header.
fn short(size: u8) -> u8 {
    if cfg!(target_endian = "little") {
        size << 1 | 1
    } else {
        size | 0x80
    }
}

fn responses() -> Vec<(&'static str, Vec<u8>)> {
    let notice = [
        &response::header(Kind::Notice, 6, 0)[..],
        b"SNOTICE\0VNOTICE\0C00000\0Mhello\0Wcontext\0Ff.c\0L1\0Rf\0\0",
    ]
    .concat();
    let error = [
        &response::header(Kind::Error, 6, 0)[..],
        b"SERROR\0VERROR\0C23505\0Mduplicate\0Dd\0Hh\0P1\0p2\0qq\0ss\0tt\0cc\0dd\0nn\0\0",
    ]
    .concat();
    let mut texts = vec![b'c', short(3), b'a', b'b'];
    texts.extend(word(9, false));
    texts.extend(b"long!\0\0\0");
    texts.extend(word(12, true));
    texts.extend([8, 0, 0, 0, 1, 2, 3, 4]);
    texts.extend(b"cstring\0");
    vec![
        (
            "empty",
            stream(&[], &[description(0), rows(&[tuple(0, 0, 0, b"")])]),
        ),
        ("error", stream(&[], &[notice.clone(), error])),
        (
            "fixed",
            stream(
                &[(4, 4), (8, 8), (2, 2)],
                &[
                    notice,
                    description(3),
                    rows(&[
                        tuple(3, 0, 0, &[1; 18]),
                        tuple(3, 1, 0b101, &[2; 6]),
                        tuple(1, 0, 0, &[3; 4]),
                    ]),
                ],
            ),
        ),
        (
            "variable",
            stream(
                &[(1, 1), (-1, 4), (-1, 4), (-1, 4), (-2, 1)],
                &[
                    description(5),
                    rows(&[tuple(5, 2, 0, &texts), tuple(5, 3, 0b1, b"c")]),
                ],
            ),
        ),
    ]
}
