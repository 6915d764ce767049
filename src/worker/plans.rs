//! Statements that come again, with parameters of the same types if they have any, are analysed and planned once.
//!
//! The server's plan cache does the work: it hears of changed tables, functions and so on, and decides when one plan will do
//! for all values. Here is only which statements are kept, and for how long.
//!
//! What it does not hear of: a row type that is altered, of which there may be values in a plan, or a label of an
//! enumeration. Whoever prepares a statement takes that upon himself; whoever just sends it again does not. So one news from
//! any catalog, and everything is analysed and planned anew.

use super::state::STATE;
use crate::pg::params::Given;
use crate::pg::plancache::{PlanSource, Validity};
use crate::pg::statement::{Planning, Statements};
use crate::pg::text::Str;
use crate::pg::types::UNKNOWN;
use crate::pg::{discard, inval};
use core::cell::Cell;

/// So many statements are kept: those used last.
const LIMIT: usize = 32;

/// Bytes of the longest text that is kept.
const TEXT_LIMIT: usize = 16 * 1024;

/// So many parameters a kept statement has at most: a bit for each.
const PARAMETER_LIMIT: usize = 64;

/// A kept statement.
#[derive(Clone, Copy)]
struct Entry {
    source: PlanSource,
    /// The text's.
    number: u64,
    /// What had come from the catalogs before it was analysed.
    news: u64,
    /// Which parameters were literals, so that the statement decided their types.
    literals: u64,
    /// The how-manieth use it was used in.
    used: u64,
}

/// What a worker keeps.
pub struct Plans {
    entries: [Cell<Option<Entry>>; LIMIT],
    /// Numbers of texts seen lately: the second time a statement is kept, since most come only once.
    seen: [Cell<u64>; LIMIT],
    uses: Cell<u64>,
    /// What had come from the catalogs when the job at hand began.
    news: Cell<u64>,
}

/// How a job's statement comes to its plan.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It is planned for this time.
    No,
    /// It came before and is kept from here on.
    Again,
    /// It is kept.
    Kept(PlanSource),
}

impl Plans {
    pub const fn new() -> Self {
        Self {
            entries: [const { Cell::new(None) }; LIMIT],
            seen: [const { Cell::new(0) }; LIMIT],
            uses: Cell::new(0),
            news: Cell::new(0),
        }
    }

    /// Looks a statement up, by its text and the types of its parameters.
    pub fn find(&self, sql: Str, given: &[Given]) -> Known {
        let text = sql.bytes();
        if given.len() > PARAMETER_LIMIT || text.len() > TEXT_LIMIT {
            return Known::No;
        }
        self.uses.set(self.uses.get() + 1);
        let literals = literals(given);
        let number = hash(text);
        for cell in &self.entries {
            let Some(entry) = cell.get() else { continue };
            if entry.number == number
                && entry.literals == literals
                && entry.source.sql() == text
                && has_types(entry.source, given)
            {
                cell.set(Some(Entry {
                    used: self.uses.get(),
                    ..entry
                }));
                return Known::Kept(entry.source);
            }
        }
        if self.seen.iter().any(|seen| seen.get() == number) {
            if may_be_kept(text) {
                return Known::Again;
            }
        } else if let Some(place) = self.seen.get(self.uses.get() as usize % LIMIT) {
            place.set(number);
        }
        Known::No
    }

    /// The same once the transaction has begun, and with it the news of others has come. A statement that decided for
    /// types by what has changed since might decide for others: it is not kept any longer.
    pub fn look_again(&self, known: Known, given: &[Given]) -> Known {
        let news = inval::count();
        self.news.set(news);
        let Known::Kept(source) = known else {
            return known;
        };
        let is_it =
            |cell: &&Cell<Option<Entry>>| cell.get().is_some_and(|entry| entry.source == source);
        let Some(cell) = self.entries.iter().find(is_it) else {
            return known;
        };
        if let Some(entry) = cell.get().filter(|entry| entry.news != news) {
            source.set_validity(Validity::NONE);
            cell.set(Some(Entry { news, ..entry }));
        }
        if literals(given) == 0 || source.validity().is_analysed() {
            return known;
        }
        cell.set(None);
        source.drop_source();
        Known::Again
    }

    /// Takes a new one in, in place of the one that was not used for longest.
    fn insert(&self, source: PlanSource, literals: u64) {
        let entry = Entry {
            source,
            number: hash(source.sql()),
            news: self.news.get(),
            literals,
            used: self.uses.get(),
        };
        let age = |cell: &&Cell<Option<Entry>>| cell.get().map_or(0, |entry| entry.used);
        if let Some(place) = self.entries.iter().min_by_key(age) {
            if let Some(old) = place.replace(Some(entry)) {
                old.source.drop_source();
            }
        }
    }

    /// Forgets all: they were analysed with other settings, or as somebody else.
    pub fn forget(&self) {
        for cell in &self.entries {
            if let Some(entry) = cell.take() {
                entry.source.drop_source();
            }
        }
    }

    /// Makes every statement that anybody in this process keeps be planned anew, but for ours.
    pub fn reset_others(&self) {
        let valid = self
            .entries
            .each_ref()
            .map(|cell| cell.get().map(|entry| entry.source.validity()));
        discard::reset_plans();
        for (cell, validity) in self.entries.iter().zip(valid) {
            if let (Some(entry), Some(validity)) = (cell.get(), validity) {
                entry.source.set_validity(validity);
            }
        }
    }
}

impl Known {
    /// The statements, parsed unless they are kept.
    pub fn statements(self, sql: Str) -> Statements {
        match self {
            Self::Kept(source) => source.statements(),
            _ => Statements::parse(sql),
        }
    }

    /// Opens what `Statement::open` does with the planning that fits.
    pub fn with_planning<R>(
        self,
        statements: Statements,
        given: &[Given],
        open: impl FnOnce(Planning<'_>) -> R,
    ) -> R {
        let literals = literals(given);
        let keep = |source| STATE.plans.insert(source, literals);
        let is_query = || statements.only_is_query();
        open(match self {
            Self::Kept(source) => Planning::Kept(source),
            Self::Again if is_query() => Planning::Keep(&keep),
            _ => Planning::Once,
        })
    }
}

/// A bit for each parameter whose type the statement decides.
fn literals(given: &[Given]) -> u64 {
    let bit = |(i, given): (usize, &Given)| u64::from(given.type_oid == UNKNOWN) << i;
    given
        .iter()
        .take(PARAMETER_LIMIT)
        .enumerate()
        .map(bit)
        .fold(0, |all, bit| all | bit)
}

/// Whether the parameters have the types that the statement was analysed with.
fn has_types(source: PlanSource, given: &[Given]) -> bool {
    let types = source.types();
    types.len() == given.len()
        && types
            .iter()
            .zip(given)
            .all(|(known, given)| given.type_oid == UNKNOWN || given.type_oid == *known)
}

/// As FNV, eight bytes at a time; 0 is no text's.
fn hash(text: &[u8]) -> u64 {
    let step = |hash: u64, word: u64| {
        let hash = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        hash ^ (hash >> 32)
    };
    let words = text.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.fold(0xCBF2_9CE4_8422_2325, step).max(1)
}

/// Whether a statement means the same whenever it is run. A literal becomes a value when it is analysed: 'now' would stand
/// still, and 'f()'::regprocedure name a function that was dropped. A literal that is put together of several, or written
/// with escapes, cannot be read here.
fn may_be_kept(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 7] = [
        b"now",
        b"today",
        b"tomorrow",
        b"yesterday",
        b"allballs",
        b"reg",
        b"uescape",
    ];
    let has = |word: &[u8]| {
        text.windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
    };
    let quotes = text.iter().filter(|byte| **byte == b'\'').count();
    let is_one_line = !text.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
    !text.contains(&b'\\') && (is_one_line || quotes < 4) && !WORDS.into_iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::may_be_kept;

    #[test]
    fn statements_whose_literals_tell_of_the_moment_are_not_kept() {
        for sql in [
            "INSERT INTO t VALUES ($1, 'NOW')",
            "SELECT $1, 'tomorrow'::date",
            "SELECT $1, 'f()'::regprocedure",
            "SELECT $1, E'n\\x6fw'::timestamptz",
            "SELECT $1, U&'n!006fw' UESCAPE '!'",
            "SELECT $1, 'no'\n'w'::timestamptz",
        ] {
            assert!(!may_be_kept(sql.as_bytes()), "{sql}");
        }
        for sql in [
            "INSERT INTO t VALUES ($1, 'new')",
            "SELECT *\nFROM t\nWHERE a = $1 AND b = 'x'",
            "SELECT $1, 'a', 'b', 'c'",
        ] {
            assert!(may_be_kept(sql.as_bytes()), "{sql}");
        }
    }
}
