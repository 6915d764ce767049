//! docs/ARCHITECTURE.md, Who the worker is.

use super::state::{STATE, Settings};
use crate::channel::segment::Channel;
use crate::channel::wire::request::Request;
use crate::pg::identity::Identity;
use crate::pg::memory::Context;
use crate::pg::{encoding, guc, process, xact};

/// Connects to the launcher's database as the user that logged in there. The server checks LOGIN, datallowconn and
/// CONNECT anew, and ends the process (FATAL) if one is missing.
pub fn connect(channel: Channel) {
    process::connect(channel.database(), channel.authenticated_user());
}

/// Takes over session user, role, libraries and settings, in a transaction of their own; but only if the launcher's have
/// changed since the last job, or that job has changed ours.
pub fn adopt(request: &Request<'_>) {
    let known = STATE.settings.get();
    let news = !request.guc_state.is_empty();
    let as_restored = |settings: Settings| {
        !STATE.settings_touched.get() && settings.read_only == request.read_only
    };
    if !news && known.is_some_and(as_restored) {
        return;
    }
    let settings = match known {
        Some(settings) if !news => settings,
        _ => keep(request, known),
    };
    // What was analysed under other settings, or as somebody else, may mean something else.
    STATE.plans.forget();
    xact::start_command();
    // SAFETY: a process of the same server made both with the serialize functions; the decoder checked their frames.
    unsafe {
        guc::restore(
            settings.libraries,
            settings.state,
            &session_identity(request),
        )
    };
    encoding::use_database_encoding_for_client();
    if request.read_only {
        guc::set(c"default_transaction_read_only", c"on");
    }
    xact::commit_command();
    settings.restored.reset();
    STATE.settings.set(Some(Settings {
        read_only: request.read_only,
        restored_state: guc::serialize_state(settings.restored, &[]),
        variables: guc::count_variables(),
        memory: guc::memory_in_use(),
        ..settings
    }));
    STATE.settings_touched.set(false);
}

/// Copies what the launcher sent, for later jobs with the same settings.
fn keep(request: &Request<'_>, known: Option<Settings>) -> Settings {
    let context = Context::top().create(c"pg_background settings");
    let settings = Settings {
        context,
        restored: context.create(c"pg_background settings as restored"),
        libraries: context.copy_bytes(request.library_state),
        state: context.copy_bytes(request.guc_state),
        restored_state: &[],
        read_only: request.read_only,
        variables: 0,
        memory: 0,
    };
    if let Some(known) = known {
        STATE.settings.set(None);
        known.context.delete();
    }
    settings
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
