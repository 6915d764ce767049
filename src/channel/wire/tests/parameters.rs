//! Tests of the parameters.

use super::super::Malformed;
use super::super::parameters::{Parameter, Parameters, Value, encode_head};

/// The section that holds them.
pub fn section(parameters: &[Parameter<'_>]) -> Vec<u8> {
    let mut section = encode_head(u32::try_from(parameters.len()).unwrap()).to_vec();
    for parameter in parameters {
        let start = section.len();
        section.extend(parameter.encode_fixed());
        if let Value::Bytes(bytes) = parameter.value {
            section.extend(bytes);
            section.resize(section.len().next_multiple_of(8), 0);
        }
        assert_eq!(section.len() - start, parameter.encoded_len());
    }
    section
}

fn with(value: Value<'_>) -> Parameter<'_> {
    Parameter {
        type_oid: 25,
        layout: 0x0102_0304_0506_0708,
        value,
    }
}

const SAMPLE: [Parameter<'static>; 4] = [
    Parameter {
        type_oid: 23,
        layout: 0,
        value: Value::Datum(u64::MAX),
    },
    Parameter {
        type_oid: u32::MAX,
        layout: u64::MAX,
        value: Value::Null,
    },
    Parameter {
        type_oid: 25,
        layout: 7,
        value: Value::Bytes(b"thirteen byte"),
    },
    Parameter {
        type_oid: 17,
        layout: 0,
        value: Value::Bytes(b""),
    },
];

#[test]
fn what_is_encoded_is_decoded() {
    let section = section(&SAMPLE);
    let parameters = Parameters::decode(&section).unwrap();
    assert_eq!(parameters.len(), SAMPLE.len());
    assert!(!parameters.is_empty());
    assert!(parameters.iter().eq(SAMPLE));
    assert_eq!(parameters.section(), section);
}

#[test]
fn bytes_of_every_length_are_decoded_where_they_are_aligned() {
    for len in 0..40 {
        let bytes = vec![0xAB; len];
        let section = section(&[with(Value::Bytes(&bytes)), with(Value::Null)]);
        let parameters = Parameters::decode(&section).unwrap();
        let first = parameters.iter().next().unwrap();
        assert_eq!(first, with(Value::Bytes(&bytes)));
        let Value::Bytes(found) = first.value else {
            unreachable!()
        };
        assert_eq!((found.as_ptr() as usize - section.as_ptr() as usize) % 8, 0);
        assert_eq!(parameters.iter().nth(1), Some(with(Value::Null)));
    }
}

#[test]
fn no_section_is_no_parameters() {
    assert_eq!(Parameters::decode(b""), Ok(Parameters::NONE));
    assert!(Parameters::NONE.is_empty());
    let none = section(&[]);
    assert_eq!(Parameters::decode(&none).map(|p| p.len()), Ok(0));
}

#[test]
fn a_section_cut_anywhere_is_refused() {
    let whole = section(&SAMPLE);
    for len in 1..whole.len() {
        let reason = if len < 8 {
            Malformed::ParametersHead
        } else {
            Malformed::ParameterTruncated
        };
        assert_eq!(Parameters::decode(&whole[..len]), Err(reason), "{len}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let patched = |at: usize, bytes: &[u8]| {
        let mut section = section(&[with(Value::Bytes(b"abc"))]);
        section[at..at + bytes.len()].copy_from_slice(bytes);
        section
    };
    let refused = |section: &[u8], reason| assert_eq!(Parameters::decode(section), Err(reason));
    refused(&patched(4, b"\x01"), Malformed::ParametersHead);
    refused(&patched(8, &[0; 4]), Malformed::ParameterType);
    refused(&patched(12, &3_u32.to_ne_bytes()), Malformed::ParameterKind);
    // A null that has a length.
    refused(&patched(12, &[0; 4]), Malformed::ParameterKind);
    refused(&patched(35, b"\x01"), Malformed::ParameterPadding);
    refused(&patched(39, b"\x01"), Malformed::ParameterPadding);
    for len in [9, 1 << 31, 1 << 63, u64::MAX - 7, u64::MAX] {
        refused(
            &patched(24, &u64::to_ne_bytes(len)),
            Malformed::ParameterTruncated,
        );
    }
    refused(
        &patched(0, &2_u32.to_ne_bytes()),
        Malformed::ParameterTruncated,
    );
    refused(
        &patched(0, &0_u32.to_ne_bytes()),
        Malformed::ParametersTrailing,
    );
    refused(
        &patched(0, &u32::MAX.to_ne_bytes()),
        Malformed::ParameterTruncated,
    );
}
