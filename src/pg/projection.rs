//! nodes/primnodes.h, parser/parse_coerce.h, executor/executor.h: rows made of other rows.

use super::memory::Context;
use super::tuple::{Column, Descriptor, Slot};
use crate::pg_sys as sys;
use core::ptr::{NonNull, null_mut};

/// An expression over the columns of a row, in the memory context that was current when it was made.
#[derive(Clone, Copy)]
pub struct Expression(*mut sys::Node);

impl Expression {
    /// The column at `i`, from 0.
    pub fn column(i: usize, column: &Column) -> Self {
        // SAFETY: makes a node. A variable of neither an inner nor an outer plan is one of the row at hand.
        Self(unsafe {
            sys::makeVar(1, (i + 1) as i16, column.type_oid, column.typmod, 0, 0).cast()
        })
    }

    /// NULL, for a column that was dropped.
    pub fn null() -> Self {
        // SAFETY: makes a node.
        Self(unsafe { sys::makeNullConst(sys::INT4OID, -1, 0).cast() })
    }

    /// Its text, as the output function of its type makes it.
    pub fn as_text(self) -> Self {
        // SAFETY: zero is a value of each field of the struct, whose tag says which it is.
        unsafe {
            let mut node: sys::CoerceViaIO = core::mem::zeroed();
            node.xpr.type_ = sys::T_CoerceViaIO;
            node.arg = self.0.cast();
            node.resulttype = sys::TEXTOID;
            node.resultcollid = sys::DEFAULT_COLLATION_OID;
            node.coerceformat = sys::COERCE_IMPLICIT_CAST;
            node.location = -1;
            Self(Context::current().alloc_for(node).as_ptr().cast())
        }
    }

    /// It as an assignment to a column of type `to` with a typmod has it: domains are checked, lengths applied. None if
    /// there is no such assignment.
    pub fn assigned(self, from: sys::Oid, to: sys::Oid, typmod: i32) -> Option<Self> {
        // SAFETY: an expression of type `from`; nothing in it needs the parser's state.
        let node = unsafe {
            sys::coerce_to_target_type(
                null_mut(),
                self.0,
                from,
                to,
                typmod,
                sys::COERCION_ASSIGNMENT,
                sys::COERCE_IMPLICIT_CAST,
                -1,
            )
        };
        (!node.is_null()).then_some(Self(node))
    }

    /// A JSON object of the whole row, as to_jsonb makes it; the keys are the names of the columns.
    pub fn row_as_jsonb(desc: Descriptor) -> Self {
        // SAFETY: nodes and lists of them; zero is a value of each field of the struct, whose tag says which it is. The
        // names live as long as the descriptor, so they are copied.
        unsafe {
            let mut row: sys::RowExpr = core::mem::zeroed();
            row.xpr.type_ = sys::T_RowExpr;
            for i in 0..desc.len() {
                let column = desc.column(i);
                let name = super::text::copy_into(Context::current(), column.name);
                row.args = sys::lappend(row.args, Self::column(i, &column).0.cast());
                row.colnames = sys::lappend(
                    row.colnames,
                    sys::makeString(name.as_ptr().cast_mut()).cast(),
                );
            }
            row.row_typeid = sys::RECORDOID;
            row.row_format = sys::COERCE_IMPLICIT_CAST;
            row.location = -1;
            let row = Context::current().alloc_for(row);
            let call = sys::makeFuncExpr(
                sys::F_TO_JSONB,
                sys::JSONBOID,
                sys::lappend(null_mut(), row.as_ptr().cast()),
                0,
                0,
                sys::COERCE_EXPLICIT_CALL,
            );
            Self(call.cast())
        }
    }
}

/// Makes rows of other rows, one at a time.
///
/// # Invariants
/// Points to what the executor made, in a memory context that is alive.
#[derive(Clone, Copy)]
pub struct Projection {
    info: NonNull<sys::ProjectionInfo>,
    context: NonNull<sys::ExprContext>,
    result: Slot,
}

impl Projection {
    /// Of rows with the columns of `from`; an expression for each column of `to`. Everything lives in the current memory
    /// context, as the expressions must. 42501 for a function that the current user may not call.
    pub fn new(from: Descriptor, to: Descriptor, expressions: &[Expression]) -> Self {
        assert!(expressions.len() == to.len());
        // A copy belongs to nobody who would count its users.
        let result = Slot::of_values(to.copy(Context::current()));
        // SAFETY: expressions over the columns of `from`, for a result slot with as many columns; without a plan, nobody
        // asks for more.
        unsafe {
            let mut targets = null_mut();
            for (i, expression) in expressions.iter().enumerate() {
                let target =
                    sys::makeTargetEntry(expression.0.cast(), (i + 1) as i16, null_mut(), false);
                targets = sys::lappend(targets, target.cast());
            }
            let context = sys::CreateStandaloneExprContext();
            let info = sys::ExecBuildProjectionInfo(
                targets,
                context,
                result.as_ptr(),
                null_mut(),
                from.as_ptr(),
            );
            Self {
                info: NonNull::new_unchecked(info),
                context: NonNull::new_unchecked(context),
                result,
            }
        }
    }

    /// The row made of that in `slot`, valid until the next. Needs an active snapshot: functions of users may be called.
    pub fn row(self, slot: Slot) -> Slot {
        // SAFETY: by the type's invariant; the slot has a row of `from`, or the executor raises an error.
        unsafe {
            let context = self.context.as_ptr();
            sys::MemoryContextReset((*context).ecxt_per_tuple_memory);
            (*context).ecxt_scantuple = slot.as_ptr();
            sys::pgbg_exec_project(self.info.as_ptr());
        }
        self.result
    }
}
