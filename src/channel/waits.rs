//! For which workers a worker waits, being a launcher itself. Nobody else could know, since such waits are on a latch; the
//! session that launched it needs to, because the chain may end in a lock of its own.

use core::sync::atomic::{AtomicI32, Ordering};

/// So many are told; a chain through any beyond is not followed.
const LIMIT: usize = 16;

/// Process ids, zeros behind them. One writer.
#[repr(C)]
pub struct Waits([AtomicI32; LIMIT]);

impl Waits {
    /// Tells of these, instead of those told before.
    pub fn tell(&self, mut pids: impl Iterator<Item = i32>) {
        for place in &self.0 {
            place.store(pids.next().unwrap_or(0), Ordering::Relaxed);
        }
    }

    /// The process waits for no worker.
    pub fn clear(&self) {
        self.tell([].into_iter());
    }

    /// What was told.
    pub fn pids(&self) -> impl Iterator<Item = i32> + use<> {
        let pids = self.0.each_ref().map(|place| place.load(Ordering::Relaxed));
        pids.into_iter().take_while(|pid| *pid != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, Waits};
    use core::sync::atomic::AtomicI32;

    fn empty() -> Waits {
        Waits([const { AtomicI32::new(0) }; LIMIT])
    }

    #[test]
    fn the_latest_list_counts() {
        let waits = empty();
        assert_eq!(waits.pids().count(), 0);
        waits.tell([7, 8, 9].into_iter());
        assert!(waits.pids().eq([7, 8, 9]));
        waits.tell([5].into_iter());
        assert!(waits.pids().eq([5]));
        waits.clear();
        assert_eq!(waits.pids().count(), 0);
    }

    #[test]
    fn what_finds_no_room_is_left_out() {
        let waits = empty();
        waits.tell(1..);
        assert!(waits.pids().eq(1..=LIMIT as i32));
    }
}
