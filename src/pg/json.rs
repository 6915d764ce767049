//! utils/jsonb.h: rows as JSON.

use super::form::form_composite;
use super::tuple::Descriptor;
use crate::pg_sys as sys;
use core::ptr::null_mut;

/// to_jsonb, for rows of one kind.
#[derive(Clone, Copy)]
pub struct ToJsonb {
    function: sys::FmgrInfo,
    desc: Descriptor,
}

impl ToJsonb {
    /// For rows of these columns. What it needs lives in the current memory context.
    pub fn new(desc: Descriptor) -> Self {
        // SAFETY: zero is a value of each field, and fmgr_info_cxt sets them. The function asks its expression for the
        // type of its argument; a blessed descriptor makes records that say what they are.
        unsafe {
            let mut function: sys::FmgrInfo = core::mem::zeroed();
            sys::fmgr_info_cxt(
                sys::F_TO_JSONB,
                &raw mut function,
                sys::CurrentMemoryContext,
            );
            let argument = sys::makeNullConst(sys::RECORDOID, -1, 0);
            let call = sys::makeFuncExpr(
                sys::F_TO_JSONB,
                sys::JSONBOID,
                sys::lappend(null_mut(), argument.cast()),
                0,
                0,
                sys::COERCE_EXPLICIT_CALL,
            );
            function.fn_expr = call.cast();
            sys::BlessTupleDesc(desc.as_ptr());
            Self { function, desc }
        }
    }

    /// One object of one row, in the current memory context.
    ///
    /// # Safety
    /// A row of the columns.
    pub unsafe fn call(&mut self, values: &[sys::Datum], nulls: &[bool]) -> sys::Datum {
        let row = form_composite(self.desc, values, nulls);
        // SAFETY: to_jsonb takes any non-null value of the type that its expression tells.
        unsafe { sys::FunctionCall1Coll(&raw mut self.function, 0, row) }
    }
}
