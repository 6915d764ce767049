//! Looking for jobs: among those that have not ended, and in the history.

use super::Seen;
use super::layout::Table;

impl Table<'_> {
    /// The process id of the worker whose job has that entry.
    pub fn pid_at(&self, index: usize) -> Option<i32> {
        self.taken.get(index).filter(|id| **id != 0)?;
        self.entries.get(index).map(|entry| entry.job.pid)
    }

    /// A copy of the entry there, if a job has it.
    pub fn seen_at(&self, index: usize) -> Option<Seen> {
        self.taken.get(index).filter(|id| **id != 0)?;
        self.entries.get(index).map(Seen::of_entry)
    }

    /// A copy of what is known of a job.
    pub fn seen(&self, id: i64) -> Option<Seen> {
        if let Some(place) = self.place_of(id) {
            return self.entries.get(place as usize).map(Seen::of_entry);
        }
        let place = self.ids.iter().position(|known| *known == id && id != 0)?;
        self.history.get(place).map(Seen::of_record)
    }

    /// The entry of a job that has not ended.
    pub fn place_of(&self, id: i64) -> Option<u32> {
        let found = self
            .taken
            .iter()
            .position(|taken| *taken == id && id != 0)?;
        u32::try_from(found).ok()
    }
}
