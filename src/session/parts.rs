//! What is kept of a job's stream, frame after frame: where each part of it is.

use crate::pg::memory::Context;
use crate::rows::file::Output;
use core::cell::Cell;
use core::ptr::NonNull;

/// The parts of a stream, in their order.
pub struct Kept {
    first: Cell<Option<NonNull<Part>>>,
    last: Cell<Option<NonNull<Part>>>,
    /// Bytes in memory.
    pub memory: Cell<usize>,
    /// Bytes of the job's file; 0 if there is none.
    pub filed: Cell<u64>,
    /// The file, while the job is being taken over.
    pub output: Cell<Option<Output>>,
}

/// One of them, in the job's context.
pub struct Part {
    next: Cell<Option<NonNull<Part>>>,
    pub place: Cell<Place>,
}

/// Where it is.
#[derive(Clone, Copy)]
pub enum Place {
    /// One frame.
    Memory(&'static [u8]),
    /// Frames in the file, from and to.
    File(u64, u64),
}

impl Kept {
    /// Nothing.
    pub const fn new() -> Self {
        Self {
            first: Cell::new(None),
            last: Cell::new(None),
            memory: Cell::new(0),
            filed: Cell::new(0),
            output: Cell::new(None),
        }
    }

    /// From the first.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        let mut next = self.first.get();
        core::iter::from_fn(move || {
            // SAFETY: parts live as long as the job, whose part `self` is.
            let part = unsafe { next?.as_ref() };
            next = part.next.get();
            Some(part)
        })
    }

    /// Adds one.
    pub fn push(&self, context: Context, place: Place) {
        // SAFETY: as above.
        let last = self.last.get().map(|last| unsafe { last.as_ref() });
        if let (Some(last), Place::File(from, to)) = (last, place) {
            if let Place::File(start, end) = last.place.get() {
                if end == from {
                    last.place.set(Place::File(start, to));
                    return;
                }
            }
        }
        let part = context.alloc_for(Part {
            next: Cell::new(None),
            place: Cell::new(place),
        });
        match last {
            Some(last) => last.next.set(Some(part)),
            None => self.first.set(Some(part)),
        }
        self.last.set(Some(part));
    }

    /// Forgets them; their memory goes with the job.
    pub fn clear(&self) {
        self.first.set(None);
        self.last.set(None);
    }
}
