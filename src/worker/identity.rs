//! docs/ARCHITECTURE.md, Who the worker is.

use super::state::{STATE, Settings};
use crate::channel::segment::Channel;
use crate::channel::wire::request::Request;
use crate::channel::wire::settings as wire;
use crate::pg::guc_tables::{self, Picture};
use crate::pg::identity::Identity;
use crate::pg::memory::Context;
use crate::pg::text::Str;
use crate::pg::{encoding, guc, process, xact};
use core::ffi::CStr;
use core::ptr::NonNull;

/// Connects to the launcher's database as the user that logged in there. The server checks LOGIN, datallowconn and
/// CONNECT anew, and ends the process (FATAL) if one is missing.
pub fn connect(channel: Channel) {
    process::connect(channel.database(), channel.authenticated_user());
}

/// Takes over session user, role, libraries and settings, if the launcher's have changed since the last job.
pub fn adopt(request: &Request<'_>) {
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
    restore(Settings {
        identity: session_identity(request),
        read_only: request.read_only,
        ..settings
    });
}

/// Takes back what the job that has ended did to settings.
pub fn take_back_settings() {
    if let Some(settings) = STATE.settings.get() {
        if !settings.picture.holds() {
            restore(settings);
        }
    }
}

/// Makes libraries and settings what they are to be, in a transaction of their own.
fn restore(settings: Settings) {
    // What was analysed under other settings, or as somebody else, may mean something else.
    STATE.plans.forget();
    xact::start_command();
    // SAFETY: a process of the same server made both with the serialize functions; the decoder checked their frames.
    unsafe {
        guc::restore(
            settings.libraries,
            settings.state,
            &settings.identity,
            || set_reset_values(settings.state),
        )
    };
    encoding::use_database_encoding_for_client();
    if settings.read_only {
        guc::set(c"default_transaction_read_only", c"on");
    }
    xact::commit_command();
    settings.restored.reset();
    STATE.settings.set(Some(Settings {
        picture: Picture::take(settings.restored),
        variables: guc::count_variables(),
        memory: guc::memory_in_use(),
        ..settings
    }));
}

fn set_reset_values(section: &[u8]) {
    for value in wire::reset_values(section) {
        // SAFETY: C strings of the request, which lives as long as these settings; only used meanwhile.
        let text = |text: &CStr| unsafe { Str::from_nonnull(NonNull::from(text).cast()) };
        guc_tables::set_reset_value(&guc_tables::ResetValue {
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
