//! From a row, or an array of texts, to the parameters that travel with a request.

use crate::channel::wire::parameters::{Parameter, Parameters, Value, encode_head};
use crate::pg::error::{Report, code};
use crate::pg::memory::Context;
use crate::pg::record::{self, Field};
use crate::pg::types::UNKNOWN;
use crate::pg::{Datum, types};
use crate::rows::layout;
use core::ptr::NonNull;

/// Every field of a row is a parameter of its own type, in the current memory context. 0A000 for a type whose values mean
/// something in this process alone.
///
/// # Safety
/// A non-null composite value.
pub unsafe fn of_record<'a>(row: Datum) -> Parameters<'a> {
    // SAFETY: the caller's promise.
    let fields = unsafe { record::fields(row) };
    let parameters = Context::current().alloc_slice(fields.len(), |i| {
        // SAFETY: a field has a value of its column's type.
        unsafe { parameter(i + 1, &fields[i]) }
    });
    encode(parameters)
}

/// Every element of an array of texts is a literal whose type the statement decides.
///
/// # Safety
/// A non-null text[].
pub unsafe fn of_texts<'a>(array: Datum) -> Parameters<'a> {
    // SAFETY: the caller's promise.
    let texts = unsafe { record::texts(array) };
    encode(Context::current().alloc_slice(texts.len(), |i| Parameter {
        type_oid: UNKNOWN,
        layout: 0,
        value: texts[i].map_or(Value::Null, |text| Value::Bytes(text.bytes_with_nul())),
    }))
}

/// # Safety
/// The field's value is one of its column's type.
unsafe fn parameter<'a>(number: usize, field: &Field) -> Parameter<'a> {
    let column = &field.column;
    let type_oid = column.type_oid;
    if (type_oid != UNKNOWN && types::is_pseudo(type_oid)) || layout::is_unknowable(column) {
        Report::error(code::FEATURE_NOT_SUPPORTED)
            .message(format_args!(
                "parameter ${number} has type {}, which cannot be passed to a background job",
                types::name(type_oid, -1)
            ))
            .detail(format_args!(
                "What its values have inside, this process alone knows."
            ))
            .hint(format_args!("Cast it to a named row type, or to text."))
            .raise();
    }
    let value = match field.value {
        None => Value::Null,
        #[allow(clippy::unnecessary_cast, reason = "u64 itself from 19 on")]
        Some(datum) if column.by_value => Value::Datum(datum as u64),
        // SAFETY: the caller's promise.
        Some(datum) => Value::Bytes(unsafe { record::flat_bytes(datum, column.length) }),
    };
    Parameter {
        type_oid,
        layout: layout::of(type_oid),
        value,
    }
}

/// Puts the section together.
fn encode<'a>(parameters: &[Parameter<'_>]) -> Parameters<'a> {
    if parameters.is_empty() {
        return Parameters::NONE;
    }
    let head = encode_head(u32::try_from(parameters.len()).unwrap_or(u32::MAX));
    let length = parameters
        .iter()
        .fold(head.len(), |sum, p| sum.saturating_add(p.encoded_len()));
    let place = Context::current().alloc(length);
    let mut end = 0;
    let mut push = |bytes: &[u8], padded: usize| {
        // SAFETY: `length` is the sum of what is pushed, so that all of it is within the place, which nobody else knows.
        unsafe {
            let to = place.add(end);
            to.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            to.add(bytes.len()).write_bytes(0, padded - bytes.len());
        }
        end += padded;
    };
    push(&head, head.len());
    for parameter in parameters {
        let fixed = parameter.encode_fixed();
        push(&fixed, fixed.len());
        if let Value::Bytes(bytes) = parameter.value {
            push(bytes, parameter.encoded_len() - fixed.len());
        }
    }
    // SAFETY: all of it was written. The lifetime is that of the memory context, the caller's to keep.
    let section = unsafe { core::slice::from_raw_parts(place.as_ptr(), end) };
    match Parameters::decode(section) {
        Ok(parameters) => parameters,
        Err(malformed) => Report::error(code::INTERNAL_ERROR)
            .message(format_args!("{malformed}"))
            .raise(),
    }
}
