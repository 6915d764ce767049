//! tcop/tcopprot.h, tcop/utility.h, utils/portal.h: parsing and running statements as a client session does.

use super::memory::Context;
use super::params::{self, Given, Types};
use super::plancache::PlanSource;
use super::receiver::Callbacks;
use super::text::Str;
use super::tuple::Descriptor;
use crate::pg_sys as sys;
use core::ffi::c_int;
use core::ptr::{NonNull, null, null_mut};

/// The statements of a query string.
///
/// # Invariants
/// Points to a List of RawStmt, or NIL, alive as long as the context it was parsed in.
#[derive(Clone, Copy)]
pub struct Statements(*mut sys::List);

/// What has to be known of a statement before it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// BEGIN, COMMIT, SAVEPOINT, PREPARE TRANSACTION and so on.
    TransactionControl,
    /// COPY FROM STDIN or TO STDOUT.
    ClientCopy,
    /// Commits and starts transactions by itself, and may only run alone.
    NoTransactionBlock,
    /// May commit by itself when run at top level.
    CallOrDo,
    Other,
}

/// One statement.
///
/// # Invariants
/// Points to a RawStmt, alive as long as its list.
#[derive(Clone, Copy)]
pub struct Statement(NonNull<sys::RawStmt>);

impl Statements {
    /// Raw parsing, in the current memory context. Raises syntax errors.
    pub fn parse(sql: Str) -> Self {
        // SAFETY: a NUL-terminated string that outlives the trees.
        Self(unsafe { sys::pg_parse_query(sql.as_ptr()) })
    }

    /// How many.
    pub fn len(self) -> usize {
        // SAFETY: by the type's invariant.
        usize::try_from(unsafe { sys::list_length(self.0) }).unwrap_or(0)
    }

    /// The tree of the only statement; None if there are none or several.
    pub fn only(self) -> Option<*mut sys::Node> {
        let mut statements = self.iter();
        let first = statements.next()?;
        statements.next().is_none().then(|| first.node())
    }

    /// Whether there is one, and it is a query.
    pub fn only_is_query(self) -> bool {
        self.len() == 1 && self.iter().all(Statement::is_query)
    }

    /// Each in turn.
    pub fn iter(self) -> impl Iterator<Item = Statement> {
        (0..self.len()).map(move |i| {
            // SAFETY: `i` is within the list, whose elements are never NULL.
            Statement(unsafe { NonNull::new_unchecked(sys::list_nth(self.0, i as c_int).cast()) })
        })
    }

    /// log_statement. Returns whether it was logged.
    pub fn log(self, sql: Str) -> bool {
        // SAFETY: reads settings; the trees are alive.
        let wanted = unsafe {
            match sys::log_statement as sys::LogStmtLevel {
                sys::LOGSTMT_NONE => false,
                sys::LOGSTMT_ALL => true,
                level => self
                    .iter()
                    .any(|statement| sys::GetCommandLogLevel(statement.0.as_ptr().cast()) <= level),
            }
        };
        if wanted {
            // SAFETY: a NUL-terminated string.
            unsafe { sys::pgbg_log_statement(sql.as_ptr()) };
        }
        wanted
    }
}

/// log_min_duration_statement and log_duration, counted from the statement start that `activity::running` set.
pub fn log_duration(sql: Str, was_logged: bool) {
    // SAFETY: a NUL-terminated string.
    unsafe { sys::pgbg_log_duration(sql.as_ptr(), was_logged) }
}

impl Statement {
    fn node(self) -> *mut sys::Node {
        // SAFETY: by the type's invariant.
        unsafe { (*self.0.as_ptr()).stmt }
    }

    /// What the design's rules ask about it.
    pub fn class(self) -> Class {
        let node = self.node();
        // SAFETY: a node's tag tells its struct.
        unsafe {
            match (*node).type_ {
                sys::T_TransactionStmt => Class::TransactionControl,
                sys::T_CopyStmt => {
                    let copy = &*node.cast::<sys::CopyStmt>();
                    if copy.filename.is_null() {
                        Class::ClientCopy
                    } else {
                        Class::Other
                    }
                }
                sys::T_CallStmt | sys::T_DoStmt => Class::CallOrDo,
                sys::T_VacuumStmt | sys::T_ReindexStmt | sys::T_AlterDatabaseStmt => {
                    Class::NoTransactionBlock
                }
                sys::PGBG_CLUSTER_STATEMENT => Class::NoTransactionBlock,
                sys::T_IndexStmt if (*node.cast::<sys::IndexStmt>()).concurrent => {
                    Class::NoTransactionBlock
                }
                sys::T_DropStmt if (*node.cast::<sys::DropStmt>()).concurrent => {
                    Class::NoTransactionBlock
                }
                sys::T_AlterTableStmt if detaches_concurrently(&*node.cast()) => {
                    Class::NoTransactionBlock
                }
                _ => Class::Other,
            }
        }
    }

    /// Its command tag.
    pub fn tag(self) -> sys::CommandTag {
        // SAFETY: a parse tree.
        unsafe { sys::CreateCommandTag(self.node()) }
    }

    /// The tag as text, such as `CREATE TABLE`.
    pub fn tag_name(self) -> Str {
        // SAFETY: static strings.
        unsafe {
            Str::from_ptr(sys::GetCommandTagName(self.tag())).unwrap_or(Str::from_static(c"???"))
        }
    }

    /// Whether it is a query as the parser has it, which takes parameters and may be planned once for all.
    pub fn is_query(self) -> bool {
        // SAFETY: by the type's invariant.
        let tag = unsafe { (*self.node()).type_ };
        matches!(
            tag,
            sys::T_SelectStmt | sys::T_InsertStmt | sys::T_UpdateStmt | sys::T_DeleteStmt
        )
    }

    /// For C.
    pub fn as_ptr(self) -> *mut sys::RawStmt {
        self.0.as_ptr()
    }

    /// Analyses, rewrites and plans it, with a snapshot where one is needed, and opens a portal for it. Everything lives in
    /// `context`, which outlives the portal.
    ///
    /// # Safety
    /// The parameters outlive the portal and are what their types say.
    pub unsafe fn open(
        self,
        sql: Str,
        context: Context,
        given: &[Given],
        planning: Planning<'_>,
    ) -> Portal {
        let statement = self.0.as_ptr();
        // SAFETY: inside a transaction; the functions are called in the order and with the care of exec_simple_query, and
        // where there are parameters, of exec_parse_message and exec_bind_message.
        unsafe {
            sys::pgbg_forget_query();
            sys::pgbg_set_ps_display(self.tag_name().as_ptr());
            let snapshot = sys::analyze_requires_snapshot(statement);
            if snapshot {
                sys::PushActiveSnapshot(sys::GetTransactionSnapshot());
            }
            let (plans, kept, parameters) = context.run(|| self.plan(sql, given, planning));
            super::error::check_for_interrupts();
            let portal = sys::CreatePortal(c"".as_ptr(), true, true);
            (*portal).visible = false;
            // From having a kept plan to handing it over, nothing may raise.
            let (plans, kept) = match kept {
                Some(source) => {
                    let plan = context.run(|| source.plan(parameters));
                    ((*plan).stmt_list, plan)
                }
                None => (plans, null_mut()),
            };
            sys::PortalDefineQuery(portal, null(), sql.as_ptr(), self.tag(), plans, kept);
            // A snapshot from before the tables were locked must not serve for running.
            if snapshot {
                sys::PopActiveSnapshot();
            }
            sys::PortalStart(portal, parameters, 0, null_mut());
            Portal(NonNull::new_unchecked(portal))
        }
    }

    /// The plans, or the kept statement that makes them, and the parameters.
    ///
    /// # Safety
    /// As for `open`.
    unsafe fn plan(
        self,
        sql: Str,
        given: &[Given],
        planning: Planning<'_>,
    ) -> (*mut sys::List, Option<PlanSource>, sys::ParamListInfo) {
        // SAFETY: the caller's promise.
        unsafe {
            if let Planning::Kept(source) = planning {
                let parameters = params::bind(given, source.types());
                return (null_mut(), Some(source), parameters);
            }
            let mut types = Types::of(given);
            if let Planning::Keep(kept) = planning {
                let analyse = |types: &mut Types| self.analyse(sql, given, types);
                let source = PlanSource::keep(self.as_ptr(), self.tag(), sql, &mut types, analyse);
                kept(source);
                return (
                    null_mut(),
                    Some(source),
                    params::bind(given, types.as_slice()),
                );
            }
            let queries = self.analyse(sql, given, &mut types);
            let parameters = params::bind(given, types.as_slice());
            (plan_queries(queries, sql, parameters), None, parameters)
        }
    }

    /// Analyses and rewrites it, with parameters if there are any, some of whose types it decides.
    fn analyse(self, sql: Str, given: &[Given], types: &mut Types) -> *mut sys::List {
        if given.is_empty() {
            // SAFETY: as below.
            return unsafe { sys::pgbg_analyze_and_rewrite(self.0.as_ptr(), sql.as_ptr()) };
        }
        // SAFETY: `types` is a palloc'd array, which the parser may replace by a longer one.
        unsafe {
            let query = sys::pgbg_analyze_varparams(
                self.0.as_ptr(),
                sql.as_ptr(),
                &raw mut types.types,
                &raw mut types.count,
            );
            types.check(given);
            sys::pg_rewrite_query(query)
        }
    }
}

/// How a statement comes to its plan.
#[derive(Clone, Copy)]
pub enum Planning<'a> {
    /// Analysed and planned for this time.
    Once,
    /// Analysed now and kept, for this and other times: whoever does so is told, and must not raise.
    Keep(&'a dyn Fn(PlanSource)),
    /// Kept from an earlier time.
    Kept(PlanSource),
}

impl PlanSource {
    /// The statement as it was parsed, in a list in the current memory context. The tree is the source's own.
    pub fn statements(self) -> Statements {
        // SAFETY: a list of one RawStmt, alive as long as the source.
        Statements(unsafe { sys::lappend(null_mut(), self.tree().cast()) })
    }
}

/// pg_plan_queries, as for a statement of a client's.
///
/// # Safety
/// Rewritten queries; the parameters are NULL or outlive the plans.
unsafe fn plan_queries(
    queries: *mut sys::List,
    sql: Str,
    parameters: sys::ParamListInfo,
) -> *mut sys::List {
    // SAFETY: the caller's promise.
    unsafe {
        sys::pg_plan_queries(
            queries,
            sql.as_ptr(),
            sys::CURSOR_OPT_PARALLEL_OK as c_int,
            parameters,
        )
    }
}

/// # Safety
/// A live ALTER TABLE node.
unsafe fn detaches_concurrently(statement: &sys::AlterTableStmt) -> bool {
    // SAFETY: the commands are AlterTableCmd nodes; DETACH PARTITION's definition is a PartitionCmd.
    unsafe {
        (0..sys::list_length(statement.cmds)).any(|i| {
            let command = &*sys::list_nth(statement.cmds, i).cast::<sys::AlterTableCmd>();
            command.subtype == sys::AT_DetachPartition
                && !command.def.is_null()
                && (*command.def.cast::<sys::PartitionCmd>()).concurrent
        })
    }
}

/// A started portal.
///
/// # Invariants
/// Points to a live portal until `close`.
#[derive(Clone, Copy)]
pub struct Portal(NonNull<sys::PortalData>);

/// COMPLETION_TAG_BUFSIZE: bytes of a command tag with its numbers.
pub const TAG_LIMIT: usize = sys::COMPLETION_TAG_BUFSIZE as usize;

/// What a statement has done.
pub struct Completion {
    /// Such as `INSERT 0 3`, in the current memory context.
    pub tag: Str,
    /// Rows that the tag counts; 0 where it counts none.
    pub rows: u64,
}

impl Portal {
    /// Runs it to its end. Rows go to `receiver`, or nowhere.
    ///
    /// # Safety
    /// `receiver` is None or callbacks of a receiver that outlives the call.
    pub unsafe fn run(self, top_level: bool, receiver: Option<NonNull<Callbacks>>) -> Completion {
        // SAFETY: the caller's promise; None_Receiver is the server's constant receiver that discards.
        unsafe {
            let receiver = receiver.map_or(sys::None_Receiver, Callbacks::as_ptr);
            let mut completion: sys::QueryCompletion = core::mem::zeroed();
            sys::pgbg_portal_run(
                self.0.as_ptr(),
                top_level,
                receiver,
                receiver,
                &raw mut completion,
            );
            let mut buffer = [0 as core::ffi::c_char; TAG_LIMIT];
            sys::pgbg_command_tag(buffer.as_mut_ptr(), &raw const completion);
            let tag = Str::from_ptr(buffer.as_ptr()).unwrap_or(Str::from_static(c""));
            Completion {
                tag: super::text::copy_into(Context::current(), tag),
                rows: completion.nprocessed,
            }
        }
    }

    /// The columns of rows that are there only once it has run: those of RETURNING, CALL and so on.
    pub fn columns_of_stored_rows(self) -> Option<Descriptor> {
        // SAFETY: by the type's invariant; the descriptor lives as long as the portal.
        unsafe {
            let portal = self.0.as_ref();
            let is_stored = matches!(
                portal.strategy,
                sys::PORTAL_ONE_RETURNING | sys::PORTAL_ONE_MOD_WITH | sys::PORTAL_UTIL_SELECT
            );
            Descriptor::from_ptr(portal.tupDesc).filter(|_| is_stored)
        }
    }

    /// PortalDrop.
    pub fn close(self) {
        // SAFETY: by the type's invariant; it is not running.
        unsafe { sys::PortalDrop(self.0.as_ptr(), false) }
    }
}

/// What is left to do after an error, behind the transaction's abort: portals, replication slots, just-in-time compilation.
pub fn clean_up_after_error() {
    // SAFETY: called after AbortCurrentTransaction, as PostgresMain does, in a process that is connected.
    unsafe {
        sys::pgbg_clean_up_after_error();
        sys::pgbg_drop_temporary_slots();
        sys::jit_reset_after_error();
    }
}

/// Memory for parse trees and plans, where code that hooks into planning expects it.
pub fn make_message_context() -> Context {
    let context = Context::top().create(c"MessageContext");
    // SAFETY: a global that background workers do not set by themselves; the context is never deleted.
    unsafe { sys::MessageContext = context.as_ptr() };
    context
}
