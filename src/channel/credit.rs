//! Who may put how much into the response queue.
//!
//! A frame has to be whole in the queue: `shm_mq` stops in the middle of a message when it is full, and then only its
//! reader could free the writer. So the worker sends only what is certain to fit. The launcher says in the segment how much
//! it has certainly given back, in bytes as `shm_mq` counts them.
//!
//! `shm_mq` gives room back when more than a quarter of the ring was received, at the next call (`mqh_consume_pending` in
//! shm_mq.c), and all of it when the receiver has found the queue empty. Hence what was received, less a quarter of the ring
//! and a frame, is given back; and all of it once there was nothing more.

use super::segment::Channel;
use super::wire::bytes::maxalign;
use super::wire::frame::FRAME_MAX;
use crate::pg::shm_mq::{Queue, QueueHandle, Received, Sent};

/// A ring has at least so many bytes, whatever was asked for.
const RING_MIN: usize = 8 * 1024;

/// A frame has at most this part of the ring.
const FRAMES_IN_RING: usize = 8;

impl Channel {
    /// The launcher says whether it reads.
    pub fn set_read(self, is_read: bool) {
        if self.flow.set_read(is_read) {
            self.wake_waiting_sender(u64::MAX);
        }
    }

    /// The launcher says that nobody wants what comes.
    pub fn set_unwanted(self) {
        self.flow.set_unwanted();
        self.wake_waiting_sender(u64::MAX);
    }

    /// Wakes a worker that waits for no more than so much to be given back.
    fn wake_waiting_sender(self, freed: u64) {
        if self.flow.is_enough(freed) {
            self.wake_worker();
        }
    }
}

/// Bytes for a queue of which `asked` bytes were asked for.
pub fn queue_size(asked: usize) -> usize {
    maxalign(asked.max(Queue::overhead() + RING_MIN))
}

/// Bytes of a queue of `size` that hold messages.
fn ring(size: usize) -> usize {
    size.saturating_sub(Queue::overhead())
}

/// Bytes of the longest frame that goes through a queue of `size`.
fn frame_limit(size: usize) -> usize {
    (ring(size) / FRAMES_IN_RING).min(FRAME_MAX) & !7
}

/// What a message takes in the ring: its length word comes with it.
fn taken_by(message: usize) -> u64 {
    (maxalign(size_of::<usize>()) + maxalign(message)) as u64
}

/// The worker's end.
#[derive(Clone, Copy)]
pub struct Outlet {
    channel: Channel,
    handle: QueueHandle,
    ring: u64,
    frame_limit: usize,
    /// Bytes that ever went into the queue.
    sent: u64,
    /// Some of them cannot be seen by the launcher yet.
    is_hidden: bool,
}

/// What the other side did about the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Done,
    /// Its reader is gone.
    Detached,
}

impl Outlet {
    /// Of a worker that has attached to its queue.
    pub fn new(channel: Channel, handle: QueueHandle) -> Self {
        Self {
            channel,
            handle,
            ring: ring(channel.response_size()) as u64,
            frame_limit: frame_limit(channel.response_size()),
            sent: 0,
            is_hidden: false,
        }
    }

    /// Bytes of the longest frame.
    pub fn frame_limit(&self) -> usize {
        self.frame_limit
    }

    fn room(&self) -> u64 {
        let freed = self.channel.flow.freed();
        // More than was sent cannot have been freed; and what else the other process may write there, it only harms itself.
        let used = self.sent.saturating_sub(freed);
        self.ring.saturating_sub(used)
    }

    /// Whether a frame of so many bytes fits.
    pub fn has_room_for(&self, frame: usize) -> bool {
        self.room() >= taken_by(frame)
    }

    /// Whether all that was sent was received.
    pub fn is_empty(&self) -> bool {
        self.room() == self.ring
    }

    /// Puts a frame into the queue, for which there is room. What is in the queue becomes visible with `flush`, and where
    /// there is not room for another frame of any size.
    pub fn put<const N: usize>(&mut self, parts: [&[u8]; N], flush: bool) -> Put {
        let length = parts.iter().map(|part| part.len()).sum();
        let taken = taken_by(length);
        let left = self.room().saturating_sub(taken);
        let is_last = left < taken_by(self.frame_limit);
        let sent = self.handle.send(parts, true, flush || is_last);
        self.channel.rouse_launcher();
        match sent {
            Sent::Done => {
                self.sent += taken;
                self.is_hidden = !(flush || is_last);
                Put::Done
            }
            Sent::Detached => Put::Detached,
            // Either what shm_mq does is not what this module takes for granted, or somebody wrote to the segment. Half of
            // the frame is in the queue, and nothing may follow.
            Sent::WouldBlock => Put::Detached,
        }
    }

    /// Whether frames are in the queue that the launcher cannot see yet. Then there is room for another.
    pub fn is_hidden(&self) -> bool {
        self.is_hidden
    }

    /// Says that this process waits until a frame of so many bytes fits, or a quarter of the queue is free. Whether it is
    /// still to be waited for has to be looked at afterwards.
    pub fn want_room_for(&self, frame: usize) {
        let room = taken_by(frame).max(self.ring / 4);
        let wanted = (self.sent + room).saturating_sub(self.ring).max(1);
        self.channel.flow.want(wanted);
    }

    /// Says that it does not wait any more.
    pub fn want_nothing(&self) {
        self.channel.flow.want_nothing();
    }

    /// What tells one look from the next: changes when the launcher has received something.
    pub fn progress(&self) -> u64 {
        self.channel.flow.freed()
    }
}

/// The launcher's end.
#[derive(Clone, Copy)]
pub struct Inlet {
    channel: Channel,
    handle: QueueHandle,
    /// What of the bytes received may not have been given back yet.
    slack: u64,
    /// Bytes that were ever received.
    received: u64,
    /// What was last said to be given back.
    told: u64,
    /// The least worth telling.
    step: u64,
}

impl Inlet {
    /// Of a launcher that has attached to its queue.
    pub fn new(channel: Channel, handle: QueueHandle) -> Self {
        let size = channel.response_size();
        let frame = taken_by(frame_limit(size));
        Self {
            channel,
            handle,
            slack: (ring(size) as u64) / 4 + frame,
            received: 0,
            told: 0,
            step: frame,
        }
    }

    /// The next frame, valid until the next call. Raises 54000 for a length over 1 GB.
    pub fn receive<'a>(&mut self) -> Received<'a> {
        let received = self.handle.receive(true);
        match received {
            Received::Message(message) => {
                self.received += taken_by(message.len());
                let freed = self.received.saturating_sub(self.slack);
                if freed >= self.told + self.step {
                    self.give_back(freed);
                }
            }
            Received::WouldBlock => self.give_back(self.received),
            Received::Detached => {}
        }
        received
    }

    fn give_back(&mut self, freed: u64) {
        if freed <= self.told {
            return;
        }
        self.told = freed;
        self.channel.flow.give_back(freed);
        self.channel.wake_waiting_sender(freed);
    }
}

#[cfg(test)]
mod tests {
    use super::{maxalign, taken_by};

    #[test]
    fn a_message_takes_its_length_word_and_what_aligns_it() {
        let word = maxalign(size_of::<usize>()) as u64;
        assert_eq!(taken_by(0), word);
        assert_eq!(taken_by(1), word + maxalign(1) as u64);
        assert_eq!(taken_by(16), word + 16);
    }
}
