mod table;

use crate::directory::jobs::{Begun, End, Ending, Listing, Mode, Signaled, State, Ticket};
use crate::directory::layout::Statistics;
use crate::directory::layout::{self, Sizes, Table};
use std::cell::Cell;

const SIZES: Sizes = Sizes {
    entries: 3,
    history: 4,
    waiters: 5,
};

/// A table in memory of its own.
struct Memory(Vec<u64>);

impl Memory {
    fn new() -> Self {
        Self::of(SIZES)
    }

    fn of(sizes: Sizes) -> Self {
        // What was there before must not matter.
        let mut memory = Self(vec![u64::MAX; sizes.bytes().div_ceil(8)]);
        // SAFETY: as large as that, and aligned.
        unsafe { layout::create(memory.base(), sizes, 7) };
        memory
    }

    fn base(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }

    fn table(&mut self) -> Table<'_> {
        // SAFETY: `of` has made it.
        unsafe { layout::at(self.base(), SIZES) }
    }

    fn check(&mut self) -> Option<Sizes> {
        let bytes = self.0.len() * 8;
        // SAFETY: mapped memory of that size.
        unsafe { layout::check(self.base(), bytes) }
    }
}

fn listing(id: i64) -> Listing<'static> {
    Listing {
        id,
        pid: 0,
        launcher_pid: 10,
        database: 5,
        user: 6,
        authenticated_user: 6,
        queue_size: 65536,
        mode: Mode::Launch,
        launched_at: 100,
        waited: 3,
        label: Some(b"label"),
        sql: b"SELECT secret",
        preview: 6,
    }
}

fn end(ending: Ending) -> End<'static> {
    End {
        ending,
        timed_out: false,
        sqlstate: 0,
        message: None,
        tag: Some(b"SELECT 1"),
        row_count: 2,
        started_at: 150,
        finished_at: 200,
    }
}

fn enter(table: &mut Table<'_>, id: i64) -> Ticket {
    table.enter(&listing(id)).expect("a free entry")
}

/// Enters a job and takes it to its end.
fn run(table: &mut Table<'_>, id: i64, ending: Ending) {
    let ticket = enter(table, id);
    assert_eq!(table.begin(ticket, 77, true, 150), Begun::Yes);
    assert!(!table.end(ticket, &end(ending)));
}

#[test]
fn a_job_goes_from_its_launch_to_the_history() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    let ticket = enter(&mut table, 1);
    let seen = table.seen(1).expect("entered");
    assert_eq!(seen.job.state(), Some(State::Launching));
    assert_eq!(seen.sql.get(), Some(&b"SELECT secret"[..]));
    assert_eq!(seen.job.label.get(), Some(&b"label"[..]));
    assert_eq!(seen.job.percent, -1);
    table.assign(ticket, 77);
    assert_eq!(table.begin(ticket, 77, false, 140), Begun::Yes);
    assert_eq!(
        table.seen(1).map(|s| s.job.state()),
        Some(Some(State::Connecting))
    );
    table.run(ticket, 150);
    table.report_progress(ticket, 40, Some(b"half"));
    let seen = table.seen(1).expect("running");
    assert_eq!(
        (seen.job.state(), seen.job.started_at, seen.job.percent),
        (Some(State::Running), 150, 40)
    );
    assert!(!table.end(ticket, &end(Ending::Succeeded)));
    let seen = table.seen(1).expect("remembered");
    assert_eq!(seen.job.state(), Some(State::Stopped));
    assert_eq!(
        (seen.job.row_count, seen.job.finished_at, seen.job.pid),
        (2, 200, 77)
    );
    assert_eq!(seen.job.progress.get(), Some(&b"half"[..]));
    assert_eq!(seen.job.tag.get(), Some(&b"SELECT 1"[..]));
    assert_eq!(
        seen.sql.get(),
        Some(&b"SELECT"[..]),
        "no more of the SQL than may be shown"
    );
}

#[test]
fn an_entry_is_free_again_after_its_job() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    for id in 1..100 {
        run(&mut table, id, Ending::Succeeded);
    }
    let tickets = [101, 102, 103].map(|id| enter(&mut table, id));
    assert!(table.enter(&listing(104)).is_none(), "all are taken");
    table.withdraw(tickets[1]);
    assert!(table.seen(102).is_none(), "a launch that failed is no job");
    assert_eq!(enter(&mut table, 104).place, tickets[1].place);
}

#[test]
fn the_history_forgets_the_job_that_ended_first() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    for id in 1..=6 {
        run(&mut table, id, Ending::Succeeded);
    }
    let known: Vec<i64> = (1..=6).filter(|id| table.seen(*id).is_some()).collect();
    assert_eq!(known, [3, 4, 5, 6]);
}

#[test]
fn a_history_of_none_remembers_nothing() {
    let sizes = Sizes {
        history: 0,
        ..SIZES
    };
    let mut memory = Memory::of(sizes);
    // SAFETY: made just now.
    let mut table = unsafe { layout::at(memory.base(), sizes) };
    run(&mut table, 1, Ending::Succeeded);
    assert!(table.seen(1).is_none());
}

#[test]
fn a_ticket_of_an_earlier_job_touches_nothing() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    let old = enter(&mut table, 1);
    table.withdraw(old);
    let new = enter(&mut table, 2);
    assert_eq!(old.place, new.place);
    table.withdraw(old);
    table.report_progress(old, 50, None);
    assert_eq!(table.begin(old, 1, true, 1), Begun::Gone);
    assert!(!table.end(old, &end(Ending::Failed)));
    assert!(!table.settle(old, &end(Ending::Failed)));
    assert_eq!(table.begin(new, 77, true, 150), Begun::Yes);
    assert_eq!(
        table.begin(new, 77, true, 150),
        Begun::Gone,
        "a job begins once"
    );
    table.withdraw(new);
    assert!(table.seen(2).is_some(), "what has begun is the worker's");
}

#[test]
fn a_signal_reaches_the_job_that_it_is_meant_for_and_no_other() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    let sent = Cell::new(0);
    let ticket = enter(&mut table, 1);
    assert_eq!(table.signal(1, |pid| sent.set(pid)), Signaled::Prevented);
    assert_eq!(table.begin(ticket, 77, true, 150), Begun::Canceled);
    assert!(table.end(ticket, &end(Ending::Canceled)));
    let ticket = enter(&mut table, 2);
    assert_eq!(table.begin(ticket, 77, true, 150), Begun::Yes);
    assert_eq!(table.signal(1, |pid| sent.set(pid)), Signaled::Over);
    assert_eq!(sent.get(), 0);
    assert_eq!(table.signal(2, |pid| sent.set(pid)), Signaled::Sent);
    assert_eq!(sent.get(), 77);
    assert!(
        table.end(ticket, &end(Ending::Succeeded)),
        "the worker hears of it"
    );
    assert_eq!(table.signal(2, |pid| sent.set(pid)), Signaled::Over);
    assert_eq!(table.signal(0, |pid| sent.set(pid)), Signaled::Over);
}

#[test]
fn nobody_is_signaled_whose_process_is_not_known() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    let ticket = enter(&mut table, 1);
    for pid in [0, -1, i32::MIN] {
        table.begin(ticket, pid, true, 150);
        table.entries[ticket.place as usize].job.pid = pid;
        assert_eq!(table.signal(1, |_| panic!("sent")), Signaled::Prevented);
    }
}

#[test]
fn a_lost_job_is_an_error_and_counted_so() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    let ticket = enter(&mut table, 1);
    assert!(table.settle(ticket, &End::lost(0, 200)));
    assert!(!table.settle(ticket, &End::lost(0, 200)));
    let seen = table.seen(1).expect("remembered");
    assert_eq!(seen.job.state(), Some(State::Error));
    assert_eq!(
        (table.statistics[0].launched, table.statistics[0].lost),
        (1, 1)
    );
}

#[test]
fn statistics_are_kept_for_each_database_and_role() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    run(&mut table, 1, Ending::Succeeded);
    run(&mut table, 2, Ending::Failed);
    let ticket = table
        .enter(&Listing {
            user: 9,
            ..listing(3)
        })
        .expect("room");
    table.begin(ticket, 77, false, 1);
    table.end(
        ticket,
        &End {
            timed_out: true,
            ..end(Ending::Canceled)
        },
    );
    let rows: Vec<usize> = table.statistics_rows().collect();
    assert_eq!(rows, [0, 1]);
    let expected = Statistics {
        database: 5,
        role: 6,
        launched: 2,
        completed: 1,
        failed: 1,
        warm: 2,
        rows: 4,
        total_time: 100,
        max_time: 50,
        wait_for_slot_time: 6,
        ..Statistics::default()
    };
    assert_eq!(table.statistics[0], expected);
    let other = &table.statistics[1];
    assert_eq!(
        (other.role, other.cold, other.timed_out, other.canceled),
        (9, 1, 1, 0)
    );
    table.reset_statistics(8);
    assert_eq!(table.statistics_rows().count(), 0);
    run(&mut table, 4, Ending::Succeeded);
    assert_eq!(
        (table.statistics[0].launched, table.state.statistics_reset),
        (1, 8)
    );
}

#[test]
fn the_last_row_is_for_all_others() {
    let mut memory = Memory::new();
    let mut table = memory.table();
    for user in 1..=300 {
        let ticket = table
            .enter(&Listing {
                user,
                ..listing(i64::from(user))
            })
            .expect("room");
        table.begin(ticket, 77, true, 1);
        table.end(ticket, &end(Ending::Succeeded));
    }
    assert_eq!(table.statistics_rows().count(), 257);
    assert_eq!(table.statistics[255].role, 256);
    assert_eq!(
        (table.statistics[256].role, table.statistics[256].launched),
        (0, 44)
    );
}
