//! Sending: messages as frames, into the queue while somebody reads, into a file when nobody does.
//!
//! A job never waits for somebody who is not there: it may hold locks, and its reader may wait for one of them.

use super::state::STATE;
use crate::channel::credit::{Outlet, Put};
use crate::channel::segment::Channel;
use crate::channel::wire::frame::{self, Cut};
use crate::channel::wire::request::Request;
use crate::channel::wire::response::HEADER_LEN;
use crate::pg::clock::{Deadline, now};
use crate::pg::error::check_for_interrupts;
use crate::pg::latch::{self, WaitEvent};
use crate::pg::text::Str;
use crate::rows::file::{Name, Output, Trouble};

/// Shown while a job waits for the reader of its output.
static WAIT_TO_SEND: WaitEvent = WaitEvent::new(c"PgBackgroundSend");

/// Milliseconds to wait for a reader that is there, from when it last took something.
const PATIENCE: i64 = 1000;

/// Milliseconds to wait once, for a reader that may come: about what a file costs.
const FIRST_PATIENCE: i64 = 5;

/// What fails a job whose output finds no room.
const HINT: Str = Str::from_static(c"Submit the job instead if nobody needs its rows.");

/// Where what the job says goes.
#[derive(Clone, Copy)]
pub struct Sending {
    /// The queue; None before the process has attached, and when it ends.
    outlet: Option<Outlet>,

    // Of the job at hand:
    /// Nobody reads: a submitted job, or one that was let go.
    is_discarding: bool,
    /// Something was dropped because nobody reads any more.
    has_dropped: bool,
    /// Frames in the queue.
    frames: u64,
    file: Option<Name>,
    /// Bytes that the file may have.
    limit: u64,
    output: Option<Output>,
    /// The next frame goes into the file, unless the queue is empty.
    is_filing: bool,
    /// Bytes of the file that a marker in the queue points to.
    marked: u64,
    /// It has waited for a reader that may come.
    has_waited: bool,
    /// It has ended and left a file.
    has_file: bool,
}

impl Sending {
    /// Nowhere.
    pub const NONE: Self = Self {
        outlet: None,
        is_discarding: true,
        has_dropped: false,
        frames: 0,
        file: None,
        limit: 0,
        output: None,
        is_filing: false,
        marked: 0,
        has_waited: false,
        has_file: false,
    };

    fn is_begun(&self) -> bool {
        self.frames > 0 || self.output.is_some()
    }
}

/// What a job has sent.
#[derive(Clone, Copy)]
pub struct Sent {
    pub frames: u64,
    /// Bytes of the file.
    pub filed: u64,
    /// Something was dropped because nobody wanted it.
    pub is_incomplete: bool,
}

/// How far sending may go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It may wait and raise.
    Free,
    /// It may neither wait nor make a file.
    Guarded,
    /// It may not wait.
    Last,
}

/// What became of a frame.
enum Delivery {
    Done,
    /// Nobody wants it.
    Unwanted,
    Failed(Trouble),
    /// There is no room where it may go.
    NoRoom,
}

/// The process has attached to its queue.
pub fn attach(outlet: Outlet) {
    // Now, because to find out may catch an error, which must not be done while another is on its way.
    WAIT_TO_SEND.id();
    update(|sending| sending.outlet = Some(outlet));
}

/// The segment is about to go.
pub fn detach() {
    STATE.sending.set(Sending::NONE);
}

/// A job begins.
pub fn begin(channel: Channel, request: &Request<'_>) {
    let outlet = STATE.sending.get().outlet;
    STATE.sending.set(Sending {
        outlet,
        is_discarding: request.discard_output,
        file: Some(Name {
            session: channel.launcher_pid(),
            number: request.file,
        }),
        limit: request.file_limit,
        ..Sending::NONE
    });
}

/// Nobody reads what the job sends.
pub fn is_discarding() -> bool {
    STATE.sending.get().is_discarding
}

/// Bytes of the longest frame.
pub fn frame_limit() -> usize {
    STATE
        .sending
        .get()
        .outlet
        .map_or(0, |outlet| outlet.frame_limit())
}

fn update(change: impl FnOnce(&mut Sending)) {
    let mut sending = STATE.sending.get();
    change(&mut sending);
    STATE.sending.set(sending);
}

/// Sends a message that must arrive, where interrupts can be served. Waits interruptibly for a reader; raises what keeps the
/// rest from being written.
pub fn send(header: [u8; HEADER_LEN], payload: &[u8], flush: bool) {
    if let (Delivery::Failed(trouble), Some(name)) = (
        deliver(header, payload, flush, Manner::Free),
        STATE.sending.get().file,
    ) {
        trouble.raise(name, Some(HINT));
    }
}

/// Sends a message as far as is possible without waiting and without raising anything.
pub fn send_guarded(header: [u8; HEADER_LEN], payload: &[u8]) {
    deliver(header, payload, true, Manner::Guarded);
}

/// Sends the job's last message without waiting. It may raise; what cannot be written is left out.
pub fn send_last(header: [u8; HEADER_LEN], payload: &[u8]) {
    deliver(header, payload, true, Manner::Last);
}

fn deliver(header: [u8; HEADER_LEN], payload: &[u8], flush: bool, manner: Manner) -> Delivery {
    let sending = STATE.sending.get();
    if sending.is_discarding {
        return Delivery::Unwanted;
    }
    let limit = frame_limit();
    #[cfg(feature = "injection-points")]
    let (header, payload) = match crate::injection::corrupt(&header, payload) {
        None => (header, payload),
        Some(message) => match message.split_first_chunk::<HEADER_LEN>() {
            Some((header, payload)) if message.len() > limit => (*header, payload),
            _ => return deliver_frame([message], flush, manner),
        },
    };
    let mut cut = Cut::new(header, payload, limit);
    if cut.is_whole() {
        return deliver_frame([&header, payload], flush, manner);
    }
    while let Some(((header, total, part), is_first)) = cut.next() {
        let flush = flush && cut.is_done();
        let delivery = if is_first {
            deliver_frame([&header, &total, part], flush, manner)
        } else {
            deliver_frame([&header, part], flush, manner)
        };
        match delivery {
            Delivery::Done => {}
            other => return other,
        }
    }
    Delivery::Done
}

/// Puts a frame into the queue or the file, whichever is next.
fn deliver_frame<const N: usize>(parts: [&[u8]; N], flush: bool, manner: Manner) -> Delivery {
    let Some(channel) = STATE.channel.get() else {
        return Delivery::Unwanted;
    };
    let length = parts.iter().map(|part| part.len()).sum();
    loop {
        if !channel.flow.is_wanted() {
            drop_output();
            return Delivery::Unwanted;
        }
        let mut sending = STATE.sending.get();
        let Some(outlet) = &mut sending.outlet else {
            return Delivery::Unwanted;
        };
        if sending.is_filing {
            if !outlet.is_empty() {
                return append(channel, parts, manner);
            }
            // It was full, so its reader has come.
            sending.is_filing = false;
            let filed = sending.output.map_or(0, |output| output.length());
            if filed > sending.marked {
                sending.marked = filed;
                sending.frames += 1;
                if outlet.put([&frame::marker(filed)], false) == Put::Detached {
                    drop_output();
                    return Delivery::Unwanted;
                }
            }
        }
        if outlet.has_room_for(length) {
            sending.frames += 1;
            let put = outlet.put(parts, flush);
            STATE.sending.set(sending);
            if put == Put::Detached {
                drop_output();
                return Delivery::Unwanted;
            }
            return Delivery::Done;
        }
        STATE.sending.set(sending);
        if manner != Manner::Free || !wait_for_room(channel, length) {
            update(|sending| sending.is_filing = true);
        }
    }
}

/// Adds a frame to the file.
fn append<const N: usize>(channel: Channel, parts: [&[u8]; N], manner: Manner) -> Delivery {
    let sending = STATE.sending.get();
    let Some(name) = sending.file else {
        return Delivery::Unwanted;
    };
    let output = match sending.output {
        Some(output) => Ok(output),
        None if manner == Manner::Guarded => return Delivery::NoRoom,
        None => Output::create(name, sending.limit),
    };
    let appended = output.and_then(|mut output| {
        update(|sending| sending.output = Some(output));
        // The launcher says that it ends before it removes its files: either it has seen this one, or we see that.
        if !channel.flow.is_wanted() {
            return Ok(false);
        }
        output.append(parts)?;
        update(|sending| sending.output = Some(output));
        Ok(true)
    });
    match appended {
        Ok(true) => Delivery::Done,
        // Whose file it was may have removed it meanwhile.
        Err(trouble) if channel.flow.is_wanted() => Delivery::Failed(trouble),
        _ => {
            drop_output();
            Delivery::Unwanted
        }
    }
}

/// Nobody will read what the job has sent and will send.
fn drop_output() {
    let mut sending = STATE.sending.get();
    sending.has_dropped = true;
    sending.is_discarding = true;
    if let Some(output) = sending.output.take() {
        output.close();
        if let Some(name) = sending.file {
            name.remove();
        }
    }
    STATE.sending.set(sending);
}

/// Waits, interruptibly, until a frame of so many bytes fits into the queue. False when it is time to give up: a reader that
/// is there may take its time, and one that is not is waited for once.
fn wait_for_room(channel: Channel, length: usize) -> bool {
    let mut seen = None;
    let mut deadline = Deadline::NEVER;
    loop {
        latch::reset();
        let Some(outlet) = STATE.sending.get().outlet else {
            return false;
        };
        outlet.want_room_for(length);
        if outlet.has_room_for(length) || !channel.flow.is_wanted() {
            outlet.want_nothing();
            return true;
        }
        let look = (outlet.progress(), channel.flow.is_read());
        if seen.replace(look) != Some(look) {
            deadline = Deadline::after(match look {
                (_, true) => PATIENCE,
                _ if STATE.sending.get().has_waited => 0,
                _ => FIRST_PATIENCE,
            });
        }
        let time = now();
        if deadline.passed(time) {
            outlet.want_nothing();
            update(|sending| sending.has_waited = true);
            return false;
        }
        crate::injection::point("worker-sending");
        latch::wait_only(deadline.left(time), &WAIT_TO_SEND);
        check_for_interrupts();
    }
}

/// The job is over: what of it is where. The file is closed, and removed where nobody wants it.
pub fn end(channel: Channel) -> Sent {
    if !channel.flow.is_wanted() && STATE.sending.get().is_begun() {
        drop_output();
    }
    let mut sending = STATE.sending.get();
    if let Some(outlet) = &mut sending.outlet {
        outlet.want_nothing();
        // A job that has failed had more to say: what it has sent is made visible by a marker that says nothing new.
        if outlet.is_hidden() {
            sending.frames += 1;
            outlet.put([&frame::marker(sending.marked)], true);
        }
    }
    let filed = sending.output.take().map_or(0, |output| {
        output.close();
        // Nothing could be written to it.
        if let (0, Some(name)) = (output.length(), sending.file) {
            name.remove();
        }
        output.length()
    });
    // Nothing of it is the next job's, also where that ends before it has begun. Until it says otherwise, nobody listens.
    STATE.sending.set(Sending {
        outlet: sending.outlet,
        has_file: filed > 0,
        ..Sending::NONE
    });
    Sent {
        frames: sending.frames,
        filed,
        is_incomplete: sending.has_dropped,
    }
}

/// Whether the job has left something that nobody has received.
pub fn is_unread() -> bool {
    let sending = STATE.sending.get();
    sending.has_file || sending.outlet.is_some_and(|outlet| !outlet.is_empty())
}
