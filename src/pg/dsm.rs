//! storage/dsm.h: dynamic shared memory segments.

use crate::pg_sys as sys;
use core::ptr::NonNull;

/// A segment that this process has mapped until `detach`, whatever becomes of transactions.
///
/// # Invariants
/// Points to a live dsm_segment with a pinned mapping. Whoever detaches it forgets every copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Segment(NonNull<sys::dsm_segment>);

impl Segment {
    /// Makes a segment of `size` bytes, mapped until `detach`; its bytes are undefined. None when the cluster has no
    /// segment left; other failures raise.
    pub fn create(size: usize) -> Option<Self> {
        // SAFETY: dynamic shared memory may be used in every backend; the mapping is pinned, so that no resource owner
        // takes it away from us.
        unsafe {
            let segment = NonNull::new(sys::dsm_create(
                size,
                sys::DSM_CREATE_NULL_IF_MAXSEGMENTS as i32,
            ))?;
            sys::dsm_pin_mapping(segment.as_ptr());
            Some(Self(segment))
        }
    }

    /// Keeps the segment until the server stops, whoever has it mapped.
    pub fn keep(self) {
        // SAFETY: by the type's invariant; nobody has pinned it before, because only its maker does.
        unsafe { sys::dsm_pin_segment(self.0.as_ptr()) }
    }

    /// Maps another process's segment until this one ends. None when it is gone.
    pub fn attach(handle: sys::dsm_handle) -> Option<Self> {
        // SAFETY: any handle may be asked for. Where there is no resource owner yet, the mapping is pinned from the start.
        unsafe {
            let segment = NonNull::new(sys::dsm_attach(handle))?;
            if !sys::CurrentResourceOwner.is_null() {
                sys::dsm_pin_mapping(segment.as_ptr());
            }
            Some(Self(segment))
        }
    }

    /// Unmaps it; the last process to do so frees it. Queues attached with this segment are detached first.
    pub fn detach(self) {
        // SAFETY: by the type's invariant.
        unsafe { sys::dsm_detach(self.0.as_ptr()) }
    }

    /// What another process attaches by.
    pub fn handle(self) -> sys::dsm_handle {
        // SAFETY: by the type's invariant.
        unsafe { sys::dsm_segment_handle(self.0.as_ptr()) }
    }

    /// Where it is mapped here.
    pub fn address(self) -> NonNull<u8> {
        // SAFETY: a mapped segment has an address.
        unsafe { NonNull::new_unchecked(sys::dsm_segment_address(self.0.as_ptr()).cast::<u8>()) }
    }

    /// Bytes mapped: what was asked for, or a little more.
    pub fn size(self) -> usize {
        // SAFETY: by the type's invariant.
        unsafe { sys::dsm_segment_map_length(self.0.as_ptr()) }
    }

    /// For shm_mq_attach, which detaches the queue with the segment.
    pub fn as_ptr(self) -> *mut sys::dsm_segment {
        self.0.as_ptr()
    }
}

/// Does `work` while what it makes belongs to no transaction: segments that it makes or maps stay mapped, and one that it
/// fails to make is nothing that a commit would warn of.
pub fn outside_transactions<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: a global of this process; an error leaves it to `catch`, which puts back what was there when it began.
    let owner = unsafe {
        let owner = sys::CurrentResourceOwner;
        sys::CurrentResourceOwner = core::ptr::null_mut();
        owner
    };
    let result = work();
    // SAFETY: as above; the owner is alive, because whoever made it current ends it only after we return.
    unsafe { sys::CurrentResourceOwner = owner };
    result
}
