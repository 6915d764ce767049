//! What SQL calls: unpack arguments, ask the rooms below, pack the answer. Nothing else.
//!
//! A new function is written inside `sql_functions!`, with every way to declare it that a script has or had; anything else
//! is refused before the body runs. Its `CREATE FUNCTION` goes into sql/.

mod batch;
mod cluster;
mod control;
mod info;
mod jobs;
mod launching;
mod options;
mod row_types;
mod rows;

use crate::directory::Seen;
use crate::pg::call::{Call, datum};
use crate::pg::composite::Reader;
use crate::pg::error::{Report, code};
use crate::pg::function::sql_functions;
use crate::pg_sys as sys;
use crate::session::job::JobRef;
use crate::session::registry::{self, Handle};
use crate::session::{others, pump};

/// What a function that returns void returns.
const VOID: sys::Datum = 0;

/// Takes handles out of values of type pg_background_handle.
struct Handles(Reader<2>);

impl Handles {
    const fn new() -> Self {
        Self(Reader::new([row_types::HANDLE[0], row_types::HANDLE[1]]))
    }

    /// None if there is no process ID. Without a cookie it is the newest job on the process, which is what an integer
    /// becomes that is cast to a handle.
    ///
    /// # Safety
    /// A non-null value of a composite type.
    unsafe fn read(&mut self, row: sys::Datum) -> Option<Handle> {
        // SAFETY: the caller's promise.
        let [pid, cookie] = unsafe { self.0.read(row) };
        let pid = pid? as i32;
        Some(match cookie {
            // SAFETY: the reader has compared the type of the column.
            Some(cookie) => Handle::PidAndCookie(pid, unsafe { datum::as_int64(cookie) }),
            None => Handle::Pid(pid),
        })
    }
}

/// The arguments that name a job: (pid, cookie), (handle), or (pid) as version 1 did.
fn handle(call: Call) -> Handle {
    if call.takes_row(0) {
        return handle_at(call, 0);
    }
    let pid = call.required(call.int32(0), "pid");
    if call.len() == 1 {
        return Handle::Pid(pid);
    }
    Handle::PidAndCookie(pid, call.required(call.int64(1), "cookie"))
}

/// The argument that is a handle.
fn handle_at(call: Call, i: usize) -> Handle {
    let row = call.required(call.datum(i), "h");
    // SAFETY: the declaration says that it is a row, and it is not null.
    let handle = unsafe { Handles::new().read(row) };
    handle.unwrap_or_else(|| refuse_null_in_handle())
}

fn refuse_null_in_handle() -> ! {
    Report::error(code::NULL_VALUE_NOT_ALLOWED)
        .message(format_args!("a handle must not have a null pid"))
        .raise()
}

/// The job of the arguments, which has to be one that this session tracks, as of now.
fn job(call: Call) -> JobRef {
    job_or(call, code::OBJECT_NOT_IN_PREREQUISITE_STATE)
}

/// A job that a handle names: one that this session tracks, or what the cluster's directory knows of it.
enum Known {
    Own(JobRef),
    Other(&'static Seen),
}

/// What the handle names, if anything.
fn look_up(handle: Handle) -> Option<Known> {
    registry::look_up(handle)
        .map(Known::Own)
        .or_else(|| others::look_up(handle).map(Known::Other))
}

/// What the arguments name, as of now.
fn known_job(call: Call) -> Known {
    pump::pump_all();
    let handle = handle(call);
    look_up(handle)
        .unwrap_or_else(|| registry::refuse_unknown(handle, code::OBJECT_NOT_IN_PREREQUISITE_STATE))
}

/// The same with another SQLSTATE for a cookie that does not fit.
fn job_or(call: Call, wrong_cookie: core::ffi::c_int) -> JobRef {
    pump::pump_all();
    registry::get(handle(call), wrong_cookie)
}
