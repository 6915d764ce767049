//! storage/lock.h: who waits for whose heavyweight lock.

use crate::pg_sys as sys;
use core::ffi::c_int;

/// Calls `blocker` with the process id of each process that `pid`, or a parallel worker of it, waits for: holders of a
/// conflicting lock, and those ahead of it in the queue for one. A parallel group is named by its leader. Works without
/// transaction or snapshot; takes all lock partition locks for some microseconds and memory in the current context.
pub fn for_each_blocker(pid: c_int, mut blocker: impl FnMut(c_int)) {
    // SAFETY: GetBlockerStatusData returns arrays of the lengths that it tells, and indexes into them; the rules are those
    // of pg_blocking_pids.
    unsafe {
        let data = &*sys::GetBlockerStatusData(pid);
        let procs = slice(data.procs, data.nprocs);
        let locks = slice(data.locks, data.nlocks);
        let waiters = slice(data.waiter_pids, data.npids);
        for proc in procs {
            let first_lock = proc.first_lock as usize;
            let instances = &locks[first_lock..first_lock + proc.num_locks as usize];
            let first_waiter = proc.first_waiter as usize;
            let ahead = &waiters[first_waiter..first_waiter + proc.num_waiters as usize];
            let Some(blocked) = instances.iter().find(|instance| instance.pid == proc.pid) else {
                continue;
            };
            let table = &*sys::GetLockTagsMethodTable(&raw const blocked.locktag);
            let conflicts = *table.conflictTab.add(blocked.waitLockMode as usize);
            for instance in instances {
                if instance.leaderPid == blocked.leaderPid {
                    continue;
                }
                let holds = conflicts & instance.holdMask != 0;
                let waits_ahead = instance.waitLockMode != sys::NoLock as c_int
                    && conflicts & (1 << instance.waitLockMode) != 0
                    && ahead.contains(&instance.pid);
                if holds || waits_ahead {
                    blocker(instance.leaderPid);
                }
            }
        }
    }
}

/// Whether the process waits until another transaction has ended, whatever that has locked (VirtualXactLock): so wait the
/// commands that go on CONCURRENTLY. As for memory, see above.
pub fn awaits_transaction_end(pid: c_int) -> bool {
    // SAFETY: as above.
    unsafe {
        let data = &*sys::GetBlockerStatusData(pid);
        slice(data.locks, data.nlocks).iter().any(|instance| {
            instance.pid == pid
                && instance.waitLockMode != sys::NoLock as c_int
                && sys::LockTagType::from(instance.locktag.locktag_type)
                    == sys::LOCKTAG_VIRTUALTRANSACTION
        })
    }
}

/// # Safety
/// `count` elements at `first`, alive as long as the caller's memory context.
unsafe fn slice<'a, T>(first: *mut T, count: c_int) -> &'a [T] {
    if count <= 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(first, count as usize) }
}

/// MaxBackends: no more processes than this can take part.
pub fn max_backends() -> usize {
    // SAFETY: fixed at the server's start.
    usize::try_from(unsafe { sys::MaxBackends }).unwrap_or(0)
}

/// A lock on a role's number of workers, or on that of all roles, held beyond transactions until it is released.
#[derive(Clone, Copy)]
pub struct RoleLock(sys::LOCKTAG);

impl RoleLock {
    /// In pg_locks it is a lock on the role (0: all) with objsubid 1. A standby allows no such lock on objects; there it is a
    /// user lock with the same numbers.
    pub fn of(role: Option<sys::Oid>) -> Self {
        // SAFETY: reads the server's state.
        let recovering = unsafe { sys::RecoveryInProgress() };
        Self(sys::LOCKTAG {
            locktag_field1: 0,
            locktag_field2: sys::AuthIdRelationId,
            locktag_field3: role.unwrap_or(0),
            locktag_field4: 1,
            locktag_type: if recovering {
                sys::LOCKTAG_USERLOCK
            } else {
                sys::LOCKTAG_OBJECT
            } as u8,
            locktag_lockmethodid: sys::DEFAULT_LOCKMETHOD as u8,
        })
    }

    /// Waits for it, interruptibly.
    pub fn acquire(self) {
        // SAFETY: a complete tag; a session lock belongs to no resource owner.
        unsafe { sys::LockAcquire(&raw const self.0, sys::ExclusiveLock as c_int, true, false) };
    }

    /// Gives it up. An error in between must not skip this.
    pub fn release(self) {
        // SAFETY: acquired with the same tag, mode and kind.
        unsafe { sys::LockRelease(&raw const self.0, sys::ExclusiveLock as c_int, true) };
    }
}
