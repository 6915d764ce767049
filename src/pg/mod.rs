//! PostgreSQL's concepts as this crate sees them: one small module for each, named after what its header is about.
//!
//! Everything `unsafe` that only adapts C is here. The rooms above say what to do, this one knows how.

pub mod activity;
pub mod backup;
pub mod bgworker;
pub mod call;
pub mod clock;
pub mod columns;
pub mod composite;
pub mod cursor;
pub mod declaration;
pub mod discard;
pub mod doze;
pub mod dsm;
pub mod encoding;
pub mod error;
pub mod file;
pub mod form;
pub mod function;
pub mod guc;
pub mod guc_array;
pub mod guc_count;
pub mod guc_picture;
pub mod guc_tables;
pub mod identity;
pub mod inval;
pub mod latch;
pub mod libpq;
pub mod libraries;
pub mod lock;
pub mod lwlock;
pub mod memory;
pub mod named;
pub mod notify;
#[cfg(not(test))]
pub mod panic;
pub mod params;
pub mod pin;
pub mod plancache;
pub mod plpgsql;
pub mod plugins;
pub mod process;
pub mod procs;
pub mod projection;
pub mod random;
pub mod receiver;
pub mod record;
pub mod shape;
pub mod shm_mq;
pub mod snapshot;
pub mod statement;
pub mod text;
pub mod timeout;
pub mod timestamp;
pub mod tuple;
pub mod tuplestore;
pub mod types;
pub mod utility;
pub mod xact;

/// Of which every room above has some.
pub use crate::pg_sys::{Datum, Oid};
