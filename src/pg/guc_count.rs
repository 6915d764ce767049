//! utils/guc_tables.h: how many settings this process has, whoever defined or set them.

use super::libraries;
use super::memory::{Context, Lasting};
use crate::pg_sys as sys;
use core::ffi::c_int;

/// Counts them.
pub fn count_variables() -> Variables {
    let mut undefined = 0;
    // SAFETY: counts.
    let all = unsafe { sys::pgbg_count_guc_variables(&raw mut undefined) };
    Variables { all, undefined }
}

/// How many settings there are, but for those of libraries that are at their defaults: these change nothing.
#[derive(Clone, Copy)]
pub struct Variables {
    pub all: c_int,
    /// Those among them that were set, and that no library has defined so far.
    pub undefined: c_int,
}

impl Variables {
    /// Not counted.
    pub const NONE: Self = Self {
        all: 0,
        undefined: 0,
    };
}

/// What differs if there are other settings than before, and costs less than to count them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    variables: usize,
    /// A library may define what was set before.
    libraries: usize,
}

impl Mark {
    /// Not taken.
    pub const NONE: Self = Self {
        variables: 0,
        libraries: 0,
    };

    /// Of this process as it is.
    pub fn now() -> Self {
        Self {
            variables: variables_mark(),
            libraries: libraries::room(),
        }
    }

    /// Whether there are more of them or fewer, whatever libraries there are.
    pub fn has_other_variables(self, before: Self) -> bool {
        self.variables != before.variables
    }
}

/// guc.c's memory.
static GUC_CONTEXT: Lasting = Lasting::new(c"GUCMemoryContext");

/// A new setting takes room for good, also one that was set for a transaction.
fn variables_mark() -> usize {
    if sys::PGBG_COUNTING_VARIABLES_IS_CHEAP != 0 {
        // SAFETY: reads a number.
        return usize::try_from(unsafe { sys::pgbg_all_guc_variables() }).unwrap_or(0);
    }
    GUC_CONTEXT.get().map_or(0, Context::in_use)
}
