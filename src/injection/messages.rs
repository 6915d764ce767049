//! Messages that are not what they should be.

use crate::pg::memory::Context;
use core::cell::Cell;

/// What this process does to messages that it sends.
struct State {
    /// Of the generator that harms them; 0 while it rests.
    seed: Cell<u64>,
    /// What the next one is replaced with.
    next: Cell<Option<&'static [u8]>>,
}

// SAFETY: a backend has one thread, and no signal handler touches this.
unsafe impl Sync for State {}

static STATE: State = State {
    seed: Cell::new(0),
    next: Cell::new(None),
};

/// Harms each message from here on.
pub fn corrupt_from(seed: i64) {
    // A generator whose state is zero stays there.
    STATE
        .seed
        .set((seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
}

/// Replaces the next message.
pub fn replace_next(message: &[u8]) {
    STATE.next.set(Some(Context::top().copy_bytes(message)));
}

/// The message to send instead of this one, if it is another.
pub fn corrupt<'a>(header: &[u8], payload: &[u8]) -> Option<&'a [u8]> {
    if let Some(message) = STATE.next.take() {
        return Some(message);
    }
    if STATE.seed.get() == 0 {
        return None;
    }
    let length = header.len() + payload.len();
    let place = Context::current().alloc(length + 8);
    // SAFETY: room for that many bytes was made, for nobody else.
    let bytes = unsafe {
        place.write_bytes(0, length + 8);
        core::slice::from_raw_parts_mut(place.as_ptr(), length + 8)
    };
    for (to, from) in bytes.iter_mut().zip(header.iter().chain(payload)) {
        *to = *from;
    }
    Some(harm(bytes, length))
}

/// xorshift64*, so that a seed tells the whole run.
fn random(below: usize) -> usize {
    let mut x = STATE.seed.get();
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    STATE.seed.set(x);
    (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below.max(1)
}

/// Changes up to four places, mostly near the start, where lengths and counts are; sometimes the length as well.
fn harm(bytes: &mut [u8], length: usize) -> &[u8] {
    // Two in three go as they are, so that later ones are met as well.
    for _ in 0..[0, 0, 1 + random(4)][random(3)] {
        let reach = if random(2) == 0 {
            length.min(64)
        } else {
            length
        };
        let at = random(reach);
        let extreme = [0, 0xFF, 0x7F, 0x80, 1][random(5)];
        match random(3) {
            0 => bytes[at] ^= 1 << random(8),
            1 => bytes[at] = extreme,
            _ => bytes
                .iter_mut()
                .skip(at & !3)
                .take(4)
                .for_each(|byte| *byte = extreme),
        }
    }
    let length = match random(24) {
        0 => random(length + 1),
        1 => length + random(9),
        _ => length,
    };
    &bytes[..length]
}
