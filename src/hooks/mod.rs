//! Hooks for the fault suite: stop at a given step of a job's life or fail there, panic, harm what the two processes share.
//!
//! Only the feature `test-hooks` makes them do anything; without it `point` is an empty inline function and nothing else is
//! there. test/hooks/hooks.sql declares the functions that SQL calls. A point is armed by a file of its name below
//! pgbg_test/ in the data directory, so that a test reaches processes that no SQL reaches, before they connect.

/// A step that a test may want to stop at. Stands only where an interrupt could be served anyway.
#[cfg(not(feature = "test-hooks"))]
#[inline(always)]
pub fn point(_name: &str) {}

#[cfg(feature = "test-hooks")]
mod functions;
#[cfg(feature = "test-hooks")]
mod messages;
#[cfg(feature = "test-hooks")]
mod points;
#[cfg(feature = "test-hooks")]
pub use {messages::corrupt, points::point};
