//! What the decoders know of a server, here one of 64 bits.

#[path = "../src/pg_sys/alignment.rs"]
pub mod alignment;

pub const MAXIMUM_ALIGNOF: u32 = 8;
pub const ALIGNOF_DOUBLE: u32 = 8;
pub const PGBG_MINIMAL_TUPLE_OFFSET: u32 = 8;
pub const PGBG_SIZEOF_MINIMAL_TUPLE_HEADER: u32 = 15;
