use super::{Memory, SIZES, end, listing};
use crate::directory::jobs::{End, Ending};
use crate::directory::layout::{self, Sizes, Text};
use crate::directory::waiters::Awaited;
use core::sync::atomic::Ordering;
use std::cell::RefCell;

fn woken(wake: impl FnOnce(&mut dyn FnMut(u32))) -> Vec<u32> {
    let woken = RefCell::new(vec![]);
    wake(&mut |process| woken.borrow_mut().push(process));
    woken.into_inner()
}

#[test]
fn whoever_waits_for_it_is_woken() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    assert!(table.enter_waiter(1, Awaited::Job(10)));
    assert!(table.enter_waiter(2, Awaited::Job(20)));
    assert!(table.enter_waiter(3, Awaited::AnyJob));
    assert!(table.enter_waiter(4, Awaited::Place));
    assert_eq!(woken(|wake| table.wake_for_job(10, true, wake)), [1, 3, 4]);
    assert_eq!(woken(|wake| table.wake_for_job(10, false, wake)), [1, 3]);
    assert_eq!(woken(|wake| table.wake_for_place(wake)), [4]);
    table.leave_waiter(1);
    table.leave_waiter(1);
    table.leave_waiter(99);
    assert_eq!(woken(|wake| table.wake_for_job(10, true, wake)), [4, 3]);
    assert!(table.enter_waiter(2, Awaited::Place));
    assert_eq!(woken(|wake| table.wake_for_job(20, true, wake)), [4, 2, 3]);
    for process in [5, 6] {
        assert!(table.enter_waiter(process, Awaited::Place));
    }
    assert!(!table.enter_waiter(7, Awaited::Place), "no room");
    for process in 2..=6 {
        table.leave_waiter(process);
    }
    assert_eq!(table.glance.waiting.load(Ordering::Relaxed), 0);
}

#[test]
fn a_header_that_makes_no_sense_is_no_table() {
    assert_eq!(Memory::new().check(), Some(SIZES));
    let size = SIZES.bytes() / 8;
    for word in 0..4 {
        let mut memory = Memory::new();
        memory.0[word] ^= 1 << 40 | 1;
        // The fourth has but one size in it.
        if word == 3 {
            continue;
        }
        assert_eq!(memory.check(), None, "word {word}");
    }
    let mut short = Memory::new();
    short.0.truncate(size - 1);
    assert_eq!(short.check(), None);
    short.0.truncate(2);
    assert_eq!(short.check(), None);
    let mut huge = Memory::new();
    huge.0[1] |= 0xFFFF_FFFF << 32;
    assert_eq!(huge.check(), None);
}

/// Whatever is in the table, nobody reads or writes beyond it, and nothing panics.
#[test]
fn scribbled_contents_stay_in_bounds() {
    let mut random = 88_172_645_463_325_252_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for round in 0..2000 {
        let mut memory = Memory::new();
        let mut tickets = vec![];
        let changes = size_of::<layout::State>() + size_of::<layout::Glance>();
        let header = (size_of::<layout::Header>() - changes) / 8;
        let length = memory.0.len();
        for id in 1..20 {
            // The header's fixed part was checked, and each process has its own copy of the sizes.
            for _ in 0..round % 40 {
                let at = header + next() as usize % (length - header);
                memory.0[at] = if next() % 2 == 0 { next() } else { u64::MAX };
            }
            let mut table = memory.table();
            tickets.extend(table.enter(&listing(id)));
            if let Some(&ticket) = tickets.get(next() as usize % (tickets.len() + 1)) {
                table.assign(ticket, 5);
                table.begin(ticket, 5, next() % 2 == 0, 1);
                table.report_progress(ticket, 1, Some(&[b'x'; 300]));
                table.signal(ticket.id, |pid| assert!(pid > 0));
                table.end(ticket, &end(Ending::Succeeded));
                table.settle(ticket, &End::lost(1, 2));
                table.withdraw(ticket);
            }
            if let Some(seen) = table.seen(id) {
                assert!(seen.sql.get().is_none_or(|sql| sql.len() <= 1024));
                assert!(seen.job.message.get().is_none_or(|text| text.len() <= 512));
            }
            table.enter_waiter(next() as u32, Awaited::Job(id));
            table.wake_for_job(id, true, |_| {});
            table.leave_waiter(next() as u32);
            table.count_idle(next() % 2 == 0);
            table.statistics_rows().for_each(|row| assert!(row < 257));
        }
    }
}

#[test]
fn idle_workers_are_counted() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    let idle = |table: &layout::Table<'_>| table.glance.idle.load(Ordering::Relaxed);
    table.count_idle(true);
    table.count_idle(true);
    assert_eq!(idle(&table), 2);
    for left in [1, 0, 0] {
        table.count_idle(false);
        assert_eq!(idle(&table), left);
    }
}

#[test]
fn a_text_takes_what_has_room() {
    let mut text = Text::<4>::EMPTY;
    assert_eq!(text.get(), None);
    text.set(Some(b"abcdef"));
    assert_eq!(text.get(), Some(&b"abcd"[..]));
    text.set(Some(b""));
    assert_eq!(text.get(), Some(&b""[..]));
    text.set(None);
    assert_eq!(text.get(), None);
}

#[test]
fn the_directory_takes_two_megabytes_at_most() {
    let sizes = Sizes {
        entries: 8 * 2 + crate::directory::SPARE_ENTRIES,
        history: 1000,
        waiters: 200,
    };
    assert!(sizes.bytes() <= 2 << 20, "{}", sizes.bytes());
}
