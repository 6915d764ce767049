//! The segment: a header, the request queue, the response queue.
//!
//! The launcher makes it and initialises every byte of the header, because preallocated shared memory is not zeroed. The
//! header's identity fields are written before the worker is registered and never again; what changes is atomic.

use super::flow::Flow;
use super::outcome::OutcomeRecord;
use super::progress::Progress;
use super::waits::Waits;
use super::wire::tuple::maxalign;
use crate::pg::Oid;
use crate::pg::doze::Dozing;
use crate::pg::dsm::Segment;
use crate::pg::shm_mq::Queue;
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, Ordering};

/// "pgbg" and a byte that no text has.
const MAGIC: u64 = 0x7067_6267_0000_00FF;

/// Bytes of the request queue. Longer requests go through it in pieces.
const REQUEST_QUEUE: usize = 16 * 1024;

/// The fixed state at the start of a segment.
#[repr(C)]
pub struct Header {
    magic: u64,
    /// To which database and as whom the worker connects.
    database: Oid,
    authenticated_user: Oid,
    /// The launcher's process id: the worker's files are in that session's directory, and what the worker shows of itself tells it.
    launcher_pid: i32,
    /// Bytes of the whole segment, and where the queues start in it.
    size: u64,
    request_start: u64,
    response_start: u64,
    response_size: u64,
    /// The worker's process id once it has attached; 0 before.
    worker_pid: AtomicI32,
    /// `CONNECTED` once the worker is, so that everyone can see as whom; before, `CONNECTION_AWAITED` where the launcher waits for that.
    connected: AtomicU32,
    /// Set by the worker once it is about to run the job.
    running: AtomicU32,
    /// Who may do what with the worker between jobs: an `Availability`.
    availability: AtomicU32,
    /// Set by the launcher while the worker's last job has a result that is unread, and somebody may have its bare process ID:
    /// the worker gets no other job.
    unread: AtomicU32,
    /// Set by the worker, for good: libraries have brought it settings that its session may not have. Its session may have others
    /// of the same names, which could not be restored.
    has_gained: AtomicU32,
    /// Where the cluster's directory of jobs has the job that the worker gets next: the directory's segment, the entry, the
    /// job's id. Zeros without one.
    directory: AtomicU32,
    entry: AtomicU32,
    job: AtomicI64,
    /// Set by the launcher: the job shall not start, or end before its next statement.
    cancel: AtomicU32,
    /// Each says of itself whether it dozes.
    pub launcher_dozing: Dozing,
    pub worker_dozing: Dozing,
    pub flow: Flow,
    /// For whom the worker waits while it waits for jobs of its own.
    pub waits: Waits,
    pub progress: Progress,
    pub outcome: OutcomeRecord,
}

const CONNECTED: u32 = 1;
const CONNECTION_AWAITED: u32 = 2;

const REQUEST_START: usize = maxalign(size_of::<Header>());
const RESPONSE_START: usize = REQUEST_START + REQUEST_QUEUE;

/// A mapped segment whose header was checked.
///
/// # Invariants
/// The segment is mapped, at least as large as its header says, and the header is initialised. Whoever detaches it
/// forgets every copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    segment: Segment,
    header: NonNull<Header>,
    /// Bytes of the response queue. A copy: what the other process can write decides no sizes.
    response_size: usize,
}

impl Deref for Channel {
    type Target = Header;

    fn deref(&self) -> &Header {
        // SAFETY: by the type's invariant; what changes is atomic or in an UnsafeCell.
        unsafe { self.header.as_ref() }
    }
}

/// Whether the worker takes another job. Claiming and leaving are compare-and-swaps from `Idle`: the loser yields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Availability {
    /// It has a job, or never takes another.
    Busy = 0,
    /// It waits for a job, or will as soon as it has tidied up.
    Idle = 1,
    /// The launcher is about to send one.
    Claimed = 2,
    /// It is on its way out, and has not taken the job that it was claimed for, if any.
    Leaving = 3,
    /// As `Claimed`; the launcher wants to be woken when the worker has taken the job.
    Awaited = 4,
}

/// What a launcher puts into a new header.
pub struct Peer {
    pub database: Oid,
    pub authenticated_user: Oid,
    pub launcher_pid: i32,
}

impl Channel {
    /// Makes a segment with a response queue of `response_size` bytes (MAXALIGNed), this process sending requests and
    /// receiving responses. None when the cluster has no segment left.
    pub fn create(peer: &Peer, response_size: usize) -> Option<Self> {
        let size = RESPONSE_START + response_size;
        let segment = Segment::create(size)?;
        let header = segment.address().cast::<Header>();
        // SAFETY: the segment is `size` bytes long, mapped and ours alone; zero is a value of every field of the header.
        unsafe {
            header.write_bytes(0, 1);
            let fields = header.as_ptr();
            (*fields).magic = MAGIC;
            (*fields).database = peer.database;
            (*fields).authenticated_user = peer.authenticated_user;
            (*fields).launcher_pid = peer.launcher_pid;
            (*fields).size = size as u64;
            (*fields).request_start = REQUEST_START as u64;
            (*fields).response_start = RESPONSE_START as u64;
            (*fields).response_size = response_size as u64;
        }
        let channel = Self {
            segment,
            header,
            response_size,
        };
        channel.progress.clear();
        channel.outcome.clear();
        // SAFETY: both places are inside the segment, aligned, as long as stated, and nobody uses them yet.
        unsafe {
            Queue::create(channel.place(REQUEST_START), REQUEST_QUEUE).become_sender();
            Queue::create(channel.place(RESPONSE_START), response_size).become_receiver();
        }
        Some(channel)
    }

    /// Checks a segment that a launcher made. The error says what is wrong with it.
    pub fn open(segment: Segment) -> Result<Self, &'static str> {
        if segment.size() < RESPONSE_START {
            return Err("The segment is too small.");
        }
        let mut channel = Self {
            segment,
            header: segment.address().cast::<Header>(),
            response_size: 0,
        };
        let header: &Header = &channel;
        if header.magic != MAGIC {
            return Err("It is not a segment of this library.");
        }
        let response_size = header.response_size;
        let end = header.response_start.checked_add(response_size);
        if header.request_start != REQUEST_START as u64
            || header.response_start != RESPONSE_START as u64
            || response_size < Queue::minimum_size() as u64
            || end != Some(header.size)
            || header.size > segment.size() as u64
        {
            return Err("The segment's header is damaged.");
        }
        channel.response_size = response_size as usize;
        Ok(channel)
    }

    /// Bytes of the response queue.
    pub fn response_size(self) -> usize {
        self.response_size
    }

    fn place(self, start: usize) -> NonNull<u8> {
        // SAFETY: callers pass offsets inside the segment.
        unsafe { self.segment.address().add(start) }
    }

    /// The queue of requests, launcher to worker. The launcher keeps its end as long as it lives: its loss is how the
    /// worker learns of the session's end.
    pub fn requests(self) -> Queue {
        // SAFETY: `create` made a queue there; mapped by the type's invariant.
        unsafe { Queue::at(self.place(REQUEST_START)) }
    }

    /// The queue of responses, worker to launcher.
    pub fn responses(self) -> Queue {
        // SAFETY: as above.
        unsafe { Queue::at(self.place(RESPONSE_START)) }
    }

    /// Wakes the launcher.
    pub fn wake_launcher(self) {
        self.requests().wake_sender();
        self.rouse_launcher();
    }

    /// Wakes the worker.
    pub fn wake_worker(self) {
        self.responses().wake_sender();
        self.rouse_worker();
    }

    /// Wakes the launcher if it dozes and its latch is set, as a queue sets it.
    pub fn rouse_launcher(self) {
        self.requests().rouse_sender(&self.launcher_dozing);
    }

    /// The same with the worker.
    pub fn rouse_worker(self) {
        self.responses().rouse_sender(&self.worker_dozing);
    }

    /// The segment that both queues are attached with.
    pub fn segment(self) -> Segment {
        self.segment
    }
}

impl Header {
    pub fn database(&self) -> Oid {
        self.database
    }

    pub fn authenticated_user(&self) -> Oid {
        self.authenticated_user
    }

    /// Whose job it is.
    pub fn launcher_pid(&self) -> i32 {
        self.launcher_pid
    }

    /// The worker says that it has taken hold of the segment, before the launcher is woken by its taking the last queue.
    pub fn set_attached(&self, pid: i32) {
        self.worker_pid.store(pid, Ordering::Release);
    }

    /// The worker that holds both queues, or has held them. That a worker has stopped proves nothing without this.
    pub fn worker_pid(&self) -> Option<i32> {
        let pid = self.worker_pid.load(Ordering::Acquire);
        (pid != 0).then_some(pid)
    }

    /// Says where the directory has the job, before the worker gets it.
    pub fn set_entry(&self, directory: u32, entry: u32, job: i64) {
        self.directory.store(directory, Ordering::Relaxed);
        self.entry.store(entry, Ordering::Relaxed);
        self.job.store(job, Ordering::Release);
    }

    /// The same for the worker: directory, entry, job.
    pub fn entry(&self) -> (u32, u32, i64) {
        let job = self.job.load(Ordering::Acquire);
        (
            self.directory.load(Ordering::Relaxed),
            self.entry.load(Ordering::Relaxed),
            job,
        )
    }

    /// Makes the header ready for the next job of a worker that this process has claimed or is about to claim.
    pub fn clear_for_next_job(&self) {
        self.running.store(0, Ordering::Relaxed);
        self.cancel.store(0, Ordering::Relaxed);
        self.flow.clear();
        self.progress.clear();
        self.outcome.clear();
    }

    /// The worker says that it has settings of libraries which it did not have when it was told its session's.
    pub fn set_has_gained(&self) {
        self.has_gained.store(1, Ordering::Release);
    }

    /// Whether it has.
    pub fn has_gained(&self) -> bool {
        self.has_gained.load(Ordering::Acquire) != 0
    }

    /// Says whether the result of the worker's last job keeps it from taking another.
    pub fn set_unread(&self, unread: bool) {
        self.unread.store(u32::from(unread), Ordering::Release);
    }

    /// Whether it does.
    pub fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Acquire) != 0
    }

    /// Moves from one availability to another; false if it was not the one expected.
    pub fn change_availability(&self, from: Availability, to: Availability) -> bool {
        self.availability
            .compare_exchange(from as u32, to as u32, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The worker says what it is; only where nobody else may change it.
    pub fn set_availability(&self, to: Availability) {
        self.availability.store(to as u32, Ordering::Release);
    }

    /// The worker has received a request: from here on the job is begun, whatever becomes of it. Returns whether its launcher
    /// waits for that.
    pub fn take_job(&self) -> bool {
        let before = self
            .availability
            .swap(Availability::Busy as u32, Ordering::AcqRel);
        before == Availability::Awaited as u32
    }

    /// The worker leaves and begins nothing any more. False if it has begun with a job.
    pub fn leave_without_job(&self) -> bool {
        use Availability::{Awaited, Claimed, Idle, Leaving};
        [Idle, Claimed, Awaited, Leaving]
            .into_iter()
            .any(|before| self.change_availability(before, Leaving))
    }

    /// Whether the worker was claimed for a job that it has not taken yet.
    pub fn is_claimed(&self) -> bool {
        let now = self.availability.load(Ordering::Acquire);
        now == Availability::Claimed as u32 || now == Availability::Awaited as u32
    }

    /// Whether the worker has left. If it has published nothing before, the job that it was claimed for has not begun.
    pub fn is_leaving(&self) -> bool {
        self.availability.load(Ordering::Acquire) == Availability::Leaving as u32
    }

    /// Whether the worker would take another job.
    pub fn is_idle(&self) -> bool {
        self.availability.load(Ordering::Acquire) == Availability::Idle as u32
    }

    /// The worker says that it is connected. Returns whether its launcher waits for that.
    pub fn set_connected(&self) -> bool {
        self.connected.swap(CONNECTED, Ordering::AcqRel) == CONNECTION_AWAITED
    }

    /// The launcher wants to be woken when the worker is connected, unless it is.
    pub fn await_connection(&self) {
        let _ = self.connected.compare_exchange(
            0,
            CONNECTION_AWAITED,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
    }

    /// Whether it is.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire) == CONNECTED
    }

    /// The worker says that it starts with the job's statements.
    pub fn set_running(&self) {
        self.running.store(1, Ordering::Release);
    }

    /// Whether it does.
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire) != 0
    }

    /// Asks the job to end before its next statement, or not to start.
    pub fn request_cancel(&self) {
        self.cancel.store(1, Ordering::Release);
    }

    /// Whether that was asked for.
    pub fn is_cancel_requested(&self) -> bool {
        self.cancel.load(Ordering::Acquire) != 0
    }
}
