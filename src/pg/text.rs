//! lib/stringinfo.h and C strings: text in the database encoding, which need not be UTF-8.

use super::memory::Context;
use crate::pg_sys as sys;
use core::ffi::{CStr, c_char, c_int};
use core::fmt;
use core::ptr::NonNull;

/// A NUL-terminated string in the database encoding.
///
/// # Invariants
/// Points to a NUL-terminated string that is alive: static, or in a memory context that outlives every copy.
#[derive(Clone, Copy)]
pub struct Str(NonNull<c_char>);

impl Str {
    /// A constant.
    pub const fn from_static(text: &'static CStr) -> Self {
        // SAFETY: a reference is never NULL.
        Self(unsafe { NonNull::new_unchecked(text.as_ptr().cast_mut()) })
    }

    /// # Safety
    /// Either NULL, which gives None, or as the type's invariant says.
    pub unsafe fn from_ptr(text: *const c_char) -> Option<Self> {
        NonNull::new(text.cast_mut()).map(Self)
    }

    /// # Safety
    /// As the type's invariant says.
    pub unsafe fn from_cstr(text: &CStr) -> Self {
        Self(NonNull::from(text).cast())
    }

    /// # Safety
    /// As the type's invariant says.
    pub const unsafe fn from_nonnull(text: NonNull<c_char>) -> Self {
        Self(text)
    }

    /// For C, which must not write to it.
    pub fn as_ptr(self) -> *const c_char {
        self.0.as_ptr()
    }

    /// The bytes before the NUL.
    pub fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: by the type's invariant; the lifetime is the caller's to keep.
        unsafe { CStr::from_ptr(self.0.as_ptr()) }.to_bytes()
    }

    /// quote_identifier: as an identifier is written in SQL, in the current memory context.
    pub fn quoted(self) -> Self {
        // SAFETY: by the type's invariant; the result is the text itself or a palloc'd one.
        unsafe { Self::from_ptr(sys::quote_identifier(self.as_ptr())).unwrap_or(self) }
    }

    /// The bytes and the NUL.
    pub fn bytes_with_nul<'a>(self) -> &'a [u8] {
        // SAFETY: by the type's invariant; the lifetime is the caller's to keep.
        unsafe { CStr::from_ptr(self.0.as_ptr()) }.to_bytes_with_nul()
    }
}

/// Where bytes over 0x7F of another encoding than UTF-8 hide on their way through core::fmt, which takes UTF-8 alone: they
/// become characters of a private plane, and `Text` turns those back. All other text of ours is ASCII.
const DISGUISE: u32 = 0xF_0000;

/// The database's encoding.
pub fn database_encoding() -> c_int {
    // SAFETY: set when the session connected.
    unsafe { sys::GetDatabaseEncoding() }
}

fn database_is_utf8() -> bool {
    database_encoding() == sys::PG_UTF8 as c_int
}

/// For messages. Loses nothing when written to a `Text`.
impl fmt::Display for Str {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        if database_is_utf8() {
            for chunk in self.bytes().utf8_chunks() {
                out.write_str(chunk.valid())?;
                for _ in chunk.invalid() {
                    out.write_char('?')?;
                }
            }
            return Ok(());
        }
        for byte in self.bytes() {
            let disguised = char::from_u32(DISGUISE + u32::from(*byte)).unwrap_or('?');
            out.write_char(if byte.is_ascii() {
                char::from(*byte)
            } else {
                disguised
            })?;
        }
        Ok(())
    }
}

/// A text that grows in the memory context that was current when it was made.
pub struct Text(sys::StringInfoData);

impl Text {
    /// An empty one.
    pub fn new() -> Self {
        // SAFETY: zero is a value of each field; initStringInfo sets them all.
        unsafe {
            let mut data: sys::StringInfoData = core::mem::zeroed();
            sys::initStringInfo(&raw mut data);
            Self(data)
        }
    }

    /// What `text` says.
    pub fn format(text: fmt::Arguments<'_>) -> Self {
        let mut new = Self::new();
        // Writing to a Text fails by ereport alone.
        let _ = fmt::Write::write_fmt(&mut new, text);
        new
    }

    /// Adds bytes in the database encoding; the caller sees that there is no NUL among them.
    pub fn push(&mut self, bytes: &[u8]) {
        // SAFETY: the StringInfo was initialised by `new`; lengths over 1 GB are refused by enlargeStringInfo, and
        // c_int holds what is less.
        unsafe {
            sys::appendBinaryStringInfo(
                &raw mut self.0,
                bytes.as_ptr().cast(),
                c_int::try_from(bytes.len()).unwrap_or(c_int::MAX),
            );
        }
    }

    /// Adds a text between quotation marks, as JSON has it, in one line whatever it is: in the database's encoding no byte of
    /// a longer character is ASCII.
    pub fn push_quoted(&mut self, text: &[u8]) {
        self.push(b"\"");
        for byte in text {
            match byte {
                b'"' | b'\\' => self.push(&[b'\\', *byte]),
                0..=31 | 127 => {
                    // Writing to a Text fails by ereport alone.
                    let _ = fmt::Write::write_fmt(self, format_args!("\\u{byte:04x}"));
                }
                _ => self.push(&[*byte]),
            }
        }
        self.push(b"\"");
    }

    /// What it holds so far.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: data points to len initialised bytes.
        unsafe { core::slice::from_raw_parts(self.0.data.cast::<u8>(), self.0.len as usize) }
    }

    /// The string, in the memory context it was made in.
    pub fn into_str(self) -> Str {
        // SAFETY: a StringInfo is always NUL-terminated and never NULL.
        unsafe { Str(NonNull::new_unchecked(self.0.data)) }
    }

    /// The same for C, which owns it from here on.
    pub fn into_ptr(self) -> *mut c_char {
        self.0.data
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.is_ascii() || database_is_utf8() {
            // A NUL would end the string for C.
            for part in text.split('\0') {
                self.push(part.as_bytes());
            }
            return Ok(());
        }
        for character in text.chars().filter(|c| *c != '\0') {
            let byte = u32::from(character).checked_sub(DISGUISE);
            match byte.and_then(|byte| u8::try_from(byte).ok()) {
                Some(byte) => self.push(&[byte]),
                None => self.push(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Ok(())
    }
}

/// A palloc'd string from format arguments, in the current memory context.
pub fn format(text: fmt::Arguments<'_>) -> Str {
    Text::format(text).into_str()
}

impl Context {
    /// A NUL-terminated copy of `bytes` up to its first NUL.
    pub fn copy_string(self, bytes: &[u8]) -> Str {
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        let place = self.alloc(end + 1).as_ptr();
        // SAFETY: `end + 1` bytes are ours; the last one becomes the terminator.
        unsafe {
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), place, end);
            place.add(end).write(0);
            Str(NonNull::new_unchecked(place.cast::<c_char>()))
        }
    }
}

/// A text Datum as a string in the current memory context, whichever way it is stored.
///
/// # Safety
/// `datum` is a non-null value of type text.
pub unsafe fn text_to_str(datum: sys::Datum) -> Str {
    // SAFETY: the caller's promise.
    Context::current().copy_string(unsafe { varlena_bytes(datum) })
}

/// What is in a text or bytea Datum, whichever way it is stored: where it lies, or in the current memory context.
///
/// # Safety
/// `datum` is a non-null value of such a type.
pub unsafe fn varlena_bytes<'a>(datum: sys::Datum) -> &'a [u8] {
    // SAFETY: the caller's promise; pg_detoast_datum_packed leaves short headers, which the shim's macros read.
    unsafe {
        let value = sys::pg_detoast_datum_packed(datum as *mut sys::varlena);
        core::slice::from_raw_parts(
            sys::pgbg_vardata_any(value).cast::<u8>(),
            sys::pgbg_varsize_any_exhdr(value),
        )
    }
}

/// A copy of a string in `context`.
pub fn copy_into(context: Context, text: Str) -> Str {
    context.copy_string(text.bytes())
}
