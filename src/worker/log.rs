//! pg_background.log_jobs: one line in the server log at the end of each job.

use super::state::STATE;
use crate::channel::outcome::Summary;
use crate::channel::segment::Channel;
use crate::channel::wire::request::Request;
use crate::directory::Ending;
use crate::pg::error::{Level, Report, catch_into, catch_on_stack, sqlstate_text};
use crate::pg::identity::{self, NameBuffer};
use crate::pg::memory::Context;
use crate::pg::text::{Str, Text};
use crate::pg::{process, xact};
use crate::settings::{LOG_JOBS, log_jobs};
use core::fmt::Write;

/// What the line will say of the job at hand.
#[derive(Clone, Copy)]
pub struct Line {
    /// Where the request is.
    label: Option<Str>,
    cookie: i64,
    /// The role whose rights the job has; its name once that was looked up.
    user: u32,
    user_name: Option<NameBuffer>,
    /// Once the job has ended.
    end: Option<(Ending, Summary)>,
}

impl Line {
    /// Nothing known.
    pub const NONE: Self = Self {
        label: None,
        cookie: 0,
        user: 0,
        user_name: None,
        end: None,
    };
}

fn note(change: impl FnOnce(&mut Line)) {
    let mut line = STATE.line.get();
    change(&mut line);
    STATE.line.set(line);
}

/// Notes whose job it is.
pub fn note_request(request: &Request<'_>) {
    // SAFETY: the request was copied to a context that lives until the line is written.
    let text = |text| unsafe { Str::from_cstr(text) };
    STATE.line.set(Line {
        label: request.label.map(text),
        cookie: request.cookie,
        user: request.current_user,
        ..Line::NONE
    });
}

/// Looks up the user's name while that can be done, in the job's transaction: whoever ends the process leaves no time for it.
pub fn note_user() {
    if LOG_JOBS.get() != log_jobs::NONE {
        let user = STATE.line.get().user;
        note(|line| line.user_name = identity::name_of(user));
    }
}

/// The same for a job that has failed before, in a transaction for this alone.
fn look_up_user(line: &mut Line) {
    if line.user_name.is_some() || !STATE.connected.get() || process::is_exiting() {
        return;
    }
    let user = line.user;
    let look = || {
        xact::start_command();
        let name = identity::name_of(user);
        xact::commit_command();
        name
    };
    match catch_on_stack(|| process::with_cancels_held(look)) {
        Ok(name) => line.user_name = name,
        Err(caught) => {
            xact::abort();
            caught.forget();
        }
    }
}

/// Notes how the job ended; the first word counts. Nothing here may fail.
pub fn note_end(ending: Ending, summary: &Summary) {
    if STATE.line.get().end.is_none() {
        note(|line| line.end = Some((ending, *summary)));
    }
}

/// Writes the line that is due, if one is. A failure to is one in the server log.
pub fn tell(channel: Channel) {
    let mut line = STATE.line.get();
    let Some((ending, summary)) = line.end else {
        return;
    };
    let is_wanted = match LOG_JOBS.get() {
        log_jobs::NONE => false,
        log_jobs::ERRORS => ending != Ending::Succeeded,
        _ => true,
    };
    if is_wanted {
        look_up_user(&mut line);
    }
    // The end of the process may come before this, and writes it then.
    STATE.line.set(Line::NONE);
    if !is_wanted {
        return;
    }
    let context = Context::current().create(c"pg_background log");
    if let Err(caught) = catch_into(context, || {
        context.run(|| write_line(channel, &line, ending, &summary))
    }) {
        context.run(|| {
            Report::new(Level::Warning, caught.code())
                .message(format_args!("could not log the end of a background job"))
                .detail(format_args!("{}", caught.message()))
                .emit();
        });
    }
    context.delete();
}

fn write_line(channel: Channel, line: &Line, ending: Ending, summary: &Summary) {
    let state = match ending {
        Ending::Succeeded => "stopped",
        Ending::Canceled => "canceled",
        Ending::Failed | Ending::Lost => "error",
    };
    // A job without a handle has a name in the directory.
    let cookie = if line.cookie == 0 {
        channel.entry().2
    } else {
        line.cookie
    };
    let sqlstate = sqlstate_text(summary.sqlstate);
    let rows = summary.rows();
    let duration = match summary.started_at {
        0 => 0,
        started_at => summary.finished_at.saturating_sub(started_at).max(0),
    };
    let mut text = Text::new();
    // Writing to a Text fails by ereport alone.
    let _ = write!(text, "background job ended: label=");
    match line.label {
        Some(label) => text.push_quoted(label.bytes()),
        None => text.push(b"none"),
    }
    let _ = write!(
        text,
        " pid={} cookie={cookie} state={state} sqlstate=",
        identity::pid()
    );
    text.push(&sqlstate);
    let _ = write!(
        text,
        " rows={rows} duration={}.{:03} ms user=",
        duration / 1000,
        duration % 1000
    );
    match &line.user_name {
        Some(name) => text.push_quoted(name.bytes()),
        None => _ = write!(text, "{}", line.user),
    }
    let _ = write!(text, " launcher={}", channel.launcher_pid());
    let text = text.into_str();
    // Not for the launcher, who has all messages that it was told of.
    Report::new(Level::LogServerOnly, 0)
        .message(format_args!("{text}"))
        .emit();
}
