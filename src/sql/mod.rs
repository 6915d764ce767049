//! What SQL calls: unpack arguments, ask the rooms below, pack the answer. Nothing else.

mod control;
mod info;
mod jobs;
mod row_types;

use crate::pg::call::Call;
use crate::pg::error::code;
use crate::session::job::JobRef;
use crate::session::pump;
use crate::session::registry::{self, Handle};

/// Exports version-1 functions: `name(call) { body }`, the body returning a Datum.
macro_rules! sql_functions {
    ($($(#[$doc:meta])* fn $name:ident($call:ident) $body:block)+) => {$(
        $crate::pg_function_info_v1!($name);
        $(#[$doc])*
        ///
        /// # Safety
        /// Called by fmgr alone.
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(fcinfo: $crate::pg_sys::FunctionCallInfo) -> $crate::pg_sys::Datum {
            // SAFETY: fmgr passes a FunctionCallInfo that is alive until we return.
            let $call = unsafe { $crate::pg::call::Call::from_raw(fcinfo) };
            $body
        }
    )+};
}
use sql_functions;

/// What a function that returns void returns.
const VOID: crate::pg_sys::Datum = 0;

/// The arguments (pid, cookie).
fn handle(call: Call) -> Handle {
    Handle::PidAndCookie(
        call.required(call.int32(0), "pid"),
        call.required(call.int64(1), "cookie"),
    )
}

/// The job of the arguments (pid, cookie), as of now.
fn job(call: Call) -> JobRef {
    pump::pump_all();
    registry::get(handle(call), code::OBJECT_NOT_IN_PREREQUISITE_STATE)
}

/// The job of the argument (pid), as of now.
fn job_by_pid(call: Call) -> JobRef {
    pump::pump_all();
    registry::get(
        Handle::Pid(call.required(call.int32(0), "pid")),
        code::UNDEFINED_OBJECT,
    )
}
