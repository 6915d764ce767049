//! PostgreSQL as it is: generated bindings, the C shim, and what a loadable module must export.
//!
//! Everything here is raw. Only `crate::pg` uses it, and `crate::sql` for the OIDs of types.

pub mod alignment;
pub mod magic;
pub mod shim;

pub use generated::*;
pub use shim::*;

use core::ffi::c_int;

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

/// The number of a syscache is an enumerator's up to 18, which bindgen makes unsigned, and a plain int's from 19 on.
#[cfg(not(pg_ge_19))]
const fn cache(number: SysCacheIdentifier) -> c_int {
    number as c_int
}
#[cfg(pg_ge_19)]
const fn cache(number: c_int) -> c_int {
    number
}

/// The syscache of types.
pub const TYPE_CACHE: c_int = cache(TYPEOID);
/// The syscache of functions.
pub const PROC_CACHE: c_int = cache(PROCOID);

/// Which roles have set what is in force and what RESET gives: 15 notes that.
#[cfg(pg_ge_15)]
pub fn setting_roles(setting: &config_generic) -> [Oid; 2] {
    [setting.srole, setting.reset_srole]
}
#[cfg(not(pg_ge_15))]
pub fn setting_roles(_setting: &config_generic) -> [Oid; 2] {
    [0; 2]
}

/// What post_parse_analyze_hook is given last.
#[cfg(not(pg_ge_19))]
pub type Jumbled = *mut JumbleState;
#[cfg(pg_ge_19)]
pub type Jumbled = *const JumbleState;
