//! port.h: random numbers that nobody can guess.

use super::error::{Report, code};
use crate::pg_sys as sys;
use core::cell::Cell;

/// Cookies made at a time: asking for random bytes may cost several system calls.
const BATCH: usize = 64;

/// Up to here every integer is a double.
const EXACT_IN_DOUBLE: i64 = 1 << f64::MANTISSA_DIGITS;

/// Random numbers, each handed out once.
pub struct Cookies {
    numbers: Cell<[i64; BATCH]>,
    left: Cell<usize>,
}

impl Cookies {
    /// None made yet.
    pub const fn new() -> Self {
        Self {
            numbers: Cell::new([0; BATCH]),
            left: Cell::new(0),
        }
    }

    /// A number for a handle: positive, and below 2^53, so that it stays what it is in JSON and JavaScript, whose numbers
    /// are doubles.
    pub fn next(&self) -> i64 {
        loop {
            if self.left.get() == 0 {
                self.refill();
            }
            let left = self.left.get() - 1;
            self.left.set(left);
            let cookie = self.numbers.get()[left] & (EXACT_IN_DOUBLE - 1);
            if cookie != 0 {
                return cookie;
            }
        }
    }

    fn refill(&self) {
        let mut numbers = [0_i64; BATCH];
        // SAFETY: writes as many bytes as the array has.
        if !unsafe { sys::pg_strong_random(numbers.as_mut_ptr().cast(), size_of_val(&numbers)) } {
            Report::error(code::INTERNAL_ERROR)
                .message(format_args!("could not generate random values"))
                .raise();
        }
        self.numbers.set(numbers);
        self.left.set(BATCH);
    }
}

/// What only the processes of this server know: the secret that answers for roles that do not exist.
pub fn server_secret() -> [u64; 2] {
    // SAFETY: 32 bytes in shared memory, never changed while the server runs.
    unsafe {
        sys::GetMockAuthenticationNonce()
            .cast::<[u64; 2]>()
            .read_unaligned()
    }
}
