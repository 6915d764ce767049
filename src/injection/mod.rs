//! Injection points for the tests: stop at a given step of a job's life or fail there, panic, harm what the two processes share.
//!
//! Only the feature `injection-points` makes them do anything; without it `point` is an empty inline function and nothing else is
//! there. test/injection/functions.sql declares the functions that SQL calls. A point is armed by a file of its name below
//! pgbg_test/ in the data directory, so that a test reaches processes that no SQL reaches, before they connect.

/// A step that a test may want to stop at. Stands only where an interrupt could be served anyway.
#[cfg(not(feature = "injection-points"))]
#[inline(always)]
pub fn point(_name: &str) {}

#[cfg(feature = "injection-points")]
mod functions;
#[cfg(feature = "injection-points")]
mod messages;
#[cfg(feature = "injection-points")]
mod points;
#[cfg(feature = "injection-points")]
pub use {messages::corrupt, points::point};
