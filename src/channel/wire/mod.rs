//! The wire protocol between a launcher and its worker: pure functions from bytes to typed messages
//! and back.
//!
//! Nothing here knows about shared memory or errors, and of PostgreSQL's headers only the alignments
//! they decide ([`crate::pg_sys::alignment`]), so everything is tested and fuzzed without a server. The rules that hold in every module:
//!
//! - Integers are **native-endian** and layouts are the server's own: both processes run on the
//!   same machine, from the same build. Nothing of this is ever stored or sent over a network.
//! - Every byte that another process wrote is checked before it is used. No input may panic, loop
//!   for ever, or read out of bounds; an input that is not understood is [`Malformed`].
//! - A whole message is validated when it is decoded, so that iterating over it afterwards cannot
//!   fail.
//! - Decoded values borrow from the message. A message received through `shm_mq_receive` lives
//!   until the next receive on that queue; whoever wants to keep a value copies it.

#![forbid(unsafe_code)]

pub mod bytes;
pub mod expected;
pub mod frame;
mod malformed;
pub mod parameters;
pub mod report;
pub mod request;
pub mod response;
mod section;
pub mod settings;
pub mod text;
pub mod tuple;

#[cfg(test)]
mod tests;

pub use malformed::Malformed;
