//! Where output waits that nobody reads in time: a file for each job, in a directory of the session's own.
//!
//! The files belong to no transaction: a job and its unread rows outlive many. So nothing of PostgreSQL's that is closed
//! with one will do, and whoever opens a file to read it closes it before anything else happens. The directory's name is
//! one that PostgreSQL removes when it starts after a crash.

use crate::channel::wire::Malformed;
use crate::channel::wire::frame::{FRAME_MAX, InFile, LENGTH_LEN, first_in_file, length_in_file};
use crate::pg::error::{Report, catch, code};
use crate::pg::file::PATH_LIMIT;
use crate::pg::file::{self, Doing, Errno, File, Mode};
use crate::pg::memory::{Context, free};
use crate::pg::text::Str;
use core::ffi::c_char;
use core::fmt::{self, Write};
use core::ptr::NonNull;

/// Bytes read at a time.
const READ: usize = 128 * 1024;

/// No limit for a file.
pub const UNLIMITED: u64 = u64::MAX;

/// A path, without memory of PostgreSQL's, so that it can be had anywhere.
struct Path {
    bytes: [u8; PATH_LIMIT],
    length: usize,
}

impl Path {
    /// The directory of temporary files.
    fn above() -> Self {
        let mut bytes = [0; PATH_LIMIT];
        let length = file::temporary_directory(&mut bytes).bytes().len();
        Self { bytes, length }
    }

    /// A session's directory.
    fn directory(session: i32) -> Self {
        let mut path = Self::above();
        // PG_TEMP_FILE_PREFIX, and the process like in the names of other temporary files.
        let _ = write!(path, "/pgsql_tmp{session}.pgbg");
        path
    }

    /// A job's file.
    fn file(name: Name) -> Self {
        let mut path = Self::directory(name.session);
        let _ = write!(path, "/{:x}", name.number);
        path
    }

    /// For C, as long as this lives.
    fn as_str(&self) -> Str {
        // SAFETY: bytes behind `length` are NULs, of which there is one at least; alive as long as `self`, which the
        // callers, all in this file, see to.
        unsafe { Str::from_nonnull(NonNull::from(&self.bytes).cast::<c_char>()) }
    }
}

impl Write for Path {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        // One byte is left for the NUL.
        if end >= self.bytes.len() {
            return Err(fmt::Error);
        }
        for (to, from) in self.bytes.iter_mut().skip(self.length).zip(text.bytes()) {
            *to = from;
        }
        self.length = end;
        Ok(())
    }
}

/// Which file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// The process id of the session that launched the job.
    pub session: i32,
    pub number: u64,
}

impl Name {
    /// Removes the file, if it is there. Raises nothing.
    pub fn remove(self) {
        file::remove(Path::file(self).as_str());
    }
}

/// Removes a session's directory with all that is in it. Raises nothing.
pub fn remove_all(session: i32) {
    file::remove_directory(Path::directory(session).as_str());
}

/// Why something cannot be written to a file, or read from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Failed(Doing, Errno),
    /// temp_file_limit.
    Limit,
    /// What is in it makes no sense.
    Malformed(Malformed),
}

impl Trouble {
    /// Raises it, with a HINT of the caller's.
    pub fn raise(self, name: Name, hint: Option<Str>) -> ! {
        match self {
            Self::Failed(doing, errno) => errno.raise(doing, Path::file(name).as_str(), hint),
            Self::Limit => {
                let limit = file::temporary_file_limit().unwrap_or(0) / 1024;
                let report = Report::error(code::CONFIGURATION_LIMIT_EXCEEDED).message(
                    format_args!("temporary file size exceeds temp_file_limit ({limit}kB)"),
                );
                match hint {
                    Some(hint) => report.hint(format_args!("{hint}")).raise(),
                    None => report.raise(),
                }
            }
            Self::Malformed(malformed) => Report::error(code::PROTOCOL_VIOLATION)
                .message(format_args!("malformed message from background worker"))
                .detail(format_args!("{malformed}"))
                .raise(),
        }
    }
}

/// A file that is being written.
#[derive(Clone, Copy)]
pub struct Output {
    file: File,
    /// Bytes of whole frames in it.
    length: u64,
    limit: u64,
}

impl Output {
    /// Makes the file, and the directory where it is not there yet. May raise.
    pub fn create(name: Name, limit: u64) -> Result<Self, Trouble> {
        let path = Path::file(name);
        let file = File::open(path.as_str(), Mode::Create).or_else(|_| {
            file::make_directory(
                Path::above().as_str(),
                Path::directory(name.session).as_str(),
            );
            File::open(path.as_str(), Mode::Create)
        });
        Self::opened(file, 0, limit)
    }

    /// Opens one of that length, to write more.
    pub fn reopen(name: Name, length: u64, limit: u64) -> Result<Self, Trouble> {
        Self::opened(
            File::open(Path::file(name).as_str(), Mode::Write),
            length,
            limit,
        )
    }

    fn opened(file: Result<File, Errno>, length: u64, limit: u64) -> Result<Self, Trouble> {
        match file {
            Ok(file) => Ok(Self {
                file,
                length,
                limit,
            }),
            Err(errno) => Err(Trouble::Failed(Doing::Open, errno)),
        }
    }

    /// Bytes that were written.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds a frame, all of it or none. Raises nothing.
    pub fn append<const N: usize>(&mut self, parts: [&[u8]; N]) -> Result<(), Trouble> {
        let mut record = [0; length_in_file(FRAME_MAX)];
        let frame: usize = parts.iter().map(|part| part.len()).sum();
        let taken = length_in_file(frame);
        let Some(record) = record.get_mut(..taken) else {
            return Err(Trouble::Malformed(Malformed::FrameLong));
        };
        if self.length.saturating_add(taken as u64) > self.limit {
            return Err(Trouble::Limit);
        }
        let (head, mut rest) = record.split_at_mut(LENGTH_LEN);
        head.copy_from_slice(&(frame as u64).to_ne_bytes());
        for part in parts {
            let (to, behind) = rest.split_at_mut(part.len());
            to.copy_from_slice(part);
            rest = behind;
        }
        self.file
            .write(record, self.length)
            .map_err(|errno| Trouble::Failed(Doing::Write, errno))?;
        self.length += taken as u64;
        Ok(())
    }

    /// Closes it.
    pub fn close(self) {
        self.file.close();
    }
}

/// Reads the frames from one place of a file to another. `each` is given a frame and where the next one begins, and says
/// whether to go on. Whatever happens, the file is closed afterwards.
pub fn read(
    name: Name,
    from: u64,
    to: u64,
    each: impl FnMut(&[u8], u64) -> Result<bool, Malformed>,
) -> Result<(), Trouble> {
    let buffer = Context::current().alloc(READ);
    let opened = File::open(Path::file(name).as_str(), Mode::Read);
    let result = match opened {
        Err(errno) => Ok(Err(Trouble::Failed(Doing::Open, errno))),
        Ok(file) => {
            // SAFETY: as large as allocated, for nobody else, and written before it is read.
            let bytes = unsafe {
                buffer.write_bytes(0, READ);
                core::slice::from_raw_parts_mut(buffer.as_ptr(), READ)
            };
            let result = catch(|| read_frames(file, bytes, from, to, each));
            file.close();
            result
        }
    };
    // SAFETY: allocated above; frames of it were given to nobody for longer.
    unsafe { free(buffer) };
    result.unwrap_or_else(|caught| caught.rethrow())
}

fn read_frames(
    file: File,
    buffer: &mut [u8],
    from: u64,
    to: u64,
    mut each: impl FnMut(&[u8], u64) -> Result<bool, Malformed>,
) -> Result<(), Trouble> {
    let mut at = from;
    while at < to {
        let length = usize::try_from(to - at).map_or(buffer.len(), |left| left.min(buffer.len()));
        let filled = file
            .read(buffer.get_mut(..length).unwrap_or(&mut []), at)
            .map_err(|errno| Trouble::Failed(Doing::Read, errno))?;
        let mut rest = buffer.get(..filled).unwrap_or(&[]);
        let start = at;
        while let InFile::Frame(frame, taken) = first_in_file(rest).map_err(Trouble::Malformed)? {
            at += taken as u64;
            rest = rest.get(taken..).unwrap_or(&[]);
            if !each(frame, at).map_err(Trouble::Malformed)? {
                return Ok(());
            }
        }
        if at == start {
            return Err(Trouble::Malformed(Malformed::FileShort));
        }
    }
    Ok(())
}
