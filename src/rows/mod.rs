//! What launcher and worker both have to know of a job's rows: their columns, how they are converted to those that were
//! declared, and where they wait when nobody reads them.

pub mod columns;
pub mod convert;
pub mod expected;
pub mod file;
pub mod layout;
pub mod list;
