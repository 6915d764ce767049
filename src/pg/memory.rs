//! utils/memutils.h, utils/palloc.h: memory contexts.

use crate::pg_sys as sys;
use crate::pg_sys::alignment::SERVER;
use core::ffi::{CStr, c_void};
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

/// A memory context.
///
/// # Invariants
/// Points to a context that is alive. Whoever deletes one forgets every copy of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Context(NonNull<sys::MemoryContextData>);

impl Context {
    /// # Safety
    /// `context` is a live memory context.
    pub unsafe fn from_ptr(context: sys::MemoryContext) -> Self {
        // SAFETY: a live context is never NULL.
        Self(unsafe { NonNull::new_unchecked(context) })
    }

    /// For C.
    pub fn as_ptr(self) -> sys::MemoryContext {
        self.0.as_ptr()
    }

    /// CurrentMemoryContext.
    pub fn current() -> Self {
        // SAFETY: PostgreSQL keeps CurrentMemoryContext pointing to a live context.
        unsafe { Self::from_ptr(sys::CurrentMemoryContext) }
    }

    /// TopMemoryContext, which lives as long as the process.
    pub fn top() -> Self {
        // SAFETY: made first and never deleted.
        unsafe { Self::from_ptr(sys::TopMemoryContext) }
    }

    /// The context of that name right below this one, if there is one.
    fn child(self, name: &CStr) -> Option<Self> {
        // SAFETY: alive by the type's invariant, as are the children; every context's name is NUL-terminated.
        unsafe {
            let mut child = (*self.0.as_ptr()).firstchild;
            while !child.is_null() {
                if CStr::from_ptr((*child).name) == name {
                    return Some(Self::from_ptr(child));
                }
                child = (*child).nextchild;
            }
        }
        None
    }

    /// Whether there is any below this one.
    pub fn has_children(self) -> bool {
        // SAFETY: alive by the type's invariant.
        unsafe { !(*self.0.as_ptr()).firstchild.is_null() }
    }

    /// Bytes allocated in the context itself, without what is below it.
    pub fn in_use(self) -> usize {
        // SAFETY: alive by the type's invariant; zero is a value of each field; without a function to print with, the
        // method only adds up.
        unsafe {
            let mut totals: sys::MemoryContextCounters = core::mem::zeroed();
            if let Some(stats) = (*(*self.0.as_ptr()).methods).stats {
                stats(self.0.as_ptr(), None, null_mut(), &raw mut totals, false);
            }
            totals.totalspace.saturating_sub(totals.freespace)
        }
    }

    /// Bytes that it and everything below it have from the system.
    pub fn allocated(self) -> usize {
        // SAFETY: alive by the type's invariant.
        unsafe { sys::MemoryContextMemAllocated(self.0.as_ptr(), true) }
    }

    /// A new context below this one; `name` shows in pg_backend_memory_contexts.
    pub fn create(self, name: &'static CStr) -> Self {
        // SAFETY: the parent is alive; the sizes are ALLOCSET_SMALL_SIZES' minimum and ALLOCSET_DEFAULT_SIZES' maximum.
        unsafe {
            Self::from_ptr(sys::AllocSetContextCreateInternal(
                self.0.as_ptr(),
                name.as_ptr(),
                0,
                1024,
                8 * 1024 * 1024,
            ))
        }
    }

    /// Frees the context with everything in and below it. No copy of it, and nothing in it, may be used afterwards.
    pub fn delete(self) {
        // SAFETY: alive by the type's invariant; the caller forgets it.
        unsafe { sys::MemoryContextDelete(self.0.as_ptr()) }
    }

    /// Frees everything in the context and keeps it.
    pub fn reset(self) {
        // SAFETY: alive by the type's invariant.
        unsafe { sys::MemoryContextReset(self.0.as_ptr()) }
    }

    /// Makes it the current context and returns the one that was.
    pub fn enter(self) -> Self {
        let outer = Self::current();
        // SAFETY: alive by the type's invariant.
        unsafe { sys::CurrentMemoryContext = self.0.as_ptr() };
        outer
    }

    /// Runs `work` with this as the current context.
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        let outer = self.enter();
        let result = work();
        outer.enter();
        result
    }

    /// `size` uninitialised bytes, MAXALIGNed, more than 1 GB if need be. Raises 53200 when there is no memory.
    pub fn alloc(self, size: usize) -> NonNull<u8> {
        // SAFETY: alive by the type's invariant; MemoryContextAllocHuge raises an error instead of returning NULL.
        unsafe {
            NonNull::new_unchecked(
                sys::MemoryContextAllocHuge(self.0.as_ptr(), size.max(1)).cast::<u8>(),
            )
        }
    }

    /// Room for one value of a type, which the caller writes before it reads.
    pub fn alloc_for<T>(self, value: T) -> NonNull<T> {
        const { assert!(align_of::<T>() <= SERVER.maximum && !core::mem::needs_drop::<T>()) };
        let place = self.alloc(size_of::<T>()).cast::<T>();
        // SAFETY: the room is large enough and aligned to MAXALIGN, which the assertion above compares.
        unsafe { place.as_ptr().write(value) };
        place
    }

    /// `count` values, alive as long as the context. `value` may raise an error in the middle.
    pub fn alloc_slice<'a, T: Copy>(
        self,
        count: usize,
        mut value: impl FnMut(usize) -> T,
    ) -> &'a mut [T] {
        const { assert!(align_of::<T>() <= SERVER.maximum) };
        let place = self.alloc(count * size_of::<T>()).cast::<T>();
        for i in 0..count {
            // SAFETY: there is room for `count` of them, aligned to MAXALIGN.
            unsafe { place.add(i).write(value(i)) };
        }
        // SAFETY: all were written, and nobody else knows the place. The lifetime is the caller's to keep.
        unsafe { core::slice::from_raw_parts_mut(place.as_ptr(), count) }
    }

    /// The values of an iterator that has `count` of them, alive as long as the context. It may raise an error in the middle.
    pub fn alloc_from<'a, T: Copy>(
        self,
        count: usize,
        mut values: impl Iterator<Item = T>,
    ) -> &'a mut [T] {
        self.alloc_slice(count, |_| match values.next() {
            Some(value) => value,
            None => unreachable!(),
        })
    }

    /// A copy of `bytes`, alive as long as the context.
    pub fn copy_bytes<'a>(self, bytes: &[u8]) -> &'a [u8] {
        let place = self.alloc(bytes.len());
        // SAFETY: the room is as large as the copy and nobody else knows it. The lifetime is the caller's to keep.
        unsafe {
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), place.as_ptr(), bytes.len());
            core::slice::from_raw_parts(place.as_ptr(), bytes.len())
        }
    }
}

/// A context of the server's right below TopMemoryContext that is there as long as the process, once it is. It is looked for by
/// its name, which no library's context there has, and only until it is found.
pub struct Lasting {
    name: &'static CStr,
    found: AtomicPtr<sys::MemoryContextData>,
}

impl Lasting {
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            found: AtomicPtr::new(null_mut()),
        }
    }

    /// None where it has not been made.
    pub fn get(&self) -> Option<Context> {
        if let Some(found) = NonNull::new(self.found.load(Ordering::Relaxed)) {
            return Some(Context(found));
        }
        let found = Context::top().child(self.name)?;
        self.found.store(found.as_ptr(), Ordering::Relaxed);
        Some(found)
    }
}

/// pfree.
///
/// # Safety
/// `place` came from palloc or a Context and nothing uses it any more.
pub unsafe fn free<T>(place: NonNull<T>) {
    // SAFETY: the caller's promise.
    unsafe { sys::pfree(place.as_ptr().cast::<c_void>()) }
}
