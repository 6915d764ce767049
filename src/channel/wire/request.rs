//! The request, from a launcher to its worker: one `shm_mq` message that says what to run, and as
//! whom.
//!
//! A fixed part of [`FIXED_LEN`] bytes is followed by eight sections, each starting at a multiple of
//! 8 bytes, with zero bytes between:
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | magic u32 | the bytes `pgbR` |
//! | 4 | version u32 | [`VERSION`]; what is added one day raises it |
//! | 8 | cookie i64 | of the job's handle; 0 for a v1 job |
//! | 16 | flags u32 | bit 0: discard all output, bit 1: read only; the others are zero |
//! | 20 | session user u32 | OID, never 0 |
//! | 24 | session user is superuser u32 | 0 or 1 |
//! | 28 | role u32 | OID as set by SET ROLE; 0 for none |
//! | 32 | role is superuser u32 | 0 or 1 |
//! | 36 | current user u32 | OID, never 0 |
//! | 40 | security context i32 | `SECURITY_*` bits of `miscadmin.h` |
//! | 44 | worker time-out i32 | milliseconds, 0 for none, never negative |
//! | 48 | file u64 | the number of the file in which output goes that nobody reads in time |
//! | 56 | file limit u64 | bytes that it may have; all ones for no limit |
//! | 64 | lengths u64 x 8 | of the sections, in bytes, without padding |
//! | 128 | libraries | from `SerializeLibraryState`; empty means as before |
//! | | settings | from `SerializeGUCState`, and reset values (`settings`); empty means as before |
//! | | label | with its NUL; empty means none |
//! | | parameters | of the statements, see [`parameters`](super::parameters); empty means none |
//! | | expected | of the rows, see [`expected`](super::expected); empty means that it will be seen when they are read |
//! | | snapshot | identifier of an exported one, with its NUL; empty means that the job takes its own |
//! | | channel | to notify when the outcome is final, with its NUL; empty means none |
//! | | SQL | with its NUL; nothing follows |
//!
//! All integers are native-endian. Texts are in the database's encoding. Both processes are of one
//! server build, so that the insides of the libraries and settings are PostgreSQL's own; yet
//! `RestoreLibraryState` reads until an empty string and `RestoreGUCState` as far as a length word
//! says, hence both are bounded here.

#![forbid(unsafe_code)]

use core::ffi::CStr;

use super::Malformed;
#[cfg(any(test, fuzzing))]
use super::bytes::align8;
use super::bytes::{i32_at, i64_at, u32_at, u64_at};
use super::expected::Expected;
use super::parameters::Parameters;
pub use super::section::padding;
use super::section::{section, skip_padding, text};
use super::settings;

/// The first four bytes of a request.
pub const MAGIC: u32 = u32::from_ne_bytes(*b"pgbR");

/// The version of this layout.
pub const VERSION: u32 = 3;

/// Bytes of the fixed part.
pub const FIXED_LEN: usize = 128;

/// Byte offsets in the fixed part.
mod at {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 4;
    pub const COOKIE: usize = 8;
    pub const FLAGS: usize = 16;
    pub const SESSION_USER: usize = 20;
    pub const SESSION_USER_IS_SUPERUSER: usize = 24;
    pub const ROLE: usize = 28;
    pub const ROLE_IS_SUPERUSER: usize = 32;
    pub const CURRENT_USER: usize = 36;
    pub const SEC_CONTEXT: usize = 40;
    pub const WORKER_TIMEOUT: usize = 44;
    pub const FILE: usize = 48;
    pub const FILE_LIMIT: usize = 56;
    /// Of the sections, in their order.
    pub const LENGTHS: [usize; 8] = [64, 72, 80, 88, 96, 104, 112, 120];
}

const FLAG_DISCARD_OUTPUT: u32 = 1 << 0;
const FLAG_READ_ONLY: u32 = 1 << 1;

/// A role as the launcher saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Its OID.
    pub oid: u32,
    /// Whether it was a superuser then.
    pub is_superuser: bool,
}

/// One job for a worker, borrowing the sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Cookie of the job's handle; 0 for a v1 job.
    pub cookie: i64,
    /// Neither rows nor messages are wanted: the job was submitted.
    pub discard_output: bool,
    /// The caller was read-only, so the job is.
    pub read_only: bool,
    /// The authenticated or SET SESSION AUTHORIZATION user; its OID is never 0 in a decoded
    /// request.
    pub session_user: User,
    /// The role of SET ROLE; OID 0 for none.
    pub role: User,
    /// OID of the user whose rights the job has; never 0 in a decoded request.
    pub current_user: u32,
    /// `SECURITY_*` bits that go with the current user.
    pub sec_context: i32,
    /// Milliseconds that the whole job may take, 0 for no limit; never negative in a decoded
    /// request.
    pub worker_timeout_ms: i32,
    /// The number of the file for output that nobody reads in time.
    pub file: u64,
    /// Bytes that it may have.
    pub file_limit: u64,
    /// What `SerializeLibraryState` wrote; empty to leave the worker as it is.
    pub library_state: &'a [u8],
    /// What `SerializeGUCState` wrote, and the reset values, for [`settings::reset_values`]; empty to
    /// leave the worker as it is.
    pub guc_state: &'a [u8],
    /// The label, in the database's encoding.
    pub label: Option<&'a CStr>,
    /// What `$1` and so on stand for in the SQL.
    pub parameters: Parameters<'a>,
    /// What the caller makes of the rows.
    pub expected: Expected<'a>,
    /// The job sees what this exported snapshot sees.
    pub snapshot: Option<&'a CStr>,
    /// Whom to notify when the outcome is final, in the database's encoding.
    pub channel: Option<&'a CStr>,
    /// The SQL, in the database's encoding.
    pub sql: &'a CStr,
}

impl<'a> Request<'a> {
    /// The sections in their order, as they travel.
    #[must_use]
    pub fn sections(&self) -> [&'a [u8]; 8] {
        let text = |text: Option<&'a CStr>| text.map_or(&[][..], CStr::to_bytes_with_nul);
        [
            self.library_state,
            self.guc_state,
            text(self.label),
            self.parameters.section(),
            self.expected.section(),
            text(self.snapshot),
            text(self.channel),
            self.sql.to_bytes_with_nul(),
        ]
    }

    /// The fixed part; what the sections must be is the caller's duty.
    #[must_use]
    pub fn encode_fixed(&self) -> [u8; FIXED_LEN] {
        let mut flags = 0;
        if self.discard_output {
            flags |= FLAG_DISCARD_OUTPUT;
        }
        if self.read_only {
            flags |= FLAG_READ_ONLY;
        }
        let mut fixed = [0; FIXED_LEN];
        let mut u32 = |at, value: u32| put(&mut fixed, at, value.to_ne_bytes());
        u32(at::MAGIC, MAGIC);
        u32(at::VERSION, VERSION);
        u32(at::FLAGS, flags);
        u32(at::SESSION_USER, self.session_user.oid);
        u32(
            at::SESSION_USER_IS_SUPERUSER,
            self.session_user.is_superuser.into(),
        );
        u32(at::ROLE, self.role.oid);
        u32(at::ROLE_IS_SUPERUSER, self.role.is_superuser.into());
        u32(at::CURRENT_USER, self.current_user);
        let mut i32 = |at, value: i32| put(&mut fixed, at, value.to_ne_bytes());
        i32(at::SEC_CONTEXT, self.sec_context);
        i32(at::WORKER_TIMEOUT, self.worker_timeout_ms);
        put(&mut fixed, at::COOKIE, self.cookie.to_ne_bytes());
        put(&mut fixed, at::FILE, self.file.to_ne_bytes());
        put(&mut fixed, at::FILE_LIMIT, self.file_limit.to_ne_bytes());
        for (at, section) in at::LENGTHS.into_iter().zip(self.sections()) {
            put(&mut fixed, at, (section.len() as u64).to_ne_bytes());
        }
        fixed
    }

    /// Everything that makes up the message, in order, for `shm_mq_sendv`; `fixed` is what
    /// `encode_fixed` returned.
    #[must_use]
    pub fn parts<'b>(&self, fixed: &'b [u8; FIXED_LEN]) -> [&'b [u8]; 16]
    where
        'a: 'b,
    {
        let mut parts: [&'b [u8]; 16] = [&[]; 16];
        let mut before: &'b [u8] = fixed;
        for (place, section) in parts.chunks_exact_mut(2).zip(self.sections()) {
            place.copy_from_slice(&[before, section]);
            before = padding(section.len());
        }
        parts
    }

    /// Bytes of the whole message, the sum of its parts.
    ///
    /// Saturates where no such message can exist; `shm_mq_sendv` refuses it long before.
    #[cfg(any(test, fuzzing))]
    #[must_use]
    pub fn total_len(&self) -> usize {
        let [padded @ .., sql] = self.sections();
        padded
            .iter()
            .fold(FIXED_LEN, |sum, section| {
                sum.saturating_add(align8(section.len()))
            })
            .saturating_add(sql.len())
    }

    /// Reads a request from one whole `shm_mq` message, from which it borrows.
    ///
    /// # Errors
    ///
    /// The message is malformed. [`Malformed::RequestMagic`] and [`Malformed::RequestVersion`] say
    /// that the launcher has another version of this library loaded.
    pub fn decode(message: &'a [u8]) -> Result<Self, Malformed> {
        let (fixed, mut rest) = message
            .split_first_chunk::<FIXED_LEN>()
            .ok_or(Malformed::RequestShort)?;
        if u32_field(fixed, at::MAGIC)? != MAGIC {
            return Err(Malformed::RequestMagic);
        }
        if u32_field(fixed, at::VERSION)? != VERSION {
            return Err(Malformed::RequestVersion);
        }
        let flags = u32_field(fixed, at::FLAGS)?;
        if flags & !(FLAG_DISCARD_OUTPUT | FLAG_READ_ONLY) != 0 {
            return Err(Malformed::RequestFlags);
        }
        let session_user = user(fixed, at::SESSION_USER, at::SESSION_USER_IS_SUPERUSER)?;
        if session_user.oid == 0 {
            return Err(Malformed::RequestSessionUser);
        }
        let current_user = u32_field(fixed, at::CURRENT_USER)?;
        if current_user == 0 {
            return Err(Malformed::RequestCurrentUser);
        }
        let worker_timeout_ms = i32_field(fixed, at::WORKER_TIMEOUT)?;
        if worker_timeout_ms < 0 {
            return Err(Malformed::RequestTimeout);
        }

        let mut sections: [&[u8]; 8] = [&[]; 8];
        let mut before = 0;
        for (place, at) in sections.iter_mut().zip(at::LENGTHS) {
            skip_padding(&mut rest, before)?;
            *place = section(&mut rest, fixed, at)?;
            before = place.len();
        }
        let [
            library_state,
            guc_state,
            label,
            parameters,
            expected,
            snapshot,
            channel,
            sql,
        ] = sections;
        if !rest.is_empty() {
            return Err(Malformed::RequestTrailing);
        }

        if !library_state_ends(library_state) {
            return Err(Malformed::RequestLibraries);
        }
        if !settings::is_well_formed(guc_state) {
            return Err(Malformed::RequestSettings);
        }
        Ok(Self {
            cookie: i64_at(fixed, at::COOKIE).ok_or(Malformed::RequestShort)?,
            discard_output: flags & FLAG_DISCARD_OUTPUT != 0,
            read_only: flags & FLAG_READ_ONLY != 0,
            session_user,
            role: user(fixed, at::ROLE, at::ROLE_IS_SUPERUSER)?,
            current_user,
            sec_context: i32_field(fixed, at::SEC_CONTEXT)?,
            worker_timeout_ms,
            file: u64_at(fixed, at::FILE).ok_or(Malformed::RequestShort)?,
            file_limit: u64_at(fixed, at::FILE_LIMIT).ok_or(Malformed::RequestShort)?,
            library_state,
            guc_state,
            label: text(label, Malformed::RequestLabel)?,
            parameters: Parameters::decode(parameters)?,
            expected: Expected::decode(expected)?,
            snapshot: text(snapshot, Malformed::RequestSnapshot)?,
            channel: text(channel, Malformed::RequestChannel)?,
            sql: CStr::from_bytes_with_nul(sql).map_err(|_| Malformed::RequestSql)?,
        })
    }
}

/// Writes `bytes` at offset `at` of the fixed part, within which every offset of [`at`] lies.
fn put<const N: usize>(fixed: &mut [u8; FIXED_LEN], at: usize, bytes: [u8; N]) {
    if let Some(field) = fixed
        .get_mut(at..)
        .and_then(|rest| rest.first_chunk_mut::<N>())
    {
        *field = bytes;
    }
}

fn u32_field(fixed: &[u8; FIXED_LEN], at: usize) -> Result<u32, Malformed> {
    u32_at(fixed, at).ok_or(Malformed::RequestShort)
}

fn i32_field(fixed: &[u8; FIXED_LEN], at: usize) -> Result<i32, Malformed> {
    i32_at(fixed, at).ok_or(Malformed::RequestShort)
}

/// Reads a role's OID and whether it is a superuser.
fn user(fixed: &[u8; FIXED_LEN], oid: usize, is_superuser: usize) -> Result<User, Malformed> {
    let is_superuser = match u32_field(fixed, is_superuser)? {
        0 => false,
        1 => true,
        _ => return Err(Malformed::RequestBoolean),
    };
    Ok(User {
        oid: u32_field(fixed, oid)?,
        is_superuser,
    })
}

/// Whether `RestoreLibraryState` finds the empty string at which it stops, within `state`.
fn library_state_ends(state: &[u8]) -> bool {
    matches!(state, [] | [0] | [.., 0, 0])
}
