//! commands/discard.h: forgetting what a session has gathered.

use super::xact;
use crate::pg_sys as sys;

/// What DISCARD ALL does, except for settings and temporary tables: cursors, prepared statements, advisory locks, plans,
/// sequences. LISTEN is refused in background workers. Raises what closing a cursor may raise.
pub fn session_state() {
    xact::start_command();
    // SAFETY: inside a transaction, with no portal running; in the order of DiscardAll.
    unsafe {
        sys::PortalHashTableDeleteAll();
        sys::DropAllPreparedStatements();
        sys::LockReleaseAll(sys::USER_LOCKMETHOD as sys::LOCKMETHODID, true);
        sys::ResetPlanCache();
        sys::ResetSequenceCaches();
    }
    xact::commit_command();
}

/// Whether this process has made itself a schema for temporary objects.
pub fn has_temp_namespace() -> bool {
    let (mut namespace, mut toast) = (0, 0);
    // SAFETY: writes two OIDs.
    unsafe { sys::GetTempNamespaceState(&raw mut namespace, &raw mut toast) };
    namespace != 0
}
