//! docs/ARCHITECTURE.md, Who the worker is.

use super::state::{STATE, Settings};
use super::{fresh, name};
use crate::channel::segment::Channel;
use crate::channel::wire::request::Request;
use crate::channel::wire::settings as wire;
use crate::injection;
use crate::pg::Oid;
use crate::pg::guc_count::{self, Mark, Variables};
use crate::pg::guc_picture::Picture;
use crate::pg::guc_tables;
use crate::pg::identity::{self, Identity, NameBuffer, SECURITY_LOCAL_USERID_CHANGE};
use crate::pg::memory::Context;
use crate::pg::statement::{Class, Statement, Statements};
use crate::pg::text::Str;
use crate::pg::{encoding, guc, pin, plugins, process, xact};
use crate::rows::expected;
use crate::settings::WORKER_IDLE_TIMEOUT;
use core::ffi::{CStr, c_int};

/// Connects to the launcher's database as the user that logged in there. The server checks LOGIN, datallowconn and
/// CONNECT anew, and ends the process (FATAL) if one is missing. A cancel in between leaves a process that can do nothing more;
/// where somebody is to be told of the job's end, it waits.
pub fn connect(channel: Channel) {
    STATE.connecting.set(true);
    injection::point("worker-connecting");
    let connect = || process::connect(channel.database(), channel.authenticated_user());
    if STATE.due.get().is_some() {
        process::with_cancels_held(connect);
    } else {
        connect();
    }
    STATE.connected.set(true);
}

/// Takes over session user, role, libraries and settings, if the launcher's have changed since the last job, and the name that
/// the process is to have. Works in `context`.
pub fn adopt(request: &Request<'_>, channel: Channel, context: Context) {
    adopt_settings(request);
    let Some(settings) = STATE.settings.get() else {
        return;
    };
    let session_name = settings.session_name;
    let pid = channel.launcher_pid();
    let name = context.run(|| name::of_job(request, pid, session_name.bytes()));
    if name != settings.name {
        take_name(name.unwrap_or(session_name));
        look(Settings { name, ..settings });
    }
}

fn take_name(name: NameBuffer) {
    guc::set(c"application_name", name.c_str());
}

fn adopt_settings(request: &Request<'_>) {
    let known = STATE.settings.get();
    let settings = match known {
        Some(settings) if request.guc_state.is_empty() => {
            if settings.read_only == request.read_only {
                return;
            }
            settings
        }
        _ => keep(request, known),
    };
    restore(
        Settings {
            identity: session_identity(request),
            read_only: request.read_only,
            ..settings
        },
        known.is_none(),
    );
}

/// Takes back what the job that has ended did to settings.
pub fn take_back_settings() {
    if let Some(settings) = STATE.settings.get() {
        if !settings.picture.holds() {
            restore(settings, false);
        }
    }
}

/// Makes libraries and settings what they are to be, in a transaction of their own; `is_first` where nothing has changed them since
/// the process has connected.
fn restore(settings: Settings, is_first: bool) {
    // What was analysed under other settings, or as somebody else, may mean something else.
    STATE.plans.forget();
    xact::start_command();
    // SAFETY: a process of the same server made both with the serialize functions; the decoder checked their frames.
    unsafe {
        guc::restore(
            settings.libraries,
            is_first,
            settings.state,
            &settings.identity,
            || is_first && fresh::adopt(settings.state, Context::current()),
            || set_reset_values(settings.state),
        )
    };
    encoding::use_database_encoding_for_client();
    if settings.read_only {
        guc::set(c"default_transaction_read_only", c"on");
    }
    let session_name = guc::application_name().map_or(&b""[..], Str::bytes);
    let session_name = NameBuffer::of(session_name);
    if let Some(name) = settings.name {
        take_name(name);
    }
    xact::commit_command();
    look(Settings {
        session_name,
        ..settings
    });
}

/// Remembers what the settings are by now. Looking at all of them takes longer than a job: a process that is not to stay
/// remembers what nothing compares equal to.
fn look(settings: Settings) {
    settings.restored.reset();
    if WORKER_IDLE_TIMEOUT.get() == 0 {
        STATE.settings.set(Some(Settings {
            picture: Picture::NONE,
            variables: Variables::NONE,
            mark: Mark::NONE,
            ..settings
        }));
        return;
    }
    STATE.settings.set(Some(Settings {
        picture: Picture::take(settings.restored),
        variables: guc_count::count_variables(),
        mark: Mark::now(),
        hooks: plugins::hooks(),
        ..settings
    }));
}

fn set_reset_values(section: &[u8]) {
    for value in wire::reset_values(section) {
        // SAFETY: strings of the section, which is in the context of these settings; the server copies what it keeps.
        let text = |text: &CStr| unsafe { Str::from_cstr(text) };
        guc_tables::set_reset_value(&guc_tables::Sourced {
            name: text(value.name),
            value: text(value.value),
            source: value.source as u32,
            context: value.context as u32,
            role: value.role,
        });
    }
}

/// Copies what the launcher sent, for later jobs with the same settings.
fn keep(request: &Request<'_>, known: Option<Settings>) -> Settings {
    let context = Context::top().create(c"pg_background settings");
    let settings = Settings {
        context,
        restored: context.create(c"pg_background settings as restored"),
        libraries: context.copy_bytes(request.library_state),
        state: context.copy_bytes(request.guc_state),
        picture: Picture::NONE,
        identity: session_identity(request),
        read_only: request.read_only,
        variables: Variables::NONE,
        mark: Mark::NONE,
        session_name: NameBuffer::of(b""),
        name: None,
        hooks: 0,
    };
    if let Some(known) = known {
        STATE.settings.set(None);
        known.context.delete();
    }
    settings
}

/// As whom the job's transaction runs.
#[derive(Clone, Copy)]
pub struct JobUser {
    user: Oid,
    security_context: c_int,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The session's user, as he is.
    Session,
    /// As the launcher's current user in his security context.
    Restricted,
    /// As the launcher's current user at top level, because the statement starts transactions by itself, which must not be
    /// in a security context. What that would forbid, the pin does.
    TopLevel(Pin),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pin {
    /// The definer is the session's user himself: it restricts nobody.
    None,
    /// User code runs in security contexts of its own only, and so do parallel workers: but for what converts the answer.
    User,
    UserAndParallel,
}

impl JobUser {
    pub fn of(request: &Request<'_>, statements: Statements) -> Self {
        let lone = if statements.len() == 1 {
            statements.iter().next().map(Statement::class)
        } else {
            None
        };
        let (user, context) = (request.current_user, request.sec_context);
        let is_session_user = user == identity::current_user();
        let is_definer = context & !SECURITY_LOCAL_USERID_CHANGE == 0;
        let pin = |pin| {
            if is_session_user && is_definer {
                Pin::None
            } else {
                pin
            }
        };
        let place = match lone {
            _ if is_session_user && context == 0 => Place::Session,
            Some(Class::NoTransactionBlock) if expected::may_call_users_code(request.expected) => {
                Place::TopLevel(pin(Pin::UserAndParallel))
            }
            Some(Class::NoTransactionBlock) => Place::TopLevel(pin(Pin::User)),
            Some(Class::CallOrDo) if is_definer && !request.read_only => {
                Place::TopLevel(pin(Pin::UserAndParallel))
            }
            _ => Place::Restricted,
        };
        Self {
            user,
            security_context: context,
            place,
        }
    }

    /// Whoever is the user when a transaction starts is so after it was rolled back.
    pub fn before_transaction(&self) {
        let Place::TopLevel(pin) = self.place else {
            return;
        };
        if pin != Pin::None {
            pin::pin_user();
        }
        if pin == Pin::UserAndParallel {
            pin::pin_parallel();
        }
        identity::set_current_user(self.user, 0);
    }

    pub fn in_transaction(&self) {
        if self.place == Place::Restricted {
            identity::set_current_user(self.user, self.security_context);
        }
    }

    /// Whether CALL and DO must not commit: what follows would run outside the security context, or could write.
    pub fn is_restricted(&self, request: &Request<'_>) -> bool {
        self.place == Place::Restricted || request.read_only
    }
}

/// After the job's last transaction: the process is the session's again, before anything else runs in it.
pub fn leave_job_user() {
    identity::leave_security_context();
    pin::unpin();
}

/// Whether session user and role are still those that the request asked for.
pub fn is_unchanged(request: &Request<'_>) -> bool {
    session_identity(request).is_session()
}

fn session_identity(request: &Request<'_>) -> Identity {
    Identity {
        authenticated_user: 0,
        session_user: request.session_user.oid,
        session_user_is_superuser: request.session_user.is_superuser,
        role: request.role.oid,
        role_is_superuser: request.role.is_superuser,
        current_user: request.current_user,
        security_context: request.sec_context,
    }
}
