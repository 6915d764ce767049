//! The words of the segment that say how a job's stream flows: who may put how much into the response queue is
//! `credit.rs`.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// One writer each.
#[repr(C)]
pub struct Flow {
    /// The launcher has given back so many bytes of all that ever went through the queue.
    freed: AtomicU64,
    /// The worker waits for `freed` to become as much; 0 while it does not wait.
    wanted: AtomicU64,
    /// The launcher reads just now: a hint, how long it may be worth waiting for.
    is_read: AtomicU32,
    /// The launcher says that nobody wants the job's rows and notices any more.
    is_unwanted: AtomicU32,
    /// The launcher says that it is on its way out, and removes its files.
    is_orphaned: AtomicU32,
}

impl Flow {
    /// What the next job of the worker starts with. What went through the queue is counted over all jobs.
    pub fn clear(&self) {
        self.is_read.store(0, Ordering::Relaxed);
        self.is_unwanted.store(0, Ordering::Relaxed);
    }

    /// The launcher says whether it reads. Whether that is news.
    pub fn set_read(&self, is_read: bool) -> bool {
        let is_news = self.is_read() != is_read;
        if is_news {
            self.is_read.store(is_read.into(), Ordering::Relaxed);
        }
        is_news
    }

    /// Whether the launcher reads.
    pub fn is_read(&self) -> bool {
        self.is_read.load(Ordering::Relaxed) != 0
    }

    /// The launcher says that nobody wants what comes.
    pub fn set_unwanted(&self) {
        self.is_unwanted.store(1, Ordering::Release);
    }

    /// The launcher says that it ends. What the worker does afterwards with files, it looks at this word after.
    pub fn set_orphaned(&self) {
        self.is_orphaned.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Whether it ends.
    pub fn is_orphaned(&self) -> bool {
        self.is_orphaned.load(Ordering::Relaxed) != 0
    }

    /// Whether anybody will ever read what comes. Asked after a file was made.
    pub fn is_wanted(&self) -> bool {
        fence(Ordering::SeqCst);
        self.is_unwanted.load(Ordering::Acquire) == 0 && !self.is_orphaned()
    }

    /// So many bytes of all that ever went through the queue were given back.
    pub fn freed(&self) -> u64 {
        self.freed.load(Ordering::Acquire)
    }

    /// The launcher says so.
    pub fn give_back(&self, freed: u64) {
        self.freed.store(freed, Ordering::Release);
    }

    /// The worker says that it waits for so many to be given back. Everything that it waits for it looks at afterwards: a
    /// change is seen either there or in `is_enough`.
    pub fn want(&self, freed: u64) {
        self.wanted.store(freed, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// It does not wait any more.
    pub fn want_nothing(&self) {
        self.wanted.store(0, Ordering::Relaxed);
    }

    /// Whether it waits for no more than so many. Asked after what it may wait for has changed.
    pub fn is_enough(&self, freed: u64) -> bool {
        fence(Ordering::SeqCst);
        let wanted = self.wanted.load(Ordering::Relaxed);
        wanted != 0 && wanted <= freed
    }
}

#[cfg(test)]
mod tests {
    use super::Flow;
    use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    #[test]
    fn the_next_job_is_wanted_again() {
        let flow = Flow {
            freed: AtomicU64::new(7),
            wanted: AtomicU64::new(0),
            is_read: AtomicU32::new(0),
            is_unwanted: AtomicU32::new(0),
            is_orphaned: AtomicU32::new(0),
        };
        assert!(flow.is_wanted());
        flow.is_unwanted.store(1, Ordering::Relaxed);
        flow.is_read.store(1, Ordering::Relaxed);
        assert!(!flow.is_wanted() && flow.is_read());
        flow.clear();
        assert!(flow.is_wanted() && !flow.is_read());
        flow.set_orphaned();
        flow.clear();
        assert!(!flow.is_wanted());
    }
}
