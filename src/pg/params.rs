//! nodes/params.h, parser/parse_param.h: parameters of statements.

use super::error::{Report, code};
use super::memory::Context;
use super::text::Str;
use super::types;
use crate::pg_sys as sys;
use core::ffi::c_int;
use core::ptr::null_mut;

/// A parameter as it was given.
#[derive(Clone, Copy)]
pub struct Given {
    /// UNKNOWNOID for a literal, whose type the statement that uses it decides; its value is a C string.
    pub type_oid: sys::Oid,
    pub value: Option<sys::Datum>,
}

impl Given {
    fn is_literal(self) -> bool {
        self.type_oid == sys::UNKNOWNOID
    }
}

/// Types for analysis, palloc'd: 0 stands for those that the statement decides.
pub struct Types {
    pub types: *mut sys::Oid,
    pub count: c_int,
}

impl Types {
    /// For parse_analyze_varparams, in the current memory context.
    pub fn of(given: &[Given]) -> Self {
        let types = Context::current().alloc_slice(given.len(), |i| {
            if given[i].is_literal() {
                0
            } else {
                given[i].type_oid
            }
        });
        Self {
            types: types.as_mut_ptr(),
            count: c_int::try_from(given.len()).unwrap_or(c_int::MAX),
        }
    }

    /// After analysis: 42P02 for a parameter that was not given, 42P18 where the statement leaves a literal's type open.
    pub fn check(&self, given: &[Given]) {
        let types = self.as_slice();
        if let Some(missing) = types.get(given.len()..) {
            if let Some(i) = missing.iter().position(|type_oid| *type_oid != 0) {
                let count = given.len();
                Report::error(code::UNDEFINED_PARAMETER)
                    .message(format_args!("there is no parameter ${}", count + i + 1))
                    .detail(format_args!(
                        "The job was given {count} parameter{}.",
                        if count == 1 { "" } else { "s" }
                    ))
                    .raise();
            }
        }
        if let Some(i) = types
            .iter()
            .position(|type_oid| *type_oid == sys::UNKNOWNOID)
        {
            Report::error(code::INDETERMINATE_DATATYPE)
                .message(format_args!(
                    "could not determine data type of parameter ${}",
                    i + 1
                ))
                .hint(format_args!("Cast it, as in ${}::text.", i + 1))
                .raise();
        }
    }

    /// Each; 0 for a parameter that the statement does not use.
    pub fn as_slice(&self) -> &[sys::Oid] {
        if self.types.is_null() {
            return &[];
        }
        // SAFETY: so many were written, by `of` or by the parser, which keeps the array palloc'd.
        unsafe { core::slice::from_raw_parts(self.types, usize::try_from(self.count).unwrap_or(0)) }
    }
}

/// The parameters for running a statement that was analysed with `types`, in the current memory context. Literals become
/// values; what their input functions raise is raised.
///
/// # Safety
/// Each value is one of its type, or a C string where that is unknown, and outlives what is returned.
pub unsafe fn bind(given: &[Given], types: &[sys::Oid]) -> sys::ParamListInfo {
    if given.is_empty() {
        return null_mut();
    }
    // SAFETY: makeParamList makes room for so many entries; the rest is the caller's promise.
    unsafe {
        let list = sys::makeParamList(c_int::try_from(given.len()).unwrap_or(c_int::MAX));
        let entries = (*list).params.as_mut_ptr();
        for (i, given) in given.iter().enumerate() {
            let entry = &mut *entries.add(i);
            entry.pflags = sys::PARAM_FLAG_CONST as u16;
            entry.ptype = given.type_oid;
            entry.isnull = given.value.is_none();
            entry.value = given.value.unwrap_or(0);
            let wanted = types.get(i).copied().unwrap_or(0);
            if given.is_literal() && wanted != 0 {
                entry.ptype = wanted;
                let literal = given.value.and_then(|text| Str::from_ptr(text as *const _));
                entry.value = types::read_literal(wanted, literal);
            }
        }
        list
    }
}
