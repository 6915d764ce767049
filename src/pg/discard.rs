//! commands/discard.h: forgetting what a session has gathered.

use super::memory::{Context, Lasting};
use super::xact;
use crate::pg_sys as sys;

/// What DISCARD ALL does, except for settings and temporary tables, and temporary replication slots: cursors, prepared
/// statements, advisory locks, sequences; `reset_plans` says what becomes of plans. LISTEN is refused in background workers.
/// Outside transactions. Raises what closing a cursor may raise.
pub fn session_state(reset_plans: impl FnOnce()) {
    // Of all this only closing a cursor may need a transaction.
    if has_cursors() {
        xact::start_command();
        // SAFETY: inside a transaction, with no portal running.
        unsafe { sys::PortalHashTableDeleteAll() }
        xact::commit_command();
    }
    // SAFETY: in the order of DiscardAll. These change what belongs to this process alone, and its locks.
    unsafe {
        sys::DropAllPreparedStatements();
        sys::LockReleaseAll(sys::USER_LOCKMETHOD as sys::LOCKMETHODID, true);
    }
    reset_plans();
    // SAFETY: as above; the slots are those of this process alone.
    unsafe {
        sys::ResetSequenceCaches();
        sys::pgbg_drop_temporary_slots();
    }
}

/// What portals have.
static PORTALS: Lasting = Lasting::new(c"TopPortalContext");

/// Whether a portal has outlived its transaction: each has a memory context of its own below this one.
fn has_cursors() -> bool {
    PORTALS.get().is_none_or(Context::has_children)
}

/// Makes every kept statement be analysed and planned anew: PL/pgSQL's, say.
pub fn reset_plans() {
    // SAFETY: sets flags.
    unsafe { sys::ResetPlanCache() }
}

/// Whether this process has made itself a schema for temporary objects.
pub fn has_temp_namespace() -> bool {
    let (mut namespace, mut toast) = (0, 0);
    // SAFETY: writes two OIDs.
    unsafe { sys::GetTempNamespaceState(&raw mut namespace, &raw mut toast) };
    namespace != 0
}
