//! The fields of an error or notice, as in the frontend/backend protocol's `ErrorResponse` and
//! `NoticeResponse`.
//!
//! Each field is one byte (`PG_DIAG_*` of `postgres_ext.h`) and a NUL-terminated string; a zero
//! byte ends the list. `send_message_to_frontend` in `elog.c` writes it, in the worker.

#![forbid(unsafe_code)]

use super::Malformed;
use super::bytes::split_nul;

/// How severe a report is, from the least to the worst (`error_severity` of `elog.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// DEBUG1 to DEBUG5, which the protocol does not tell apart.
    Debug,
    /// LOG.
    Log,
    /// INFO: goes to the client whatever `client_min_messages` says.
    Info,
    /// NOTICE.
    Notice,
    /// WARNING.
    Warning,
    /// ERROR: the transaction is aborted.
    Error,
    /// FATAL: the worker ends.
    Fatal,
    /// PANIC: the cluster restarts.
    Panic,
}

impl Severity {
    /// Reads the severity that is never translated, field V.
    fn parse(text: &[u8]) -> Option<Self> {
        Some(match text {
            b"DEBUG" => Self::Debug,
            b"LOG" => Self::Log,
            b"INFO" => Self::Info,
            b"NOTICE" => Self::Notice,
            b"WARNING" => Self::Warning,
            b"ERROR" => Self::Error,
            b"FATAL" => Self::Fatal,
            b"PANIC" => Self::Panic,
            _ => return None,
        })
    }
}

/// An error or notice, borrowing from the message.
///
/// The strings are in the encoding that the message's header names and exclude their NUL, which
/// follows each of them in the message itself. The field's code is given in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    severity: Severity,
    /// \[S\] The severity, possibly translated.
    pub severity_localized: Option<&'a [u8]>,
    /// \[C\] The SQLSTATE: five digits or upper-case letters.
    pub sqlstate: [u8; 5],
    /// \[M\] The primary message.
    pub message: &'a [u8],
    /// \[D\] DETAIL.
    pub detail: Option<&'a [u8]>,
    /// \[H\] HINT.
    pub hint: Option<&'a [u8]>,
    /// \[P\] Cursor position in the job's SQL, decimal, in characters from 1; see [`decimal`].
    pub position: Option<&'a [u8]>,
    /// \[p\] Cursor position in `internal_query`, likewise.
    pub internal_position: Option<&'a [u8]>,
    /// \[q\] The text of an internally generated query.
    pub internal_query: Option<&'a [u8]>,
    /// \[W\] CONTEXT, one line per level.
    pub context: Option<&'a [u8]>,
    /// \[s\] Schema name.
    pub schema_name: Option<&'a [u8]>,
    /// \[t\] Table name.
    pub table_name: Option<&'a [u8]>,
    /// \[c\] Column name.
    pub column_name: Option<&'a [u8]>,
    /// \[d\] Data type name.
    pub datatype_name: Option<&'a [u8]>,
    /// \[n\] Constraint name.
    pub constraint_name: Option<&'a [u8]>,
    /// \[F\] Source file that reported it.
    pub source_file: Option<&'a [u8]>,
    /// \[L\] Line in that file, decimal; see [`decimal`].
    pub source_line: Option<&'a [u8]>,
    /// \[R\] Function that reported it.
    pub source_function: Option<&'a [u8]>,
}

impl<'a> Report<'a> {
    /// Reads the payload of an error or notice; fields with unknown codes are skipped.
    ///
    /// # Errors
    ///
    /// A string or the list has no end, something follows it, a code is repeated, or V, C or M is
    /// missing or invalid.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut report = Self::EMPTY;
        let mut severity = None;
        let mut sqlstate = None;
        let mut message = None;
        let mut seen = Codes::NONE;
        let mut rest = payload;
        loop {
            let (&code, after) = rest.split_first().ok_or(Malformed::ReportUnterminated)?;
            if code == 0 {
                rest = after;
                break;
            }
            if !seen.add(code) {
                return Err(Malformed::FieldRepeated);
            }
            let (value, after) = split_nul(after).ok_or(Malformed::FieldUnterminated)?;
            rest = after;
            match code {
                b'V' => severity = Some(Severity::parse(value).ok_or(Malformed::SeverityUnknown)?),
                b'C' => sqlstate = Some(parse_sqlstate(value)?),
                b'M' => message = Some(value),
                _ => {
                    if let Some(field) = report.field(code) {
                        *field = Some(value);
                    }
                }
            }
        }
        if !rest.is_empty() {
            return Err(Malformed::ReportTrailing);
        }
        report.severity = severity.ok_or(Malformed::SeverityMissing)?;
        report.sqlstate = sqlstate.ok_or(Malformed::SqlstateMissing)?;
        report.message = message.ok_or(Malformed::MessageMissing)?;
        Ok(report)
    }

    /// \[V\] How severe it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// What [`Report::decode`] starts from; it never returns it.
    const EMPTY: Self = Self {
        severity: Severity::Error,
        severity_localized: None,
        sqlstate: *b"XX000",
        message: b"",
        detail: None,
        hint: None,
        position: None,
        internal_position: None,
        internal_query: None,
        context: None,
        schema_name: None,
        table_name: None,
        column_name: None,
        datatype_name: None,
        constraint_name: None,
        source_file: None,
        source_line: None,
        source_function: None,
    };

    /// Where the optional field with this code belongs.
    fn field(&mut self, code: u8) -> Option<&mut Option<&'a [u8]>> {
        Some(match code {
            b'S' => &mut self.severity_localized,
            b'D' => &mut self.detail,
            b'H' => &mut self.hint,
            b'P' => &mut self.position,
            b'p' => &mut self.internal_position,
            b'q' => &mut self.internal_query,
            b'W' => &mut self.context,
            b's' => &mut self.schema_name,
            b't' => &mut self.table_name,
            b'c' => &mut self.column_name,
            b'd' => &mut self.datatype_name,
            b'n' => &mut self.constraint_name,
            b'F' => &mut self.source_file,
            b'L' => &mut self.source_line,
            b'R' => &mut self.source_function,
            _ => return None,
        })
    }
}

/// The number in a position or line field; `None` if the field is missing or not a decimal number
/// of 0 to `i32::MAX`.
#[must_use]
pub fn decimal(field: Option<&[u8]>) -> Option<i32> {
    let digits = field?;
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i32, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit <= 9)?;
        number.checked_mul(10)?.checked_add(i32::from(digit))
    })
}

fn parse_sqlstate(text: &[u8]) -> Result<[u8; 5], Malformed> {
    let valid = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    <[u8; 5]>::try_from(text)
        .ok()
        .filter(|state| state.iter().all(valid))
        .ok_or(Malformed::SqlstateInvalid)
}

/// The set of field codes seen so far, one bit each.
struct Codes([u64; 4]);

impl Codes {
    const NONE: Self = Self([0; 4]);

    /// Adds `code`; false if it was there already.
    fn add(&mut self, code: u8) -> bool {
        let bit = 1_u64 << (code % 64);
        let Some(word) = self.0.get_mut(usize::from(code / 64)) else {
            return false;
        };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}
