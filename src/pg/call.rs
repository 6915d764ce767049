//! fmgr.h, funcapi.h: what a SQL function gets and gives.

use super::declaration::{self, Declaration, Type};
use super::error::{Report, code};
use super::memory::Context;
use super::shape::{self, Known, MAX_COLUMNS, Shape};
use super::text::{Str, text_to_str};
use super::tuple::Descriptor;
use super::tuplestore::Tuplestore;
use super::types;
use crate::pg_sys as sys;
use core::ptr::NonNull;

/// A call of a version-1 function.
///
/// # Invariants
/// Points to the FunctionCallInfo that fmgr passed, alive until the function returns, with the arguments of `declaration`.
#[derive(Clone, Copy)]
pub struct Call {
    info: NonNull<sys::FunctionCallInfoBaseData>,
    declaration: &'static Declaration,
}

impl Call {
    /// Looks at the function's declaration, once for each FmgrInfo; 42883 if it is none of the `known` ones.
    ///
    /// # Safety
    /// What fmgr passed to a PG_FUNCTION_INFO_V1 function that has not returned, and that always passes this `known`.
    pub unsafe fn from_raw(fcinfo: sys::FunctionCallInfo, known: &'static [Declaration]) -> Self {
        // SAFETY: fmgr never passes NULL, and its FmgrInfo is alive as long as the call. fn_extra is the function's own,
        // NULL at first: what is there, we have put there, and it is static.
        unsafe {
            let info = NonNull::new_unchecked(fcinfo);
            let function = (*fcinfo).flinfo;
            if function.is_null() {
                Report::error(code::INTERNAL_ERROR)
                    .message(format_args!(
                        "a function of pg_background was called without its declaration"
                    ))
                    .raise();
            }
            let seen = (*function).fn_extra.cast::<Declaration>().cast_const();
            let declaration = match seen.as_ref() {
                Some(declaration) => declaration,
                None => {
                    let declaration = declaration::find((*function).fn_oid, known);
                    (*function).fn_extra = (&raw const *declaration).cast_mut().cast();
                    declaration
                }
            };
            Self { info, declaration }
        }
    }

    /// The type that the argument at `i` has in this call, where its declaration is polymorphic; 0 if nobody can tell.
    pub fn argument_type(self, i: usize) -> sys::Oid {
        // SAFETY: fmgr's FmgrInfo, alive as long as the call.
        unsafe {
            sys::get_fn_expr_argtype(
                (*self.info.as_ptr()).flinfo,
                core::ffi::c_int::try_from(i).unwrap_or(0),
            )
        }
    }

    /// How many arguments are declared.
    pub fn len(self) -> usize {
        self.declaration.arguments.len()
    }

    /// Whether this type is the declared result.
    pub fn returns(self, type_oid: sys::Oid) -> bool {
        matches!(self.declaration.result, Type::Plain(oid) if oid == type_oid)
    }

    /// Whether the argument at `i`, from 0, is declared as a row.
    pub fn takes_row(self, i: usize) -> bool {
        matches!(self.declaration.arguments.get(i), Some(Type::Row))
    }

    /// The argument at `i`, from 0; None if it is NULL or was not declared.
    pub fn datum(self, i: usize) -> Option<sys::Datum> {
        if i >= self.len() {
            return None;
        }
        // SAFETY: by the type's invariant.
        let argument = unsafe { *(*self.info.as_ptr()).args.as_ptr().add(i) };
        (!argument.isnull).then_some(argument.value)
    }

    /// PG_GETARG_INT32.
    pub fn int32(self, i: usize) -> Option<i32> {
        self.datum(i).map(|datum| datum as i32)
    }

    /// PG_GETARG_INT64.
    pub fn int64(self, i: usize) -> Option<i64> {
        self.datum(i)
            // SAFETY: not null, and the declaration was compared and says int8.
            .map(|value| unsafe { datum::as_int64(value) })
    }

    /// A text argument, detoasted and copied to the current memory context.
    pub fn text(self, i: usize) -> Option<Str> {
        // SAFETY: the declaration was compared and says text.
        self.datum(i).map(|datum| unsafe { text_to_str(datum) })
    }

    /// A bool argument.
    pub fn bool(self, i: usize) -> Option<bool> {
        self.datum(i).map(|datum| datum as u8 != 0)
    }

    /// The argument, or 22004.
    pub fn required<T>(self, value: Option<T>, name: &str) -> T {
        value.unwrap_or_else(|| {
            Report::error(code::NULL_VALUE_NOT_ALLOWED)
                .message(format_args!("argument \"{name}\" must not be null"))
                .raise()
        })
    }

    /// PG_RETURN_NULL.
    pub fn null(self) -> sys::Datum {
        // SAFETY: by the type's invariant.
        unsafe { (*self.info.as_ptr()).isnull = true };
        0
    }

    /// The row type that the function is declared to return, of columns of which `known` tells name and type. 42804 if it wants
    /// others, or the executor does: what is not to be undone has to come after this.
    pub fn shape(self, known: &'static [Known]) -> Shape {
        // SAFETY: by the type's invariant; a descriptor that lives as long as the call.
        let expected = self
            .set_info()
            .and_then(|info| unsafe { Descriptor::from_ptr((*info.as_ptr()).expectedDesc) });
        // SAFETY: fmgr's FmgrInfo, whose function was found; a system cache look-up.
        let type_oid = unsafe { sys::get_func_rettype((*(*self.info.as_ptr()).flinfo).fn_oid) };
        Shape::of_type(type_oid, expected, known)
    }

    /// ReturnSetInfo, where the caller gives one.
    fn set_info(self) -> Option<NonNull<sys::ReturnSetInfo>> {
        // SAFETY: by the type's invariant; resultinfo is NULL or a node.
        unsafe {
            let info = (*self.info.as_ptr()).resultinfo;
            let info = NonNull::new(info)?;
            ((*info.as_ptr()).type_ == sys::T_ReturnSetInfo).then_some(info.cast())
        }
    }

    /// Returns a row of the declared type from columns of which `known` tells name and type. 42804 if it wants others.
    pub fn row(self, known: &'static [Known], columns: &[Option<sys::Datum>]) -> sys::Datum {
        self.shape(known).row(columns)
    }

    /// ReturnSetInfo, if the caller takes a set in a tuplestore and says which columns it wants.
    pub fn result_set(self) -> ResultSet {
        let Some(info) = self.set_info() else {
            wants_from_clause()
        };
        // SAFETY: the executor's, alive by the type's invariant.
        unsafe {
            let node = info.as_ref();
            if node.allowedModes & sys::SFRM_Materialize as i32 == 0 {
                wants_from_clause();
            }
            let Some(desc) = Descriptor::from_ptr(node.expectedDesc) else {
                wants_column_list()
            };
            ResultSet { info, desc }
        }
    }
}

fn wants_from_clause() -> ! {
    Report::error(code::FEATURE_NOT_SUPPORTED)
        .message(format_args!(
            "set-valued function called in context that cannot accept a set"
        ))
        .hint(format_args!(
            "Call it in the FROM clause: SELECT * FROM function(...) AS (column type, ...)."
        ))
        .raise()
}

fn wants_column_list() -> ! {
    Report::error(code::FEATURE_NOT_SUPPORTED)
        .message(format_args!("function returning record called in context that cannot accept type record"))
        .hint(format_args!("Call it in the FROM clause with a column definition list: SELECT * FROM function(...) AS (column type, ...)."))
        .raise()
}

/// Where a set goes.
///
/// # Invariants
/// Points to the executor's ReturnSetInfo, alive until the function returns.
#[derive(Clone, Copy)]
pub struct ResultSet {
    info: NonNull<sys::ReturnSetInfo>,
    /// The columns that the caller declared.
    pub desc: Descriptor,
}

impl ResultSet {
    /// A tuplestore that the executor will free, also after an error.
    pub fn begin(self) -> Tuplestore {
        // SAFETY: by the type's invariant.
        unsafe {
            let info = self.info.as_ptr();
            let context = Context::from_ptr((*(*info).econtext).ecxt_per_query_memory);
            Tuplestore::for_executor(
                context,
                (*info).allowedModes & sys::SFRM_Materialize_Random as i32 != 0,
            )
        }
    }

    /// Looks, when a job has ended, whether its rows can still be what they would be: values of the row type that is declared, if that
    /// has a name. 42804 if not. In FROM they are read as the caller declared them; the executor makes such values of them only where
    /// somebody refers to whole rows, and looks for itself at the first row alone.
    pub fn check_row_type(self) {
        if let Some(type_oid) = self.desc.named_type() {
            types::accept_invalidations();
            shape::check_still(type_oid, self.desc, self.is_in_from());
        }
    }

    /// Whether the function stands in FROM, where rows are read as the caller declared them.
    fn is_in_from(self) -> bool {
        // SAFETY: by the type's invariant.
        let modes = unsafe { (*self.info.as_ptr()).allowedModes };
        modes & sys::SFRM_Materialize_Preferred as i32 != 0
    }

    /// Hands the rows over as the function's result.
    pub fn finish(self, store: Tuplestore) -> sys::Datum {
        // SAFETY: by the type's invariant; the copy of the descriptor lives as long as the tuplestore.
        unsafe {
            let info = self.info.as_ptr();
            let context = Context::from_ptr((*(*info).econtext).ecxt_per_query_memory);
            (*info).returnMode = sys::SFRM_Materialize;
            (*info).setResult = store.as_ptr();
            (*info).setDesc = self.desc.copy(context).as_ptr();
        }
        0
    }

    /// The shape of its rows, of columns of which `known` tells name and type. 42804 if it wants others.
    pub fn shape(self, known: &[Known]) -> Shape {
        Shape::new(self.desc, known)
    }

    /// Adds a row of that shape.
    pub fn put(self, store: Tuplestore, shape: &Shape, columns: &[Option<sys::Datum>]) {
        let (values, nulls) = shape.arrange(columns);
        self.store(store, &values, &nulls);
    }

    /// Adds a row of leading columns whose types the caller has compared; their names are free.
    pub fn put_leading(self, store: Tuplestore, columns: &[Option<sys::Datum>]) {
        let mut values = [0; MAX_COLUMNS];
        let mut nulls = [true; MAX_COLUMNS];
        for ((column, value), null) in columns.iter().zip(&mut values).zip(&mut nulls) {
            *value = column.unwrap_or(0);
            *null = column.is_none();
        }
        self.store(store, &values, &nulls);
    }

    fn store(self, store: Tuplestore, values: &[sys::Datum], nulls: &[bool]) {
        let natts = self.desc.len().min(MAX_COLUMNS);
        store.put_values(self.desc, &values[..natts], &nulls[..natts]);
    }
}

/// Datums of our results.
pub mod datum {
    use super::{Str, sys};

    /// int4, oid and bool included.
    pub fn int32(value: i32) -> Option<sys::Datum> {
        Some(value as sys::Datum)
    }

    /// oid.
    pub fn oid(value: sys::Oid) -> Option<sys::Datum> {
        Some(value as sys::Datum)
    }

    /// bool.
    pub fn bool(value: bool) -> Option<sys::Datum> {
        Some(sys::Datum::from(value))
    }

    /// int8, in the current memory context where it is not passed by value.
    pub fn int64(value: i64) -> Option<sys::Datum> {
        // SAFETY: allocates at most.
        Some(unsafe { sys::pgbg_int64_get_datum(value) })
    }

    /// DatumGetInt64.
    ///
    /// # Safety
    /// A non-null int8.
    pub unsafe fn as_int64(value: sys::Datum) -> i64 {
        // SAFETY: the caller's promise.
        unsafe { sys::pgbg_datum_get_int64(value) }
    }

    /// float8, in the current memory context where it is not passed by value.
    pub fn float8(value: f64) -> Option<sys::Datum> {
        // SAFETY: allocates at most.
        Some(unsafe { sys::pgbg_float8_get_datum(value) })
    }

    /// timestamptz; zero, which stands for "not yet", becomes NULL.
    pub fn timestamp(value: super::super::timestamp::Timestamp) -> Option<sys::Datum> {
        if value == 0 { None } else { int64(value) }
    }

    /// A copy as text in the current memory context.
    pub fn text(value: Str) -> Option<sys::Datum> {
        text_from_bytes(value.bytes())
    }

    /// The same from bytes in the database encoding.
    pub fn text_from_bytes(value: &[u8]) -> Option<sys::Datum> {
        // SAFETY: copies `value`, whose length fits because it came from a text.
        Some(unsafe {
            sys::cstring_to_text_with_len(value.as_ptr().cast(), value.len() as i32) as sys::Datum
        })
    }
}
