//! pg_config.h, access/htup_details.h: how the machine's alignments decide what rows look like in memory.
//!
//! Everything here is arithmetic: whoever checks rows without a server takes this file alone.

use super::{
    ALIGNOF_DOUBLE, MAXIMUM_ALIGNOF, PGBG_MINIMAL_TUPLE_OFFSET, PGBG_SIZEOF_MINIMAL_TUPLE_HEADER,
};

/// The alignments of a server, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// MAXIMUM_ALIGNOF.
    pub maximum: usize,
    /// ALIGNOF_DOUBLE: of types with typalign `d`.
    pub double: usize,
}

/// Those that the server was built with.
pub const SERVER: Alignment = Alignment {
    maximum: MAXIMUM_ALIGNOF as usize,
    double: ALIGNOF_DOUBLE as usize,
};

const _: () = assert!(
    SERVER.maximum.is_power_of_two()
        && SERVER.double.is_power_of_two()
        && SERVER.double <= SERVER.maximum
        && SERVER.minimal_tuple_offset() == PGBG_MINIMAL_TUPLE_OFFSET as usize
        && SERVER.minimal_tuple_header() == PGBG_SIZEOF_MINIMAL_TUPLE_HEADER as usize
);

/// Bytes of a minimal tuple's t_len.
const LENGTH_WORD: usize = size_of::<u32>();
/// Bytes of a heap tuple's header before t_infomask2.
const BEFORE_INFOMASK2: usize = 18;
/// Bytes of t_infomask2, t_infomask and t_hoff.
const INFOMASKS_AND_HOFF: usize = 5;

impl Alignment {
    /// MAXALIGN: `len` rounded up. Saturates just below `usize::MAX`, which is no length of anything.
    #[inline]
    #[must_use]
    pub const fn maxalign(self, len: usize) -> usize {
        len.saturating_add(self.maximum - 1) & !(self.maximum - 1)
    }

    /// MINIMAL_TUPLE_OFFSET: so many bytes of a heap tuple's header a minimal tuple lacks at its front.
    #[inline]
    #[must_use]
    pub const fn minimal_tuple_offset(self) -> usize {
        (BEFORE_INFOMASK2 - LENGTH_WORD) / self.maximum * self.maximum
    }

    /// SizeofMinimalTupleHeader: where the null bitmap starts. The padding behind t_len makes up for what the offset, a
    /// multiple of the largest alignment, leaves over.
    #[inline]
    #[must_use]
    pub const fn minimal_tuple_header(self) -> usize {
        BEFORE_INFOMASK2 - self.minimal_tuple_offset() + INFOMASKS_AND_HOFF
    }
}
