//! The parameters of a job, checked against their types.

use crate::channel::wire::parameters::{Parameter, Value};
use crate::channel::wire::request::Request;
use crate::pg::Datum;
use crate::pg::error::{Report, code};
use crate::pg::memory::Context;
use crate::pg::params::Given;
use crate::pg::record::is_flat;
use crate::pg::types;
use crate::rows::layout;

/// The parameters of a request, as statements take them, in `context`. The values stay where the request has them. What
/// their types say of them is not looked at yet: that takes a transaction.
pub fn of(request: &Request<'_>, context: Context) -> &'static [Given] {
    if request.parameters.is_empty() {
        return &[];
    }
    let parameters = request.parameters.iter().map(|parameter| Given {
        type_oid: parameter.type_oid,
        value: match parameter.value {
            Value::Null => None,
            Value::Datum(datum) => Some(datum as Datum),
            Value::Bytes(bytes) => Some(bytes.as_ptr() as Datum),
        },
    });
    context.alloc_from(request.parameters.len(), parameters)
}

/// Makes sure, in the job's transaction, that each value is what its type is here and now: 42704 for a type that is not
/// there, 42804 for one whose values are laid out differently.
pub fn check(request: &Request<'_>) {
    for (i, parameter) in request.parameters.iter().enumerate() {
        check_one(i + 1, &parameter);
    }
}

fn check_one(number: usize, parameter: &Parameter<'_>) {
    let type_oid = parameter.type_oid;
    let Some((length, by_value)) = types::length_and_passing(type_oid) else {
        Report::error(code::UNDEFINED_OBJECT)
            .message(format_args!(
                "parameter ${number} of the background job has a type that does not exist"
            ))
            .detail(format_args!("The type with OID {type_oid} is not there."))
            .hint(format_args!(
                "A job sees what is committed: commit the transaction that made the type before you launch."
            ))
            .raise()
    };
    let is_as_before = match parameter.value {
        Value::Null => true,
        Value::Datum(_) => by_value,
        Value::Bytes(bytes) => !by_value && is_flat(bytes, length),
    };
    if !is_as_before || !layout::is_still(type_oid, parameter.layout) {
        Report::error(code::DATATYPE_MISMATCH)
            .message(format_args!(
                "parameter ${number} of the background job has a row type that has changed since"
            ))
            .detail(format_args!(
                "It is of type {}, which was altered when or after the job was launched.",
                types::name(type_oid, -1)
            ))
            .hint(format_args!(
                "Launch the job again, after the transaction that alters the type."
            ))
            .raise();
    }
}
