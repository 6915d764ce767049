//! utils/plancache.h: statements that are analysed and planned once.

use super::params::Types;
use super::text::Str;
use crate::pg_sys as sys;
use core::ffi::c_int;
use core::ptr::{NonNull, null_mut};

/// A kept statement.
///
/// # Invariants
/// Points to a saved CachedPlanSource with a raw parse tree. Whoever drops it forgets every copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PlanSource(NonNull<sys::CachedPlanSource>);

/// Whether a kept statement's analysis and its generic plan are still good.
#[derive(Clone, Copy)]
pub struct Validity(bool, bool);

impl PlanSource {
    /// Keeps a statement from here on. `analyse` is its analysis, called when its parse tree has been copied; it returns
    /// Query nodes, and leaves the types of the parameters in `types`.
    pub fn keep(
        tree: *mut sys::RawStmt,
        tag: sys::CommandTag,
        sql: Str,
        types: &mut Types,
        analyse: impl FnOnce(&mut Types) -> *mut sys::List,
    ) -> Self {
        // SAFETY: in the order that plancache.c asks for: the parse tree is copied before analysis changes it.
        unsafe {
            let source = sys::CreateCachedPlan(tree, sql.as_ptr(), tag);
            let queries = analyse(types);
            sys::CompleteCachedPlan(
                source,
                queries,
                null_mut(),
                types.types,
                types.count,
                None,
                null_mut(),
                sys::CURSOR_OPT_PARALLEL_OK as c_int,
                false,
            );
            sys::SaveCachedPlan(source);
            Self(NonNull::new_unchecked(source))
        }
    }

    /// The statement as it was parsed.
    pub fn tree(self) -> *mut sys::RawStmt {
        // SAFETY: by the type's invariant.
        unsafe { (*self.0.as_ptr()).raw_parse_tree }
    }

    /// Its text.
    pub fn sql<'a>(self) -> &'a [u8] {
        // SAFETY: by the type's invariant; the text is a copy of the source's own.
        let text = unsafe { Str::from_ptr(self.0.as_ref().query_string) };
        text.map_or(&[], Str::bytes)
    }

    /// The types of its parameters.
    pub fn types<'a>(self) -> &'a [sys::Oid] {
        // SAFETY: by the type's invariant; the lifetime is the caller's to keep.
        unsafe {
            let source = self.0.as_ref();
            match usize::try_from(source.num_params) {
                Ok(count) if !source.param_types.is_null() => {
                    core::slice::from_raw_parts(source.param_types, count)
                }
                _ => &[],
            }
        }
    }

    /// A plan for these parameters, which whoever defines a portal with it hands over to that. Raises what analysis and
    /// planning raise.
    pub fn plan(self, parameters: sys::ParamListInfo) -> *mut sys::CachedPlan {
        // SAFETY: by the type's invariant; without an owner the reference is the portal's.
        unsafe { sys::GetCachedPlan(self.0.as_ptr(), parameters, null_mut(), null_mut()) }
    }

    /// Whether it is still good, as far as this process has heard.
    pub fn validity(self) -> Validity {
        // SAFETY: by the type's invariant; gplan is NULL or alive.
        unsafe {
            let source = self.0.as_ref();
            let generic = source.gplan.as_ref();
            Validity(source.is_valid, generic.is_some_and(|plan| plan.is_valid))
        }
    }

    /// Puts back what `validity` said; for what has nothing to do with any statement.
    pub fn set_validity(self, validity: Validity) {
        // SAFETY: as above; the flags are changed by plancache.c in the same way.
        unsafe {
            let source = &mut *self.0.as_ptr();
            source.is_valid = validity.0;
            if let Some(plan) = source.gplan.as_mut() {
                plan.is_valid = validity.1;
            }
        }
    }

    /// DropCachedPlan.
    pub fn drop_source(self) {
        // SAFETY: by the type's invariant; a portal that still has a plan of it keeps that.
        unsafe { sys::DropCachedPlan(self.0.as_ptr()) }
    }
}

impl Validity {
    /// Neither is.
    pub const NONE: Self = Self(false, false);

    /// Whether the analysis is good.
    pub fn is_analysed(self) -> bool {
        self.0
    }
}
