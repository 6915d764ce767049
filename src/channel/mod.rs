//! What launcher and worker share: the segment, the outcome record in it, and the wire protocol of its two queues.
//!
//! Neither side trusts what the other wrote: lengths are bounded and states checked before use.

use crate::pg::latch::WaitEvent;
use core::ffi::CStr;

pub mod credit;
pub mod flow;
pub mod outcome;
pub mod progress;
pub mod segment;
pub mod waits;
pub mod wire;

/// The exported symbol where a worker comes in. It carries the version of everything in this room, segment, record and
/// protocol: a session that still holds a library of another one starts that one's name, not ours, and no worker ever meets
/// a segment of another layout.
pub const ENTRY: &CStr = c"pg_background_worker_layout_5";

/// The library as the SQL objects name it, so that the postmaster's child finds the one that the session has, wherever
/// dynamic_library_path leads.
pub const LIBRARY: &CStr = c"$libdir/pg_background";

/// bgw_type: backend_type in pg_stat_activity.
pub const BACKEND_TYPE: &CStr = c"pg_background";

/// Shown while a worker waits for its session's next job, at first: it is not counted yet.
pub static READY: WaitEvent = WaitEvent::numbered(c"PgBackgroundReady", 0x1D1D);

/// Shown afterwards. Before 17 all waits of extensions have one name, but these two still have numbers of their own, by which
/// idle workers are counted and found.
pub static IDLE: WaitEvent = WaitEvent::numbered(c"PgBackgroundIdle", 0x1D1E);
