//! Run SQL in PostgreSQL background workers.
//!
//! Floors, from the ground up: `pg_sys` (bindings) - `pg` (PostgreSQL's concepts, made safe to use) - `settings` - `channel`
//! (what the two processes share), `directory` (what all share) - `rows` (what both know of a job's rows) - `session` (the
//! launching side) and `worker` (the other process) - `sql` (what SQL calls).
//! An arrow points down only. docs/ARCHITECTURE.md follows one job through them.
#![cfg_attr(not(test), no_std)]

mod channel;
mod directory;
mod injection;
mod nested;
mod pg;
mod pg_sys;
mod rows;
mod session;
mod settings;
mod sql;
mod worker;

/// Called by the server right after it has loaded the library, in sessions and workers alike.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn _PG_init() {
    settings::define();
    session::statements::watch();
}

/// Where a worker process comes in; the postmaster's child finds it by `channel::ENTRY`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_background_worker_layout_5(segment_handle: pg::Datum) {
    worker::start(segment_handle as u32)
}

#[cfg(not(test))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    pg::panic::raise(info)
}
