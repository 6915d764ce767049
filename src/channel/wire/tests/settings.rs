//! Tests of the settings section.

use super::super::settings::{
    Entry, ResetValue, are_entries, entries, is_well_formed, reset_values,
};

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

/// As `SerializeGUCState` writes them, with the length before, and a reset value behind.
fn state(entries: &[Entry<'_>], has_role: bool) -> Vec<u8> {
    let mut state = Vec::new();
    for entry in entries {
        state.extend(entry.name.to_bytes_with_nul());
        state.extend(entry.value.to_bytes_with_nul());
        state.extend(entry.place);
        state.extend(entry.source.to_ne_bytes());
        state.extend(entry.context.to_ne_bytes());
        if has_role {
            state.extend(entry.role.to_ne_bytes());
        }
    }
    let value = &VALUES[0];
    [
        &state.len().to_ne_bytes()[..],
        &state,
        &value.parts(&value.head()).concat(),
    ]
    .concat()
}

const ENTRIES: [Entry<'_>; 3] = [
    Entry {
        name: c"work_mem",
        value: c"4096",
        place: b"\0",
        source: 13,
        context: 6,
        role: 10,
        bytes: b"",
    },
    Entry {
        name: c"search_path",
        value: c"",
        place: b"a.conf\0\0\x01\0\0",
        source: 3,
        context: 2,
        role: u32::MAX,
        bytes: b"",
    },
    Entry {
        name: c"",
        value: c"x",
        place: b"\0",
        source: 0,
        context: 0,
        role: 0,
        bytes: b"",
    },
];

#[test]
fn entries_are_those_that_were_written() {
    for has_role in [false, true] {
        for count in 0..=ENTRIES.len() {
            let state = state(&ENTRIES[..count], has_role);
            assert!(are_entries(&state, has_role));
            let mut before = size_of::<usize>();
            let mut found = 0;
            for (entry, wanted) in entries(&state, has_role).zip(ENTRIES) {
                let role = if has_role { wanted.role } else { 0 };
                assert_eq!(
                    Entry {
                        bytes: b"",
                        ..entry
                    },
                    Entry { role, ..wanted }
                );
                assert_eq!(entry.has_file(), wanted.place.len() > 1);
                let after = before + entry.bytes.len();
                assert_eq!(entry.bytes, &state[before..after]);
                before = after;
                found += 1;
            }
            assert_eq!(found, count);
        }
    }
    assert!(are_entries(b"", true));
    assert!(!are_entries(&settings(3), true));
}

#[test]
fn entries_that_are_cut_are_not_all_of_it() {
    for has_role in [false, true] {
        let whole = state(&ENTRIES, has_role);
        let len = usize::from_ne_bytes(*whole.first_chunk().unwrap());
        let start = |count| {
            let part = state(&ENTRIES[..count], has_role);
            usize::from_ne_bytes(*part.first_chunk().unwrap())
        };
        for cut in 0..len {
            let part = [&cut.to_ne_bytes()[..], &whole[size_of::<usize>()..][..cut]].concat();
            let ends_one = (0..ENTRIES.len()).any(|count| start(count) == cut);
            assert_eq!(are_entries(&part, has_role), ends_one, "{cut}");
        }
    }
}
