//! A worker that launches jobs is a session as well: what each half of such a process has to know of the other.

use crate::channel::waits::Waits;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Set once this process has launched jobs.
static HAS_LAUNCHED: AtomicBool = AtomicBool::new(false);

/// The list of this process, if it is a worker.
static WAITS: AtomicPtr<Waits> = AtomicPtr::new(ptr::null_mut());

/// This process has launched a job.
pub fn note_launch() {
    HAS_LAUNCHED.store(true, Ordering::Relaxed);
}

/// Whether this process has launched jobs. A worker that has would show them to its next job.
pub fn has_launched() -> bool {
    HAS_LAUNCHED.load(Ordering::Relaxed)
}

/// Where this process tells for whom it waits; None if it is no worker.
pub fn waits() -> Option<&'static Waits> {
    // SAFETY: set only to a list in a segment that stays mapped until it is set to null.
    unsafe { WAITS.load(Ordering::Relaxed).as_ref() }
}

/// This process is a worker and tells there from here on; None when its segment is about to go.
pub fn set_waits(waits: Option<&Waits>) {
    let place = waits.map_or(ptr::null_mut(), |waits| ptr::from_ref(waits).cast_mut());
    WAITS.store(place, Ordering::Relaxed);
}
