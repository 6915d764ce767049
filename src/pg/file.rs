//! storage/fd.h: files that no transaction closes, and directories for them.

use super::text::Str;
use crate::pg_sys as sys;
use core::ffi::{c_char, c_int};

/// Bytes that a path may have, its NUL included.
pub const PATH_LIMIT: usize = sys::MAXPGPATH as usize;

/// An open file.
///
/// # Invariants
/// The number of a file that is open. It belongs to no transaction and no resource owner; whoever closes it forgets every
/// copy.
#[derive(Clone, Copy)]
pub struct File(sys::File);

/// How to open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Read,
    Write,
    /// To write, emptied, made if it is not there.
    Create,
}

/// errno.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(c_int);

impl Errno {
    fn last() -> Self {
        // SAFETY: this thread's own errno.
        Self(unsafe { sys::pgbg_errno() })
    }

    /// Raises it as PostgreSQL does for files: 53100 for a full disk, 58030 for a broken one, ...
    pub fn raise(self, what: Doing, path: Str, hint: Option<Str>) -> ! {
        let format = match what {
            Doing::Open => c"could not open temporary file \"%s\": %m",
            Doing::Write => c"could not write to temporary file \"%s\": %m",
            Doing::Read => c"could not read temporary file \"%s\": %m",
        };
        let hint = hint.map_or(core::ptr::null(), Str::as_ptr);
        // SAFETY: the strings are NUL-terminated, and each format takes one string and errno.
        unsafe { sys::pgbg_raise_file_error(self.0, format.as_ptr(), path.as_ptr(), hint) }
    }
}

/// What was tried with a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    Open,
    Write,
    Read,
}

impl File {
    /// Opens a file. May raise for want of memory alone.
    pub fn open(path: Str, mode: Mode) -> Result<Self, Errno> {
        let flags = match mode {
            Mode::Read => libc::O_RDONLY,
            Mode::Write => libc::O_WRONLY,
            Mode::Create => libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
        };
        // SAFETY: a NUL-terminated path, which is copied.
        let file = unsafe { sys::PathNameOpenFile(path.as_ptr(), flags) };
        if file < 0 {
            Err(Errno::last())
        } else {
            Ok(Self(file))
        }
    }

    /// Writes all of `bytes` there. Raises nothing. After an error, some may be written.
    pub fn write(self, bytes: &[u8], offset: u64) -> Result<(), Errno> {
        // SAFETY: by the type's invariant; the bytes are as many as stated.
        let written = unsafe {
            sys::pgbg_file_write(
                self.0,
                bytes.as_ptr().cast::<c_char>(),
                bytes.len(),
                offset as i64,
            )
        };
        if usize::try_from(written) == Ok(bytes.len()) {
            Ok(())
        } else {
            Err(Errno::last())
        }
    }

    /// Reads up to as many bytes as `buffer` has; fewer only at the end of the file.
    pub fn read(self, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..) {
            if rest.is_empty() {
                break;
            }
            let at = offset.saturating_add(filled as u64);
            // SAFETY: by the type's invariant; the room is as large as stated.
            let read = unsafe {
                sys::pgbg_file_read(
                    self.0,
                    rest.as_mut_ptr().cast::<c_char>(),
                    rest.len(),
                    at as i64,
                )
            };
            match usize::try_from(read) {
                Ok(0) => break,
                Ok(read) => filled += read.min(rest.len()),
                Err(_) => return Err(Errno::last()),
            }
        }
        Ok(filled)
    }

    /// Closes it.
    pub fn close(self) {
        // SAFETY: by the type's invariant.
        unsafe { sys::FileClose(self.0) }
    }
}

/// Removes a file and counts it as the temporary file that it was. Nothing is raised; no file is no trouble.
pub fn remove(path: Str) {
    // SAFETY: a NUL-terminated path.
    unsafe { sys::PathNameDeleteTemporaryFile(path.as_ptr(), false) };
}

/// The directory for temporary files in the database's own tablespace.
pub fn temporary_directory(buffer: &mut [u8; PATH_LIMIT]) -> Str {
    // SAFETY: TempTablespacePath writes a NUL-terminated path into MAXPGPATH bytes. The string is the caller's buffer.
    unsafe {
        let path = buffer.as_mut_ptr().cast::<c_char>();
        sys::TempTablespacePath(path, sys::MyDatabaseTableSpace);
        Str::from_nonnull(core::ptr::NonNull::new_unchecked(path))
    }
}

/// Makes a directory, and the one above it, where they are not there. Raises what mkdir raises.
pub fn make_directory(above: Str, path: Str) {
    // SAFETY: NUL-terminated paths.
    unsafe { sys::PathNameCreateTemporaryDir(above.as_ptr(), path.as_ptr()) }
}

/// Removes a directory with the files in it, if it is there. What cannot be removed is logged.
pub fn remove_directory(path: Str) {
    // SAFETY: a NUL-terminated path.
    unsafe { sys::PathNameDeleteTemporaryDir(path.as_ptr()) }
}

/// temp_file_limit in bytes; None for no limit.
pub fn temporary_file_limit() -> Option<u64> {
    // SAFETY: a setting of this process.
    let kilobytes = unsafe { sys::temp_file_limit };
    u64::try_from(kilobytes).ok().map(|limit| limit * 1024)
}

/// work_mem in bytes.
pub fn work_memory() -> usize {
    // SAFETY: a setting of this process.
    let kilobytes = unsafe { sys::work_mem };
    usize::try_from(kilobytes).unwrap_or(0).saturating_mul(1024)
}
