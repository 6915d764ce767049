//! A Rust panic as a PostgreSQL error.

use super::error::{Report, code};
use core::ffi::CStr;
use core::fmt;

/// Turns a panic into ERROR XX000. Nothing may be on the way that unwinding or dropping would have to undo.
pub fn raise(info: &core::panic::PanicInfo<'_>) -> ! {
    let mut text = PanicText {
        buffer: [0; 512],
        length: 0,
    };
    let _ = fmt::Write::write_fmt(&mut text, format_args!("{}", info.message()));
    if let Some(place) = info.location() {
        let _ = fmt::Write::write_fmt(
            &mut text,
            format_args!(" at {}:{}", place.file(), place.line()),
        );
    }
    let message = CStr::from_bytes_until_nul(&text.buffer).unwrap_or(c"panic");
    Report::error(code::INTERNAL_ERROR)
        .message_at(message)
        .detail(format_args!(
            "This is a bug in pg_background; please report it."
        ))
        .raise()
}

/// A fixed buffer, always NUL-terminated, that takes ASCII only: a panic's text may hold bytes of any encoding, and
/// memory may be what is wanting.
struct PanicText {
    buffer: [u8; 512],
    length: usize,
}

impl fmt::Write for PanicText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // The last byte stays NUL.
            let room = self.buffer.len() - 1;
            if let Some(free) = self.buffer[..room].get_mut(self.length) {
                *free = if (0x20..0x7F).contains(&byte) {
                    byte
                } else {
                    b'?'
                };
                self.length += 1;
            }
        }
        Ok(())
    }
}
