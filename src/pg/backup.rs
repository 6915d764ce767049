//! access/xlog.h: base backups.

use crate::pg_sys as sys;

/// Whether this process has started a base backup, which ends with it.
pub fn is_running() -> bool {
    // SAFETY: reads this process's state.
    unsafe { sys::get_backup_status() != sys::SESSION_BACKUP_NONE }
}
