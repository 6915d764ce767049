//! What launcher and worker share: the segment, the outcome record in it, and the wire protocol of its two queues.
//!
//! Neither side trusts what the other wrote: lengths are bounded and states checked before use.

pub mod outcome;
pub mod progress;
pub mod segment;
pub mod settings;
pub mod wire;

/// The version of everything in this room: segment, record and protocol. The worker's entry symbol carries it
/// (`worker::ENTRY`), so that a launcher never starts a worker of another layout.
pub const LAYOUT: u32 = 1;
