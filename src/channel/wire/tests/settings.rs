//! Tests of the settings section.

use super::super::settings::{ResetValue, is_well_formed, reset_values};

/// A `Size` and so many bytes of settings.
pub fn settings(len: usize) -> Vec<u8> {
    [&len.to_ne_bytes()[..], &vec![b'g'; len]].concat()
}

const VALUES: [ResetValue<'_>; 3] = [
    ResetValue {
        source: 4,
        context: -2,
        role: u32::MAX,
        name: c"work_mem",
        value: c"4096",
    },
    ResetValue {
        source: i32::MIN,
        context: i32::MAX,
        role: 0,
        name: c"search_path",
        value: c"",
    },
    ResetValue {
        source: 0,
        context: 0,
        role: 10,
        name: c"my.x",
        value: c"\"a\", 'b'",
    },
];

fn section(len: usize, values: &[ResetValue<'_>]) -> Vec<u8> {
    let mut section = settings(len);
    for value in values {
        section.extend(value.parts(&value.head()).concat());
    }
    section
}

#[test]
fn reset_values_are_those_that_were_put_in() {
    for len in [0, 1, 100] {
        for count in 0..=VALUES.len() {
            let section = section(len, &VALUES[..count]);
            assert!(is_well_formed(&section));
            assert!(reset_values(&section).eq(VALUES[..count].iter().copied()));
        }
    }
    assert!(is_well_formed(b""));
    assert_eq!(reset_values(b"").count(), 0);
}

#[test]
fn the_settings_lie_within_their_section() {
    for cut in 1..size_of::<usize>() {
        assert!(!is_well_formed(&settings(0)[..cut]));
    }
    let whole = settings(3);
    assert!(!is_well_formed(&whole[..whole.len() - 1]));
    assert!(!is_well_formed(&usize::MAX.to_ne_bytes()));
}

#[test]
fn reset_values_are_whole() {
    let (before, whole) = (section(3, &VALUES[..2]), section(3, &VALUES));
    for cut in before.len() + 1..whole.len() {
        assert!(!is_well_formed(&whole[..cut]), "{cut}");
    }
    assert!(!is_well_formed(&[&whole[..], &[0; 12]].concat()));
    assert!(!is_well_formed(&[&whole[..], &[0; 13]].concat()));
    // A name and a value, both empty, are two strings.
    assert!(is_well_formed(&[&whole[..], &[0; 14]].concat()));
}
