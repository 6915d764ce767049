//! What `fmgr.h` asks of a loadable module: PG_MODULE_MAGIC and PG_FUNCTION_INFO_V1.
//!
//! Both are Rust functions, because a cdylib exports no symbol of a C object that is linked into it.

use super::{
    FUNC_MAX_ARGS, INDEX_MAX_KEYS, NAMEDATALEN, PG_VERSION_NUM, PGBG_FLOAT8PASSBYVAL,
    Pg_finfo_record, Pg_magic_struct,
};
use core::ffi::c_int;

/// A static that only holds constants and pointers to constants.
struct Constant<T>(T);

// SAFETY: the value is never written and what it points to is static and never written either.
unsafe impl<T> Sync for Constant<T> {}

/// FMGR_ABI_EXTRA in its field: who made the server, padded with zeroes.
#[cfg(pg_ge_15)]
const ABI_EXTRA: [core::ffi::c_char; 32] = {
    let text = super::FMGR_ABI_EXTRA;
    let mut field = [0; 32];
    let mut i = 0;
    while i < text.len() {
        field[i] = text[i] as core::ffi::c_char;
        i += 1;
    }
    field
};

#[cfg(not(pg_ge_18))]
static MAGIC: Constant<Pg_magic_struct> = Constant(Pg_magic_struct {
    len: size_of::<Pg_magic_struct>() as c_int,
    version: PG_VERSION_NUM as c_int / 100,
    funcmaxargs: FUNC_MAX_ARGS as c_int,
    indexmaxkeys: INDEX_MAX_KEYS as c_int,
    namedatalen: NAMEDATALEN as c_int,
    float8byval: PGBG_FLOAT8PASSBYVAL as c_int,
    #[cfg(pg_ge_15)]
    abi_extra: ABI_EXTRA,
});

#[cfg(pg_ge_18)]
static MAGIC: Constant<Pg_magic_struct> = Constant(Pg_magic_struct {
    len: size_of::<Pg_magic_struct>() as c_int,
    abi_fields: super::Pg_abi_values {
        version: PG_VERSION_NUM as c_int / 100,
        funcmaxargs: FUNC_MAX_ARGS as c_int,
        indexmaxkeys: INDEX_MAX_KEYS as c_int,
        namedatalen: NAMEDATALEN as c_int,
        float8byval: PGBG_FLOAT8PASSBYVAL as c_int,
        abi_extra: ABI_EXTRA,
    },
    name: c"pg_background".as_ptr(),
    version: VERSION.as_ptr(),
});

/// The crate's version as a C string, for `pg_get_loaded_modules()`.
#[cfg(pg_ge_18)]
const VERSION: &core::ffi::CStr =
    match core::ffi::CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes())
    {
        Ok(version) => version,
        Err(_) => unreachable!(),
    };

/// What the server compares with its own values before it calls anything else in the library.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn Pg_magic_func() -> *const Pg_magic_struct {
    &MAGIC.0
}

/// The record that every `pg_finfo_*` function returns: calling convention 1.
pub static FINFO_V1: Pg_finfo_record = Pg_finfo_record { api_version: 1 };

/// PG_FUNCTION_INFO_V1: exports `pg_finfo_NAME`, without which the server takes NAME for an ancient function.
#[macro_export]
macro_rules! pg_function_info_v1 {
    ($($name:ident),+ $(,)?) => {$(
        const _: () = {
            #[unsafe(export_name = concat!("pg_finfo_", stringify!($name)))]
            extern "C-unwind" fn finfo() -> *const $crate::pg_sys::Pg_finfo_record {
                &$crate::pg_sys::magic::FINFO_V1
            }
        };
    )+};
}
