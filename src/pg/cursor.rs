//! utils/portal.h: cursors whose rows are there already.

use super::error::{Report, code};
use super::memory::Context;
use super::text::{Str, copy_into};
use super::tuple::Descriptor;
use super::tuplestore::Tuplestore;
use crate::pg_sys as sys;
use core::ffi::c_int;
use core::ptr::{NonNull, null, null_mut};

/// A portal that is being made, and its rows.
///
/// # Invariants
/// Points to a live portal that nobody has run.
#[derive(Clone, Copy)]
pub struct Cursor {
    portal: NonNull<sys::PortalData>,
    rows: Tuplestore,
}

impl Cursor {
    /// 42P03 if there is a cursor of that name.
    pub fn check_name(name: Str) {
        // SAFETY: a NUL-terminated string; looks at this process's portals.
        let portal = unsafe { sys::GetPortalByName(name.as_ptr()) };
        if !portal.is_null() {
            Report::error(code::DUPLICATE_CURSOR)
                .message(format_args!("cursor \"{name}\" already exists"))
                .raise();
        }
    }

    /// A cursor without a row yet, with a name of its own if none is given. Raises 42P03 if there is one of that name. It
    /// goes when the transaction ends.
    pub fn create(name: Option<Str>, sql: Str, desc: Descriptor) -> Self {
        // SAFETY: in the order of SPI_cursor_open; what the portal refers to lives in its own context. It has no plan: as
        // with a utility statement that returns rows, its rows are all in its store. A cursor of that kind is not held
        // when PL/pgSQL commits in a loop over it, which would take a plan.
        unsafe {
            let portal = match name {
                Some(name) => sys::CreatePortal(name.as_ptr(), false, false),
                None => sys::CreateNewPortal(),
            };
            let context = Context::from_ptr((*portal).portalContext);
            let sql = copy_into(context, sql);
            sys::PortalDefineQuery(
                portal,
                null(),
                sql.as_ptr(),
                sys::CMDTAG_SELECT,
                null_mut(),
                null_mut(),
            );
            (*portal).strategy = sys::PORTAL_UTIL_SELECT;
            (*portal).cursorOptions = sys::CURSOR_OPT_SCROLL as c_int;
            (*portal).tupDesc = desc.copy(context).as_ptr();
            // A store that the portal has is ended with it, whatever has become of it; one whose write has failed must not be,
            // on minor releases before May 2026 (it would free rows twice). So the portal has none before all rows are in
            // it. The portal's own kind of store would leave its file behind then.
            sys::PortalCreateHoldStore(portal);
            sys::tuplestore_end((*portal).holdStore);
            (*portal).holdStore = null_mut();
            (*portal).cleanup = Some(end_rows);
            let rows = Tuplestore::for_transaction(Context::from_ptr((*portal).holdContext));
            (*portal).atStart = true;
            (*portal).atEnd = false;
            (*portal).portalPos = 0;
            Self {
                portal: NonNull::new_unchecked(portal),
                rows,
            }
        }
    }

    /// Where its rows go.
    pub fn store(self) -> Tuplestore {
        self.rows
    }

    /// All rows are there: it may be read. Returns its name, in the current memory context.
    pub fn open(self) -> Str {
        self.rows.flush();
        let portal = self.portal.as_ptr();
        // SAFETY: by the type's invariant.
        unsafe {
            (*portal).holdStore = self.rows.as_ptr();
            (*portal).status = sys::PORTAL_READY;
            let name = Str::from_ptr((*portal).name);
            copy_into(Context::current(), name.unwrap_or(Str::from_static(c"")))
        }
    }
}

/// The cursor is closed, or its transaction aborts, which closes the file next.
unsafe extern "C-unwind" fn end_rows(portal: sys::Portal) {
    // SAFETY: a portal that `create` has made, whose store is there if all rows are.
    unsafe {
        let store = (*portal).holdStore;
        if !store.is_null() {
            (*portal).holdStore = null_mut();
            Tuplestore::from_ptr(store).end();
        }
    }
}
