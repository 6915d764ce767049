//! The table as it lies in shared memory. Everything in it was written by other processes: each number is bounded where it is
//! used as a length or a place, and sizes are this process's own copies.

use crate::pg::lwlock;
use core::sync::atomic::AtomicU32;

/// Version of everything in this file. Part of the table's name, so that libraries of different versions never share one.
pub const LAYOUT: u32 = 1;

/// "pgbg directory", as a number that no text begins with.
const MAGIC: u64 = 0x7067_6264_0000_00FF;

/// Bytes of a job's texts here. What is longer is cut, at the end of a character, by whoever writes it.
pub const LABEL_LIMIT: usize = 255;
pub const PROGRESS_LIMIT: usize = 255;
pub const TAG_LIMIT: usize = 64;
pub const MESSAGE_LIMIT: usize = 512;
/// Of a job's SQL once it has ended: there may be passwords in it.
pub const PREVIEW_LIMIT: usize = 120;
/// Of its SQL while it runs.
pub const SQL_LIMIT: usize = 1024;

/// Statistics of so many pairs of database and role; the last row is for all others.
pub const STATISTICS: usize = 257;

/// Bytes of a text, and how many of them count.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Text<const N: usize> {
    /// ABSENT for none.
    length: u32,
    bytes: [u8; N],
}

const ABSENT: u32 = u32::MAX;

impl<const N: usize> Text<N> {
    pub const EMPTY: Self = Self {
        length: ABSENT,
        bytes: [0; N],
    };

    /// Takes what has room.
    pub fn set(&mut self, text: Option<&[u8]>) {
        self.length = ABSENT;
        let Some(text) = text else { return };
        let kept = text.len().min(N);
        if let (Some(to), Some(from)) = (self.bytes.get_mut(..kept), text.get(..kept)) {
            to.copy_from_slice(from);
            self.length = kept as u32;
        }
    }

    pub fn get(&self) -> Option<&[u8]> {
        if self.length == ABSENT {
            return None;
        }
        self.bytes.get(..(self.length as usize).min(N))
    }

    /// Copies from another, no more bytes than count.
    pub fn copy_from(&mut self, other: &Self) {
        self.set(other.get());
    }
}

/// What is known of a job, running or not. Zero is a value of every field.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Record {
    /// Names the job in the cluster; 0 where there is none.
    pub id: i64,
    pub launched_at: i64,
    /// 0 before.
    pub started_at: i64,
    /// 0 before.
    pub finished_at: i64,
    /// Microseconds that its launch waited for a place.
    pub waited: i64,
    pub row_count: i64,
    /// A `State` as a number.
    pub state: u32,
    /// A `Mode` as a number.
    pub mode: u32,
    /// The worker's process id; 0 while it has none.
    pub pid: i32,
    pub launcher_pid: i32,
    pub database: u32,
    /// The role that launched it, whose rights it has.
    pub user: u32,
    pub authenticated_user: u32,
    pub queue_size: i32,
    pub sqlstate: i32,
    /// -1 for none reported.
    pub percent: i32,
    /// Somebody has sent the worker a signal for this job, or wants it not to begin.
    pub signaled: u32,
    /// Bytes of the SQL that are shown once the job has ended.
    pub preview: u32,
    pub label: Text<LABEL_LIMIT>,
    pub progress: Text<PROGRESS_LIMIT>,
    pub tag: Text<TAG_LIMIT>,
    pub message: Text<MESSAGE_LIMIT>,
    pub sql: Text<PREVIEW_LIMIT>,
}

impl Record {
    /// Copies what counts: texts are mostly short.
    pub fn copy_from(&mut self, other: &Self) {
        self.id = other.id;
        self.launched_at = other.launched_at;
        self.started_at = other.started_at;
        self.finished_at = other.finished_at;
        self.waited = other.waited;
        self.row_count = other.row_count;
        self.state = other.state;
        self.mode = other.mode;
        self.pid = other.pid;
        self.launcher_pid = other.launcher_pid;
        self.database = other.database;
        self.user = other.user;
        self.authenticated_user = other.authenticated_user;
        self.queue_size = other.queue_size;
        self.sqlstate = other.sqlstate;
        self.percent = other.percent;
        self.signaled = other.signaled;
        self.preview = other.preview;
        self.label.copy_from(&other.label);
        self.progress.copy_from(&other.progress);
        self.tag.copy_from(&other.tag);
        self.message.copy_from(&other.message);
        self.sql.copy_from(&other.sql);
    }
}

/// A job that has not ended.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Entry {
    pub job: Record,
    /// The row of its statistics.
    pub row: u32,
    unused: u32,
    pub sql: Text<SQL_LIMIT>,
}

/// The start of the table, behind it the arrays in the order of `Sizes`.
#[repr(C)]
pub struct Header {
    magic: u64,
    layout: u32,
    sizes: [u32; 3],
    lock: [u8; lwlock::ROOM],
    glance: Glance,
    pub state: State,
}

/// What may be looked at without the lock; changed under it like all the rest.
#[repr(C)]
pub struct Glance {
    /// How many waiters there are, from the start of their array.
    pub waiting: AtomicU32,
    /// Workers without a job. Nobody who shows as idle is missing; who is about to begin or to leave may be among them.
    pub idle: AtomicU32,
}

/// What changes, under the lock like all the rest.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct State {
    /// Jobs that have ended since the table was made; the next one's place is the remainder by the history's size.
    pub ended: u64,
    /// How many rows of statistics are in use, the one for others aside.
    pub rows: u64,
    pub statistics_reset: i64,
}

/// Counters of a database and a role; the row for all others has neither.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Statistics {
    pub database: u32,
    pub role: u32,
    pub launched: i64,
    pub completed: i64,
    pub failed: i64,
    pub canceled: i64,
    pub timed_out: i64,
    /// The worker was gone before it could say how the job ended.
    pub lost: i64,
    /// Jobs that found a worker, and jobs for which one was started.
    pub warm: i64,
    pub cold: i64,
    pub rows: i64,
    /// Microseconds from start to end: all jobs', and the longest one's.
    pub total_time: i64,
    pub max_time: i64,
    /// Microseconds that launches waited for a place.
    pub wait_for_slot_time: i64,
}

/// A process that sleeps. It is here once at most.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Waiter {
    /// Its number in the server's array of processes.
    pub process: u32,
    /// What for, and which job's end, if it is one's.
    pub kind: u32,
    pub job: i64,
}

/// How many of what there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    pub entries: usize,
    pub history: usize,
    pub waiters: usize,
}

const fn align(size: usize) -> usize {
    (size + 7) & !7
}

impl Sizes {
    /// More than a server can have; what another process wrote is not believed beyond.
    const LIMIT: usize = 1 << 24;

    /// Offsets of the entries' ids, the entries, the ids of the history, the history, waiters, statistics, and the end.
    fn offsets(self) -> [usize; 7] {
        let taken = align(size_of::<Header>());
        let entries = taken + self.entries * size_of::<i64>();
        let ids = entries + self.entries * size_of::<Entry>();
        let history = ids + self.history * size_of::<i64>();
        let waiters = history + self.history * size_of::<Record>();
        let statistics = waiters + self.waiters * size_of::<Waiter>();
        let end = statistics + STATISTICS * size_of::<Statistics>();
        [taken, entries, ids, history, waiters, statistics, end]
    }

    /// Bytes of a table of this size.
    pub fn bytes(self) -> usize {
        self.offsets()[6]
    }
}

// Where an array of these ends another may start: nothing needs more alignment than an i64, 4 bytes on i386 and 8 elsewhere.
const _: () = {
    const UNIT: usize = align_of::<i64>();
    assert!(align_of::<Entry>() <= UNIT && size_of::<Entry>() % UNIT == 0);
    assert!(align_of::<Record>() <= UNIT && size_of::<Record>() % UNIT == 0);
    assert!(align_of::<Waiter>() <= UNIT && size_of::<Waiter>() % UNIT == 0);
    assert!(align_of::<Statistics>() <= UNIT && size_of::<Statistics>() % UNIT == 0);
};
const _: () = assert!(core::mem::offset_of!(Header, lock) % 8 == 0);

/// All of a table but its lock, for whoever holds that.
pub struct Table<'a> {
    pub glance: &'a Glance,
    pub state: &'a mut State,
    /// The id of the job that each entry has, 0 for a free one: apart from the entries, so that looking for one is quick.
    pub taken: &'a mut [i64],
    pub entries: &'a mut [Entry],
    /// The same for the places of the history.
    pub ids: &'a mut [i64],
    pub history: &'a mut [Record],
    pub waiters: &'a mut [Waiter],
    pub statistics: &'a mut [Statistics],
}

/// Where the lock of a table at `base` is.
///
/// # Safety
/// A table is at `base`, or is about to be made.
pub unsafe fn lock_at(base: *mut u8) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { (&raw mut (*base.cast::<Header>()).lock).cast() }
}

/// What may be looked at without the lock of a table at `base`.
///
/// # Safety
/// A table is at `base` and stays mapped for as long as the result lives.
pub unsafe fn glance_at<'a>(base: *mut u8) -> &'a Glance {
    // SAFETY: the caller's promise; only atomics, which nobody has a mutable reference to.
    unsafe { &(*base.cast::<Header>()).glance }
}

/// Writes an empty table: every byte of it.
///
/// # Safety
/// `sizes.bytes()` bytes at `base`, aligned to 8, are nobody's but the caller's.
pub unsafe fn create(base: *mut u8, sizes: Sizes, now: i64) {
    // SAFETY: the caller's promise; zero is a value of every field.
    unsafe {
        base.write_bytes(0, sizes.bytes());
        let header = &mut *base.cast::<Header>();
        header.magic = MAGIC;
        header.layout = LAYOUT;
        header.sizes = [sizes.entries, sizes.history, sizes.waiters].map(|size| size as u32);
        header.state.statistics_reset = now;
    }
}

/// The sizes of a table of `bytes` bytes, if it makes sense.
///
/// # Safety
/// `bytes` bytes at `base` are mapped.
pub unsafe fn check(base: *const u8, bytes: usize) -> Option<Sizes> {
    if bytes < size_of::<Header>() {
        return None;
    }
    // SAFETY: the caller's promise, and there is room for a header.
    let header = unsafe { &*base.cast::<Header>() };
    let [entries, history, waiters] = header.sizes.map(|size| size as usize);
    let sizes = Sizes {
        entries,
        history,
        waiters,
    };
    let fits = header.magic == MAGIC
        && header.layout == LAYOUT
        && header
            .sizes
            .iter()
            .all(|size| (*size as usize) < Sizes::LIMIT)
        && sizes.bytes() <= bytes;
    fits.then_some(sizes)
}

/// # Safety
/// A table of that size is at `base`, stays mapped, and the caller has its lock for as long as the result lives.
pub unsafe fn at<'a>(base: *mut u8, sizes: Sizes) -> Table<'a> {
    let [taken, entries, ids, history, waiters, statistics, _] = sizes.offsets();
    // SAFETY: the caller's promise; the arrays lie behind each other and are aligned to 8, and every bit pattern is a value
    // of their elements.
    unsafe {
        use core::slice::from_raw_parts_mut as slice;
        Table {
            glance: glance_at(base),
            state: &mut (*base.cast::<Header>()).state,
            taken: slice(base.add(taken).cast(), sizes.entries),
            entries: slice(base.add(entries).cast(), sizes.entries),
            ids: slice(base.add(ids).cast(), sizes.history),
            history: slice(base.add(history).cast(), sizes.history),
            waiters: slice(base.add(waiters).cast(), sizes.waiters),
            statistics: slice(base.add(statistics).cast(), STATISTICS),
        }
    }
}
