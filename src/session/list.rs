//! What a session keeps from call to call lives in memory contexts of its own, in lists that go through the things themselves.

use crate::pg::memory::Context;
use core::cell::Cell;
use core::ops::Deref;
use core::ptr::NonNull;

/// Something that is in one list at a time.
pub trait Listed: Sized {
    /// Its own context, in which it lives.
    fn context(&self) -> Context;

    /// What follows it in its list.
    fn next(&self) -> &Cell<Option<Ref<Self>>>;
}

/// One of them.
///
/// # Invariants
/// Points to something whose context is alive. Whoever deletes that has taken it out of its list, and holds no copy afterwards.
pub struct Ref<T>(NonNull<T>);

impl<T: Listed> Ref<T> {
    /// Moves it into its context.
    pub fn new(thing: T) -> Self {
        Self(thing.context().alloc_for(thing))
    }
}

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ref<T> {}

impl<T> PartialEq for Ref<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Deref for Ref<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by the type's invariant; what changes in there is in Cells.
        unsafe { self.0.as_ref() }
    }
}

/// A list, the one that came last first.
pub struct List<T>(Cell<Option<Ref<T>>>);

impl<T: Listed> List<T> {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Cell::new(None))
    }

    /// The one that came last.
    pub fn first(&self) -> Option<Ref<T>> {
        self.0.get()
    }

    /// All of them. The one at hand may leave the list meanwhile, no other.
    pub fn iter(&self) -> impl Iterator<Item = Ref<T>> {
        let mut next = self.first();
        core::iter::from_fn(move || {
            let one = next?;
            next = one.next().get();
            Some(one)
        })
    }

    /// Takes one in that is in no list.
    pub fn push(&self, one: Ref<T>) {
        one.next().set(self.first());
        self.0.set(Some(one));
    }

    /// Takes one out.
    pub fn remove(&self, one: Ref<T>) {
        // Mostly the one that came last goes first.
        if self.first() == Some(one) {
            self.0.set(one.next().take());
        } else if let Some(before) = self.iter().find(|other| other.next().get() == Some(one)) {
            before.next().set(one.next().take());
        }
    }
}
