//! Finding the directory, and making it: what every process does once.

use super::layout::{self, Sizes};
use super::{KNOWN, Mapped, SPARE_ENTRIES, on_exit};
use crate::injection;
use crate::pg::dsm::{self, Segment};
use crate::pg::error::{Level, Report, catch, code};
use crate::pg::lwlock::{self, LightLock};
use crate::pg::{named, process, procs, timestamp};
use crate::settings::JOB_HISTORY;
use core::ffi::CStr;
use core::ptr::NonNull;

/// The name by which processes find it, with the layout's version in it.
const NAME: &CStr = c"pg_background directory 1";
const _: () = assert!(layout::LAYOUT == 1);

/// Under which waits for its lock show.
const TRANCHE: &CStr = c"PgBackgroundDirectory";

/// What the name stands for. All zero at first; written once, while nobody else makes shared memory.
#[repr(C)]
struct Anchor {
    layout: u32,
    tranche: i32,
    /// 0 until there is a table.
    segment: u32,
    unused: [u32; 3],
}

/// Finds the directory, or makes it, once in the life of a process. What stands in the way is a WARNING.
pub fn attach() {
    if KNOWN.was_tried.replace(true) {
        return;
    }
    if let Err(caught) = catch(|| dsm::outside_transactions(find_or_make)) {
        // The server raises with its locks held. No caller of ours holds one.
        lwlock::release_all();
        Report::new(Level::Warning, caught.code())
            .message(format_args!(
                "background jobs are known to their own sessions only"
            ))
            .detail(format_args!(
                "There is no shared memory for the directory of jobs: {}.",
                caught.message()
            ))
            .emit();
    }
}

/// A worker maps what its launcher has mapped, before it registers exit callbacks of its own. Raises what mapping raises.
pub fn attach_segment(handle: u32) {
    if handle == 0 || KNOWN.was_tried.replace(true) {
        return;
    }
    let mapped = catch(|| dsm::outside_transactions(|| Segment::attach(handle)));
    match mapped {
        Ok(segment) => segment.into_iter().for_each(keep),
        Err(caught) => {
            // Before a worker is connected nobody else does this after an error, and its exit takes the same locks.
            lwlock::release_all();
            caught.rethrow()
        }
    }
}

fn find_or_make() {
    injection::point("directory-anchor");
    let anchor = named::memory(NAME, size_of::<Anchor>())
        .cast::<Anchor>()
        .as_ptr();
    let (segment, tranche) = lwlock::while_making_shared_memory(|| {
        // SAFETY: as large as asked for, mapped for good, and written by nobody else meanwhile.
        let anchor = unsafe { &mut *anchor };
        if anchor.segment == 0 {
            make(anchor);
        }
        (anchor.segment, anchor.tranche)
    });
    lwlock::name_tranche(tranche, TRANCHE);
    if KNOWN.table.get().is_none() {
        if let Some(segment) = Segment::attach(segment) {
            keep(segment);
        }
    }
}

/// Makes the table. Only when it is complete the anchor says where it is.
fn make(anchor: &mut Anchor) {
    injection::point("directory-table");
    if anchor.tranche == 0 {
        anchor.tranche = lwlock::new_tranche(TRANCHE);
    }
    let sizes = Sizes {
        entries: procs::max_worker_processes() * 2 + SPARE_ENTRIES,
        history: usize::try_from(JOB_HISTORY.get()).unwrap_or(0),
        waiters: procs::count_all(),
    };
    let Some(segment) = Segment::create(sizes.bytes()) else {
        Report::error(code::INSUFFICIENT_RESOURCES)
            .message(format_args!("no segment is left"))
            .raise()
    };
    let base = segment.address();
    // SAFETY: the segment is as large as asked for, aligned to a page, and ours alone.
    unsafe {
        layout::create(base.as_ptr(), sizes, timestamp::now());
        let lock = NonNull::new_unchecked(layout::lock_at(base.as_ptr()));
        LightLock::create(lock, anchor.tranche);
    }
    segment.keep();
    keep(segment);
    anchor.layout = layout::LAYOUT;
    anchor.segment = segment.handle();
}

/// Remembers a mapped table, if it is one.
fn keep(segment: Segment) {
    let base = segment.address();
    // SAFETY: mapped, so many bytes.
    let Some(sizes) = (unsafe { layout::check(base.as_ptr(), segment.size()) }) else {
        return;
    };
    // SAFETY: a table has an initialised lock; it stays mapped until the process's exit callbacks have run, and the one
    // of ours forgets it there.
    let lock = unsafe { LightLock::at(NonNull::new_unchecked(layout::lock_at(base.as_ptr()))) };
    KNOWN.table.set(Some(Mapped {
        segment,
        sizes,
        lock,
    }));
    process::before_exit(on_exit);
}
