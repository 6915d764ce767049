//! storage/shm_mq.h: one-way message queues between two processes.

use super::doze::Dozing;
use super::dsm::Segment;
use super::memory::Context;
use crate::pg_sys as sys;
use crate::pg_sys::alignment::SERVER;
use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};

/// Queue memory inside a segment.
///
/// # Invariants
/// Points to memory in which shm_mq_create made a queue, and which stays mapped while any copy of this is used.
#[derive(Clone, Copy)]
pub struct Queue(NonNull<sys::shm_mq>);

impl Queue {
    /// shm_mq_minimum_size.
    pub fn minimum_size() -> usize {
        // SAFETY: a constant of the server.
        unsafe { sys::shm_mq_minimum_size }
    }

    /// Bytes of a queue that hold no messages: the smallest queue holds one MAXALIGNed piece.
    pub fn overhead() -> usize {
        Self::minimum_size() - SERVER.maximum
    }

    /// Makes a queue in `size` bytes.
    ///
    /// # Safety
    /// The memory is mapped, MAXALIGNed, at least `minimum_size` long, and no process uses a queue in it.
    pub unsafe fn create(place: NonNull<u8>, size: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            Self(NonNull::new_unchecked(sys::shm_mq_create(
                place.as_ptr().cast::<c_void>(),
                size,
            )))
        }
    }

    /// Finds a queue that another process made.
    ///
    /// # Safety
    /// There is one at `place`, mapped as long as the result is used.
    pub unsafe fn at(place: NonNull<u8>) -> Self {
        Self(place.cast())
    }

    /// Makes this process the sender.
    pub fn become_sender(self) {
        // SAFETY: by the type's invariant; MyProc is set in every process that can call us.
        unsafe { sys::shm_mq_set_sender(self.0.as_ptr(), sys::MyProc) }
    }

    /// Makes this process the receiver.
    pub fn become_receiver(self) {
        // SAFETY: as above.
        unsafe { sys::shm_mq_set_receiver(self.0.as_ptr(), sys::MyProc) }
    }

    /// Sets the latch of the queue's sender, if there is one. A stale PGPROC is woken for nothing, as everywhere.
    pub fn wake_sender(self) {
        // SAFETY: PGPROCs live in shared memory for as long as the server does.
        unsafe {
            let sender = sys::shm_mq_get_sender(self.0.as_ptr());
            if !sender.is_null() {
                sys::SetLatch(&raw mut (*sender).procLatch);
            }
        }
    }

    /// Wakes the queue's sender if it dozes and its latch is set.
    pub fn rouse_sender(self, dozing: &Dozing) {
        let Some(doze) = dozing.doze() else { return };
        // SAFETY: a sender is a PGPROC, as for wake_sender.
        unsafe {
            let sender = sys::shm_mq_get_sender(self.0.as_ptr());
            if !sender.is_null() {
                dozing.wake(doze, sender);
            }
        }
    }

    /// Attaches as whichever side this process became. The handle and its buffer live in `context`; the queue is detached
    /// with the segment at the latest.
    pub fn attach(self, segment: Segment, context: Context) -> QueueHandle {
        context.run(|| {
            // SAFETY: this process became sender or receiver; the segment holds the queue.
            QueueHandle(unsafe {
                NonNull::new_unchecked(sys::shm_mq_attach(
                    self.0.as_ptr(),
                    segment.as_ptr(),
                    null_mut(),
                ))
            })
        })
    }
}

/// This process's end of a queue.
///
/// # Invariants
/// Points to a live shm_mq_handle whose segment is mapped. Whoever detaches it forgets every copy.
#[derive(Clone, Copy)]
pub struct QueueHandle(NonNull<sys::shm_mq_handle>);

/// What came of trying to receive.
pub enum Received<'a> {
    /// A message, MAXALIGNed, valid until the next call with the same handle.
    Message(&'a [u8]),
    /// Nothing there yet.
    WouldBlock,
    /// The sender is gone and everything it sent was received.
    Detached,
}

/// What came of trying to send.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All of it.
    Done,
    /// Not yet all: call again with the very same parts.
    WouldBlock,
    /// The receiver is gone; nothing will arrive any more.
    Detached,
}

impl QueueHandle {
    /// shm_mq_receive. With `nowait` false it waits, interruptibly. Raises 54000 for a message over 1 GB.
    pub fn receive<'a>(self, nowait: bool) -> Received<'a> {
        let mut length = 0;
        let mut data = null_mut();
        // SAFETY: by the type's invariant; this process is the receiver.
        let result =
            unsafe { sys::shm_mq_receive(self.0.as_ptr(), &raw mut length, &raw mut data, nowait) };
        match result {
            sys::SHM_MQ_SUCCESS if length == 0 => Received::Message(&[]),
            sys::SHM_MQ_SUCCESS => {
                // SAFETY: on success `data` points to `length` readable bytes until the next call; the lifetime is the
                // caller's to keep.
                let message = unsafe { core::slice::from_raw_parts(data.cast::<u8>(), length) };
                Received::Message(message)
            }
            sys::SHM_MQ_WOULD_BLOCK => Received::WouldBlock,
            _ => Received::Detached,
        }
    }

    /// shm_mq_sendv: the parts as one message. With `flush`, everything sent so far becomes visible to the receiver.
    /// Raises 54000 for more than 1 GB.
    pub fn send<const N: usize>(self, parts: [&[u8]; N], nowait: bool, flush: bool) -> Sent {
        let mut iov = parts.map(|part| sys::shm_mq_iovec {
            data: part.as_ptr().cast(),
            len: part.len(),
        });
        // SAFETY: by the type's invariant; this process is the sender; the parts outlive the call.
        match unsafe {
            sys::pgbg_shm_mq_sendv(self.0.as_ptr(), iov.as_mut_ptr(), N as i32, nowait, flush)
        } {
            sys::SHM_MQ_SUCCESS => Sent::Done,
            sys::SHM_MQ_WOULD_BLOCK => Sent::WouldBlock,
            _ => Sent::Detached,
        }
    }

    /// Tells the other side that this one is gone, and frees the handle.
    pub fn detach(self) {
        // SAFETY: by the type's invariant.
        unsafe { sys::shm_mq_detach(self.0.as_ptr()) }
    }
}
