//! Any sequence of messages as a response stream: refused, or safe to use.
//!
//! The input is a number of column types (u8), each two bytes (length, alignment), which are
//! repeated as often as there are columns; then messages, each after its length (u16). Integers are
//! native-endian.
//!
//! A tuple that passes every check is then taken apart as PostgreSQL does it, which trusts what it
//! reads: the fuzzer finds every tuple that passes although that leaves its bounds.

#![no_main]

#[path = "../pg_sys.rs"]
mod pg_sys;
#[path = "../../src/channel/wire/mod.rs"]
#[expect(dead_code, reason = "the half that the other target uses")]
mod wire;

use libfuzzer_sys::fuzz_target;
use wire::report::{Report, decimal};
use wire::response::{self, Description, Kind, Message, Stream};
use wire::tuple::{Attribute, check_tuple_attributes};

fuzz_target!(|input: &[u8]| {
    let Some((types, messages)) = types(input) else {
        return;
    };
    let mut stream = Stream::new();
    let mut rest = messages;
    while let Some((len, after)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_ne_bytes(*len)).min(after.len());
        let (message, after) = after.split_at(len);
        rest = after;
        match stream.accept(message) {
            Ok(Message::Description(description)) => use_description(&description, message),
            Ok(Message::Rows(rows)) => {
                let columns = stream.columns().unwrap();
                let types: Vec<_> = types.iter().cycle().take(columns).copied().collect();
                let attributes: Vec<_> = types.iter().map(|t| t.attribute()).collect();
                assert_eq!(rows.tuples().count(), rows.len());
                for tuple in rows.tuples() {
                    assert!(message.as_ptr_range().contains(&tuple.as_ptr()));
                    if check_tuple_attributes(tuple, &attributes).is_ok() {
                        deform(tuple, &types);
                    }
                }
            }
            Ok(Message::Notice(report, _) | Message::Error(report, _)) => {
                use_report(&report, message);
            }
            Err(reason) => assert!(!reason.as_str().is_empty()),
        }
    }
});

/// A column's type: `attlen`, and its alignment in bytes.
#[derive(Clone, Copy)]
struct Type {
    len: i16,
    align: usize,
}

impl Type {
    fn attribute(&self) -> Attribute {
        Attribute::new(self.len, u8::try_from(self.align).unwrap()).unwrap()
    }
}

/// Reads the column types; `None` if they are not all there. An impossible length is that of int4.
fn types(input: &[u8]) -> Option<(Vec<Type>, &[u8])> {
    let (&count, rest) = input.split_first()?;
    let (pairs, rest) = rest.split_at_checked(usize::from(count) * 2)?;
    let mut types: Vec<_> = pairs
        .chunks_exact(2)
        .map(|pair| Type {
            len: match i8::from_ne_bytes([pair[0]]) {
                0 | ..-2 => 4,
                len => i16::from(len),
            },
            align: 1 << (pair[1] % 4),
        })
        .collect();
    if types.is_empty() {
        types.push(Type { len: 4, align: 4 });
    }
    Some((types, rest))
}

/// A description says the same when it is encoded again.
fn use_description(description: &Description<'_>, message: &[u8]) {
    let count = u32::try_from(description.len()).unwrap();
    let mut again = response::header(Kind::RowDescription, description.encoding(), count).to_vec();
    for column in description.columns() {
        assert!(column.type_oid != 0 && column.name.len() <= response::COLUMN_NAME_MAX);
        again.extend_from_slice(&response::column(
            column.type_oid,
            column.typmod,
            column.own_type,
            column.layout,
        ));
        again.extend_from_slice(column.name);
        again.push(0);
    }
    assert_eq!(again, message);
}

/// Every string of a report lies in the message and ends at a NUL there.
fn use_report(report: &Report<'_>, message: &[u8]) {
    assert!(report.sqlstate.iter().all(u8::is_ascii_alphanumeric));
    let _ = (
        report.severity(),
        decimal(report.position),
        decimal(report.internal_position),
    );
    let fields = [
        Some(report.message),
        report.severity_localized,
        report.detail,
        report.hint,
        report.position,
        report.internal_position,
        report.internal_query,
        report.context,
        report.schema_name,
        report.table_name,
        report.column_name,
        report.datatype_name,
        report.constraint_name,
        report.source_file,
        report.source_line,
        report.source_function,
    ];
    for field in fields.into_iter().flatten() {
        let start = field.as_ptr() as usize - message.as_ptr() as usize;
        assert_eq!(message[start + field.len()], 0);
        assert!(!field.contains(&0));
    }
}

/// What `heap_deform_tuple` of `heaptuple.c` does, written down apart from the decoder.
///
/// Where PostgreSQL would read beyond the tuple, a bounds check fails here.
fn deform(tuple: &[u8], types: &[Type]) {
    let u16_at = |at: usize| u16::from_ne_bytes([tuple[at], tuple[at + 1]]);
    let natts = usize::from(u16_at(10) & 0x07FF);
    let infomask = u16_at(12);
    // What was checked must be all of it, and the worker's promise must hold.
    assert_eq!(
        u32::from_ne_bytes(*tuple.first_chunk().unwrap()) as usize,
        tuple.len()
    );
    assert!(natts <= types.len() && infomask & 0x000C == 0);

    let data = &tuple[usize::from(tuple[14]) - 8..];
    let mut off = 0;
    for (i, &Type { len, align }) in types[..natts].iter().enumerate() {
        if infomask & 1 != 0 && tuple[15 + (i >> 3)] & (1 << (i & 7)) == 0 {
            continue;
        }
        // att_align_pointer
        if len != -1 || data[off] == 0 {
            off = off.next_multiple_of(align);
        }
        // att_addlength_pointer
        let size = match len {
            -1 => varsize_any(&data[off..], off % align == 0),
            -2 => data[off..].iter().position(|&byte| byte == 0).unwrap() + 1,
            _ => usize::try_from(len).unwrap(),
        };
        assert!(len > 0 || infomask & 2 != 0);
        // fetchatt, and whoever looks at the value
        let value = &data[off..off + size];
        assert_eq!(value.len(), size);
        off += size;
    }
}

/// `VARSIZE_ANY`, where a value stored out of line is out of the question.
fn varsize_any(value: &[u8], aligned: bool) -> usize {
    let little = cfg!(target_endian = "little");
    let first = value[0];
    let short = if little {
        first & 1 == 1
    } else {
        first & 0x80 != 0
    };
    if short {
        let size = if little { first >> 1 } else { first & 0x7F };
        assert!(size > 0, "out of line");
        return usize::from(size);
    }
    assert!(aligned);
    let word = u32::from_ne_bytes(*value.first_chunk().unwrap());
    let size = if little {
        word >> 2
    } else {
        word & 0x3FFF_FFFF
    } as usize;
    let compressed = if little {
        first & 2 != 0
    } else {
        first & 0x40 != 0
    };
    assert!(size >= if compressed { 8 } else { 4 });
    size
}
