//! fmgr.h: what makes a Rust function one that SQL calls.

/// Exports version-1 functions: `name, other_name(call) [declarations] { body }`, the body returning a Datum. A
/// declaration is `(argument types) -> result` or `(argument types) -> set of result`, in the names of `types`.
macro_rules! sql_functions {
    ($($(#[$doc:meta])* fn $($name:ident),+($call:ident) [$(($($argument:ident),*) -> $($result:ident)+;)+] $body:block)+) => {$(
        $crate::pg::function::sql_functions! { @export [$($name),+] $(#[$doc])* $call [$(($($argument),*) -> $($result)+;)+] $body }
    )+};
    (@export [$name:ident $(, $other:ident)*] $(#[$doc:meta])* $call:ident [$(($($argument:ident),*) -> $($result:ident)+;)+] $body:block) => {
        $crate::pg_function_info_v1!($name);
        $(#[$doc])*
        ///
        /// # Safety
        /// Called by fmgr alone.
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(fcinfo: $crate::pg_sys::FunctionCallInfo) -> $crate::pg_sys::Datum {
            static KNOWN: &[$crate::pg::declaration::Declaration] = &[
                $($crate::pg::declaration::Declaration {
                    arguments: &[$($crate::pg::function::types::$argument),*],
                    result: $crate::pg::function::sql_functions!(@result $($result)+),
                    returns_set: $crate::pg::function::sql_functions!(@set $($result)+),
                }),+
            ];
            // SAFETY: fmgr passes a FunctionCallInfo that is alive until we return; KNOWN is always the same.
            let $call = unsafe { $crate::pg::call::Call::from_raw(fcinfo, KNOWN) };
            $body
        }
        $(
            $crate::pg_function_info_v1!($other);
            #[doc = concat!("The same as `", stringify!($name), "`.")]
            ///
            /// # Safety
            /// Called by fmgr alone.
            #[unsafe(no_mangle)]
            pub unsafe extern "C-unwind" fn $other(fcinfo: $crate::pg_sys::FunctionCallInfo) -> $crate::pg_sys::Datum {
                // SAFETY: what fmgr passed.
                unsafe { $name(fcinfo) }
            }
        )*
    };
    (@result set of $result:ident) => { $crate::pg::function::types::$result };
    (@result $result:ident) => { $crate::pg::function::types::$result };
    (@set set of $result:ident) => { true };
    (@set $result:ident) => { false };
}
pub(crate) use sql_functions;

/// The types of arguments and results, as declarations name them.
pub mod types {
    use crate::pg::declaration::Type::{self, Plain, Row, RowArray};
    use crate::pg_sys as sys;

    pub const ANYELEMENT: Type = Plain(sys::ANYELEMENTOID);
    pub const BOOL: Type = Plain(sys::BOOLOID);
    #[cfg(feature = "injection-points")]
    pub const BYTEA: Type = Plain(sys::BYTEAOID);
    pub const INT4: Type = Plain(sys::INT4OID);
    pub const INT8: Type = Plain(sys::INT8OID);
    pub const JSONB: Type = Plain(sys::JSONBOID);
    pub const REFCURSOR: Type = Plain(sys::REFCURSOROID);
    pub const TEXT: Type = Plain(sys::TEXTOID);
    pub const TEXTS: Type = Plain(sys::TEXTARRAYOID);
    pub const RECORDS: Type = Plain(sys::RECORDARRAYOID);
    pub const RECORD: Type = Plain(sys::RECORDOID);
    pub const VOID: Type = Plain(sys::VOIDOID);
    /// pg_background_handle as an argument, any row type of ours as a result.
    pub const ROW: Type = Row;
    /// pg_background_handle[]
    pub const ROWS: Type = RowArray;
}
