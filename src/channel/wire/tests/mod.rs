//! Unit tests of the wire protocol; what several of them need is here.

mod batch;
mod expected;
mod frame;
mod parameters;
mod report;
mod request;
mod response;
mod settings;
mod text;
mod tuple;
mod varlena;

use super::Malformed;
use crate::pg_sys::alignment::{Alignment, SERVER};

/// Every reason must have a sentence of its own, fit for a DETAIL.
#[test]
fn every_reason_has_its_own_sentence() {
    for (i, reason) in Malformed::ALL.iter().enumerate() {
        let sentence = reason.as_str();
        assert!(
            sentence.ends_with('.') && sentence.is_ascii() && sentence.len() < 100,
            "{reason:?}"
        );
        assert!(
            sentence.starts_with(|c: char| c.is_ascii_uppercase()),
            "{reason:?}"
        );
        assert_eq!(reason.to_string(), sentence);
        for other in &Malformed::ALL[i + 1..] {
            assert_ne!(sentence, other.as_str());
        }
    }
}

/// What there is: 64 bits; i386; Arm of 32 bits, where only addresses are smaller; and a double that needs less than the
/// largest type.
pub const ALIGNMENTS: [Alignment; 3] = [
    Alignment {
        maximum: 8,
        double: 8,
    },
    Alignment {
        maximum: 4,
        double: 4,
    },
    Alignment {
        maximum: 8,
        double: 4,
    },
];

#[test]
fn the_server_is_one_of_those_that_are_tested() {
    assert!(ALIGNMENTS.contains(&SERVER));
}

#[test]
fn aligning_never_overflows() {
    for alignment in ALIGNMENTS {
        let unit = alignment.maximum;
        assert_eq!(alignment.maxalign(0), 0);
        assert_eq!(alignment.maxalign(1), unit);
        assert_eq!(alignment.maxalign(unit), unit);
        assert_eq!(alignment.maxalign(unit + 1), 2 * unit);
        assert_eq!(alignment.maxalign(usize::MAX), usize::MAX - (unit - 1));
    }
}

/// As access/htup_details.h has them: a heap tuple's header has 23 bytes, of which a minimal tuple lacks what is before its
/// t_len.
#[test]
fn a_minimal_tuple_lacks_a_multiple_of_the_largest_alignment() {
    for (maximum, offset, header) in [(8, 8, 15), (4, 12, 11)] {
        let alignment = Alignment { maximum, double: 4 };
        assert_eq!(alignment.minimal_tuple_offset(), offset);
        assert_eq!(alignment.minimal_tuple_header(), header);
    }
}

/// Makes minimal tuples as `heap_form_minimal_tuple` does, and then as it never would.
#[derive(Default)]
pub struct Tuple {
    nulls: Vec<bool>,
    data: Vec<u8>,
    infomask: u16,
    extra_header: usize,
    alignment: Option<Alignment>,
}

pub const HASNULL: u16 = 1;
pub const HASVARWIDTH: u16 = 2;
pub const HASEXTERNAL: u16 = 4;
pub const HASOID_OLD: u16 = 8;

impl Tuple {
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a null.
    pub fn null(mut self) -> Self {
        self.nulls.push(true);
        self.infomask |= HASNULL;
        self
    }

    /// Appends a value of fixed width.
    pub fn fixed(mut self, align: usize, value: &[u8]) -> Self {
        self.data.resize(self.data.len().next_multiple_of(align), 0);
        self.data.extend_from_slice(value);
        self.nulls.push(false);
        self
    }

    /// Appends a value of variable width, as it is.
    pub fn variable(mut self, align: usize, value: &[u8]) -> Self {
        self.infomask |= HASVARWIDTH;
        self.fixed(align, value)
    }

    /// Sets more bits of `t_infomask`.
    pub fn with(mut self, bits: u16) -> Self {
        self.infomask |= bits;
        self
    }

    /// Takes away bits of `t_infomask`.
    pub fn without(mut self, bits: u16) -> Self {
        self.infomask &= !bits;
        self
    }

    /// Makes the header longer than it need be.
    pub fn extra_header(mut self, bytes: usize) -> Self {
        self.extra_header = bytes;
        self
    }

    /// Makes it for a server with other alignments than ours.
    pub fn aligned(mut self, alignment: Alignment) -> Self {
        self.alignment = Some(alignment);
        self
    }

    /// The tuple's bytes, without padding at the end.
    pub fn build(self) -> Vec<u8> {
        let natts = self.nulls.len();
        let bitmap = if self.infomask & HASNULL != 0 {
            natts.div_ceil(8)
        } else {
            0
        };
        let alignment = self.alignment.unwrap_or(SERVER);
        let header = alignment.minimal_tuple_header();
        let hoff = alignment.maxalign(23 + bitmap) + self.extra_header;
        let mut tuple = vec![0; hoff - alignment.minimal_tuple_offset()];
        for (i, null) in self.nulls.iter().enumerate() {
            if bitmap > 0 && !null {
                tuple[header + i / 8] |= 1 << (i % 8);
            }
        }
        tuple.extend_from_slice(&self.data);
        let len = u32::try_from(tuple.len()).unwrap();
        tuple[0..4].copy_from_slice(&len.to_ne_bytes());
        tuple[header - 5..header - 3].copy_from_slice(&u16::try_from(natts).unwrap().to_ne_bytes());
        tuple[header - 3..header - 1].copy_from_slice(&self.infomask.to_ne_bytes());
        tuple[header - 1] = u8::try_from(hoff).unwrap();
        tuple
    }
}

/// A varlena with a length word, whose length is `content.len() + 4`.
pub fn long(content: &[u8]) -> Vec<u8> {
    long_of(content.len() + 4, false, content)
}

/// A varlena that claims to have `size` bytes, its length word included.
pub fn long_of(size: usize, compressed: bool, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(size).unwrap();
    let word = if cfg!(target_endian = "little") {
        size << 2 | u32::from(compressed) << 1
    } else {
        size | u32::from(compressed) << 30
    };
    [&word.to_ne_bytes(), content].concat()
}

/// A varlena with a short header.
pub fn short(content: &[u8]) -> Vec<u8> {
    let size = u8::try_from(content.len() + 1).unwrap();
    let head = if cfg!(target_endian = "little") {
        size << 1 | 1
    } else {
        size | 0x80
    };
    [&[head], content].concat()
}

/// A pointer to a value stored out of line, `VARTAG_ONDISK`.
pub fn external() -> Vec<u8> {
    let head = if cfg!(target_endian = "little") {
        0x01
    } else {
        0x80
    };
    let mut pointer = vec![head, 18];
    pointer.resize(18, 0xAB);
    pointer
}
