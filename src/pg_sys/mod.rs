//! PostgreSQL as it is: generated bindings, the C shim, and what a loadable module must export.
//!
//! Everything here is raw. Only `crate::pg` uses it, and `crate::sql` for the OIDs of types.

pub mod alignment;
pub mod magic;
pub mod shim;

pub use generated::*;
pub use shim::*;

/// What bindgen makes of `bindings.h`, restricted to `allowlist.txt`.
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unknown_lints,
    unnecessary_transmutes,
    unpredictable_function_pointer_comparisons,
    unsafe_op_in_unsafe_fn,
    unused_qualifications
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

/// The syscache of types. Its number is an enumerator's up to 18, which bindgen makes unsigned, and a plain int's from 19 on.
#[cfg(not(pg_ge_19))]
pub const TYPE_CACHE: core::ffi::c_int = TYPEOID as core::ffi::c_int;
#[cfg(pg_ge_19)]
pub const TYPE_CACHE: core::ffi::c_int = TYPEOID;
