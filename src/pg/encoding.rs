//! mb/pg_wchar.h: encodings.

use super::error::catch;
use super::memory::Context;
use super::text::Str;
use crate::pg_sys as sys;
use core::ffi::c_int;

pub use super::text::database_encoding as database;

/// The client encoding in force.
pub fn client() -> c_int {
    // SAFETY: reads this process's state.
    unsafe { sys::pg_get_client_encoding() }
}

/// Makes the client encoding the database's, whatever was restored.
pub fn use_database_encoding_for_client() {
    // SAFETY: a name of the server's; PGC_S_SESSION is what SET would use.
    unsafe {
        sys::SetConfigOption(
            c"client_encoding".as_ptr(),
            sys::GetDatabaseEncodingName(),
            sys::PGC_USERSET,
            sys::PGC_S_SESSION,
        );
    }
}

/// A copy in `context` in the database encoding of text that another process says is in `encoding`. What cannot be
/// understood becomes question marks; nothing is raised but want of memory.
pub fn to_database(context: Context, bytes: &[u8], encoding: c_int) -> Str {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let bytes = &bytes[..end];
    let length = c_int::try_from(bytes.len()).unwrap_or(0);
    // SAFETY: the functions read `length` bytes and are asked not to raise; the encoding is checked first.
    let understood = unsafe {
        sys::pgbg_valid_encoding(encoding)
            && sys::pg_verify_mbstr(encoding, bytes.as_ptr().cast(), length, true)
    };
    if understood && encoding == database() {
        return context.copy_string(bytes);
    }
    if understood {
        // SAFETY: verified above. The result is the argument itself or a palloc'd string.
        let convert = || unsafe { sys::pg_any_to_server(bytes.as_ptr().cast(), length, encoding) };
        match catch(convert) {
            Ok(converted) if converted.cast_const().cast() == bytes.as_ptr() => {
                return context.copy_string(bytes);
            }
            Ok(converted) => {
                // SAFETY: a conversion's result is NUL-terminated.
                if let Some(text) = unsafe { Str::from_ptr(converted) } {
                    return context.copy_string(text.bytes());
                }
            }
            // Untranslatable: question marks below.
            Err(_) => {}
        }
    }
    let text = context.copy_string(bytes);
    // SAFETY: our own copy, written within its length.
    let copy = unsafe {
        core::slice::from_raw_parts_mut(text.as_ptr().cast_mut().cast::<u8>(), bytes.len())
    };
    for byte in copy.iter_mut().filter(|byte| !byte.is_ascii()) {
        *byte = b'?';
    }
    text
}

/// The length in bytes of the character that `bytes` starts with, in the database encoding.
pub fn character_length(bytes: &[u8]) -> usize {
    let Some(_) = bytes.first() else { return 1 };
    // SAFETY: every encoding tells the length by its first byte or two; GB18030 looks at the second, which a text that
    // ends after the first does not have, but the terminator is there to read.
    let length = unsafe { sys::pg_encoding_mblen(database(), bytes.as_ptr().cast()) };
    usize::try_from(length).unwrap_or(1).max(1)
}

/// The same in another encoding.
pub fn character_length_in(encoding: c_int, bytes: &[u8]) -> usize {
    let Some(_) = bytes.first() else { return 1 };
    // SAFETY: as in `character_length`.
    let length = unsafe { sys::pg_encoding_mblen(encoding, bytes.as_ptr().cast()) };
    usize::try_from(length).unwrap_or(1).max(1)
}
