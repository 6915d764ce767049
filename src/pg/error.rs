//! utils/elog.h: raising errors, catching them, passing notices on.

use super::memory::Context;
use super::text::{Str, Text};
use crate::pg_sys as sys;
use core::ffi::{c_int, c_void};
use core::fmt;
use core::ptr::null_mut;

/// MAKE_SQLSTATE: five characters, six bits each.
pub const fn sqlstate(code: &[u8; 5]) -> c_int {
    let mut packed = 0;
    let mut i = 0;
    while i < 5 {
        packed |= (((code[i] as c_int) - ('0' as c_int)) & 0x3F) << (6 * i);
        i += 1;
    }
    packed
}

/// unpack_sql_state: the five characters of a packed SQLSTATE.
pub const fn sqlstate_text(packed: c_int) -> [u8; 5] {
    let mut code = [0; 5];
    let mut i = 0;
    while i < 5 {
        code[i] = ((packed >> (6 * i)) & 0x3F) as u8 + b'0';
        i += 1;
    }
    code
}

/// The SQLSTATEs of docs/REFERENCE.md, by the names that errcodes.txt gives them.
pub mod code {
    use super::sqlstate;
    use core::ffi::c_int;

    pub const CONNECTION_FAILURE: c_int = sqlstate(b"08006");
    pub const PROTOCOL_VIOLATION: c_int = sqlstate(b"08P01");
    pub const FEATURE_NOT_SUPPORTED: c_int = sqlstate(b"0A000");
    pub const NULL_VALUE_NOT_ALLOWED: c_int = sqlstate(b"22004");
    pub const INVALID_PARAMETER_VALUE: c_int = sqlstate(b"22023");
    pub const T_R_SERIALIZATION_FAILURE: c_int = sqlstate(b"40001");
    pub const T_R_DEADLOCK_DETECTED: c_int = sqlstate(b"40P01");
    pub const INSUFFICIENT_PRIVILEGE: c_int = sqlstate(b"42501");
    pub const SYNTAX_ERROR: c_int = sqlstate(b"42601");
    pub const DUPLICATE_CURSOR: c_int = sqlstate(b"42P03");
    pub const UNDEFINED_PARAMETER: c_int = sqlstate(b"42P02");
    pub const INDETERMINATE_DATATYPE: c_int = sqlstate(b"42P18");
    pub const UNDEFINED_OBJECT: c_int = sqlstate(b"42704");
    pub const UNDEFINED_FUNCTION: c_int = sqlstate(b"42883");
    pub const DATATYPE_MISMATCH: c_int = sqlstate(b"42804");
    pub const INSUFFICIENT_RESOURCES: c_int = sqlstate(b"53000");
    pub const CONFIGURATION_LIMIT_EXCEEDED: c_int = sqlstate(b"53400");
    pub const PROGRAM_LIMIT_EXCEEDED: c_int = sqlstate(b"54000");
    pub const OBJECT_NOT_IN_PREREQUISITE_STATE: c_int = sqlstate(b"55000");
    pub const OBJECT_IN_USE: c_int = sqlstate(b"55006");
    pub const QUERY_CANCELED: c_int = sqlstate(b"57014");
    pub const ADMIN_SHUTDOWN: c_int = sqlstate(b"57P01");
    pub const INTERNAL_ERROR: c_int = sqlstate(b"XX000");

    /// Class XX: something is there that cannot be.
    pub const fn is_internal(code: c_int) -> bool {
        code & 0xFFF == INTERNAL_ERROR & 0xFFF
    }
}

/// How severe a report is: elevel.
#[derive(Clone, Copy)]
#[repr(i32)]
pub enum Level {
    Debug = sys::DEBUG1 as c_int,
    Log = sys::LOG as c_int,
    /// Never sent to the client.
    LogServerOnly = sys::LOG_SERVER_ONLY as c_int,
    Info = sys::INFO as c_int,
    Notice = sys::NOTICE as c_int,
    Warning = sys::WARNING as c_int,
    Error = sys::ERROR as c_int,
}

/// An error or notice that is being put together. Its texts live in the current memory context; raising copies them.
#[derive(Clone, Copy)]
pub struct Report {
    data: sys::ErrorData,
}

impl Report {
    /// Starts a report with a packed SQLSTATE.
    #[track_caller]
    pub fn new(level: Level, code: c_int) -> Self {
        // SAFETY: ErrorData consists of integers, booleans and pointers, for all of which zero is a value.
        let mut data: sys::ErrorData = unsafe { core::mem::zeroed() };
        data.elevel = level as c_int;
        data.sqlerrcode = code;
        // The server keeps these pointers. Rust's own file names are not NUL-terminated; the line still tells the place.
        data.filename = c"pg_background".as_ptr();
        data.lineno = core::panic::Location::caller().line() as c_int;
        Self { data }
    }

    /// Starts an ERROR.
    #[track_caller]
    pub fn error(code: c_int) -> Self {
        Self::new(Level::Error, code)
    }

    /// The primary message: lower case, no full stop.
    pub fn message(mut self, text: fmt::Arguments<'_>) -> Self {
        self.data.message = Text::format(text).into_ptr();
        self
    }

    /// DETAIL: a sentence.
    pub fn detail(mut self, text: fmt::Arguments<'_>) -> Self {
        self.data.detail = Text::format(text).into_ptr();
        self
    }

    /// HINT: a sentence.
    pub fn hint(mut self, text: fmt::Arguments<'_>) -> Self {
        self.data.hint = Text::format(text).into_ptr();
        self
    }

    /// The primary message, used where it lies; `raise` copies it.
    #[cfg(not(test))]
    pub fn message_at(mut self, text: &core::ffi::CStr) -> Self {
        self.data.message = text.as_ptr().cast_mut();
        self
    }

    /// Sets the fields that `fields` has, as they are.
    pub fn fields(mut self, fields: &Fields) -> Self {
        let data = &mut self.data;
        for (from, to) in [
            (fields.message, &mut data.message),
            (fields.detail, &mut data.detail),
            (fields.hint, &mut data.hint),
            (fields.context, &mut data.context),
            (fields.schema_name, &mut data.schema_name),
            (fields.table_name, &mut data.table_name),
            (fields.column_name, &mut data.column_name),
            (fields.datatype_name, &mut data.datatype_name),
            (fields.constraint_name, &mut data.constraint_name),
            (fields.internal_query, &mut data.internalquery),
        ] {
            if let Some(text) = from {
                *to = text.as_ptr().cast_mut();
            }
        }
        data.internalpos = fields.internal_position;
        self
    }

    /// Raises it. Comes back only for a level below ERROR.
    pub fn emit(mut self) {
        // SAFETY: the texts are NUL-terminated and alive, file and function name are static, and ThrowErrorData copies
        // everything else before it may jump away over this frame, which has nothing to drop.
        unsafe { sys::ThrowErrorData(&raw mut self.data) }
    }

    /// Raises an ERROR.
    pub fn raise(self) -> ! {
        debug_assert!(self.data.elevel >= sys::ERROR as c_int);
        self.emit();
        unreachable!()
    }
}

/// The texts that go with an error, each in the database encoding.
#[derive(Clone, Copy)]
pub struct Fields {
    pub message: Option<Str>,
    pub detail: Option<Str>,
    pub hint: Option<Str>,
    pub context: Option<Str>,
    pub schema_name: Option<Str>,
    pub table_name: Option<Str>,
    pub column_name: Option<Str>,
    pub datatype_name: Option<Str>,
    pub constraint_name: Option<Str>,
    pub internal_query: Option<Str>,
    /// Characters into `internal_query`, from 1; 0 for none.
    pub internal_position: c_int,
}

impl Fields {
    /// None of them.
    pub const NONE: Self = Self {
        message: None,
        detail: None,
        hint: None,
        context: None,
        schema_name: None,
        table_name: None,
        column_name: None,
        datatype_name: None,
        constraint_name: None,
        internal_query: None,
        internal_position: 0,
    };
}

/// An ERROR that `catch_on_stack` stopped. It waits on PostgreSQL's error stack until one of the methods is called; until
/// then nothing else may be caught, because forgetting one error empties the whole stack.
#[must_use]
pub struct Caught(());

impl Caught {
    /// Copies it into `context` and takes it off the stack.
    fn take(self, context: Context) -> CaughtError {
        let outer = context.enter();
        // SAFETY: an error is on the stack and the current context is not ErrorContext: what CopyErrorData asks for.
        let data = unsafe { sys::CopyErrorData() };
        outer.enter();
        self.forget();
        CaughtError(data)
    }

    /// Takes it off the stack without a look.
    pub fn forget(self) {
        // SAFETY: nothing refers to the error stack's entries.
        unsafe { sys::FlushErrorState() }
    }

    /// Sends it where it belongs (server log, client) and keeps it on the stack, as EmitErrorReport does.
    pub fn report(&self) {
        // SAFETY: an error is on the stack (invariant of Caught).
        unsafe { sys::EmitErrorReport() }
    }

    /// PG_RE_THROW: lets it go on as if it had not been stopped.
    pub fn rethrow(self) -> ! {
        // SAFETY: an error is on the stack (invariant of Caught), and no frame of ours has anything to drop.
        unsafe { sys::pg_re_throw() }
    }
}

/// An error that was caught and copied to a memory context.
///
/// # Invariants
/// Points to an ErrorData that CopyErrorData made; it lives as long as the context it was copied to.
#[derive(Clone, Copy)]
#[must_use]
pub struct CaughtError(*mut sys::ErrorData);

impl CaughtError {
    /// The packed SQLSTATE.
    pub fn code(self) -> c_int {
        // SAFETY: by the type's invariant.
        unsafe { (*self.0).sqlerrcode }
    }

    /// The primary message.
    pub fn message(self) -> Str {
        // SAFETY: by the type's invariant; NULL or a string in the same context.
        let message = unsafe { Str::from_ptr((*self.0).message) };
        message.unwrap_or(Str::from_static(c"missing error text"))
    }

    /// Raises it once more, as it was.
    pub fn rethrow(self) -> ! {
        // SAFETY: by the type's invariant; ReThrowError copies it to the error stack first.
        unsafe { sys::pgbg_rethrow_error(self.0) }
    }
}

/// PG_TRY: what `work` returns, or the error that left it. What it changes through references holds even then. On error the
/// memory context and the resource owner are those of the call again, and the error is copied to that memory context:
/// whoever swallows it has to know that nothing but memory needs cleaning up.
pub fn catch<T: Copy>(work: impl FnOnce() -> T) -> Result<T, CaughtError> {
    catch_into(Context::current(), work)
}

/// The same with the error in a context of the caller's choice.
pub fn catch_into<T: Copy>(context: Context, work: impl FnOnce() -> T) -> Result<T, CaughtError> {
    catch_on_stack(work).map_err(|caught| caught.take(context))
}

/// The same with the error left on PostgreSQL's stack, for reporting.
pub fn catch_on_stack<T: Copy, F: FnOnce() -> T>(work: F) -> Result<T, Caught> {
    struct Call<T, F> {
        work: Option<F>,
        value: Option<T>,
    }
    unsafe extern "C-unwind" fn run<T, F: FnOnce() -> T>(argument: *mut c_void) {
        // SAFETY: `catch_on_stack` passes its own Call, which outlives this one.
        let call = unsafe { &mut *argument.cast::<Call<T, F>>() };
        if let Some(work) = call.work.take() {
            call.value = Some(work());
        }
    }
    let mut call = Call {
        work: Some(work),
        value: None,
    };
    let context = Context::current();
    // SAFETY: reading and restoring a global of this process; the owner is alive on both ways out, because whoever made
    // it current ends it only after we return.
    unsafe {
        let owner = sys::CurrentResourceOwner;
        if !sys::pgbg_try(run::<T, F>, (&raw mut call).cast()) {
            sys::CurrentResourceOwner = owner;
            context.enter();
            return Err(Caught(()));
        }
    }
    match call.value {
        Some(value) => Ok(value),
        // `run` came to its end.
        None => unreachable!(),
    }
}

/// CHECK_FOR_INTERRUPTS: may raise 57014 or end the process.
pub fn check_for_interrupts() {
    // SAFETY: the macro may be used wherever an error may be raised; no frame of ours has anything to drop.
    unsafe { sys::pgbg_check_for_interrupts() }
}

/// Raises 54001 if a recursion has come too far.
pub fn check_stack_depth() {
    // SAFETY: looks at this process's stack.
    unsafe { sys::check_stack_depth() }
}

/// HOLD_INTERRUPTS, `work`, RESUME_INTERRUPTS. An error in between resets the count by itself.
pub fn with_interrupts_held(work: impl FnOnce()) {
    // SAFETY: a counter of this process.
    unsafe { sys::pgbg_hold_interrupts() };
    work();
    // SAFETY: as above, and the count is at least our one.
    unsafe { sys::pgbg_resume_interrupts() };
}

/// Whether waiting here could be interrupted. Where not, one must not wait for another process.
pub fn interrupts_can_be_processed() -> bool {
    // SAFETY: reads counters of this process.
    unsafe { sys::pgbg_interrupts_can_be_processed() }
}

/// error_context_stack = NULL: what a handler that does not return to the frames below has to do first.
pub fn reset_context_stack() {
    // SAFETY: a global of this process; the frames that its entries point to are gone.
    unsafe { sys::error_context_stack = null_mut() }
}

/// 57014, as a client's cancel request raises it.
pub fn raise_canceled() -> ! {
    Report::error(code::QUERY_CANCELED)
        .message(format_args!("canceling statement due to user request"))
        .raise()
}
