//! Ending jobs early. Never by SIGKILL, which would restart the whole cluster.

use super::job::JobRef;
use super::wait::wait_patiently;
use crate::pg::clock::Deadline;

/// The longest grace: an hour.
const GRACE_LIMIT: i32 = 3_600_000;

/// Asks a job to end: it does not start its next statement, and the one that runs ends with 57014. Nothing happens to a
/// job whose outcome is final.
pub fn cancel(job: JobRef) {
    job.cancel();
}

/// The same for each, and where a job still runs after so many milliseconds (0 to an hour) in all, ends its worker.
pub fn cancel_with_grace(jobs: &[JobRef], grace_ms: i32) {
    jobs.iter().for_each(|job| cancel(*job));
    let grace = Deadline::after(i64::from(grace_ms.clamp(0, GRACE_LIMIT)));
    if !wait_patiently(jobs, grace) {
        jobs.iter().for_each(|job| terminate(*job));
    }
}

/// SIGTERM to a worker that a cancel was not enough for.
fn terminate(job: JobRef) {
    if let Some(link) = job.link.get() {
        link.terminate();
    }
}
