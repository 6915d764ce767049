//! What launcher and worker both have to know of a job's rows: where they wait when nobody reads them.

pub mod file;
