//! Who the worker is: DESIGN.md section 5.

use crate::channel::segment::Channel;
use crate::channel::wire::request::Request;
use crate::pg::identity::Identity;
use crate::pg::{encoding, guc, process, xact};

/// Connects to the launcher's database as the user that logged in there. The server checks LOGIN, datallowconn and
/// CONNECT anew, and ends the process (FATAL) if one is missing.
pub fn connect(channel: Channel) {
    process::connect(channel.database(), channel.authenticated_user());
}

/// Takes over session user, role, libraries and settings, in a transaction of their own.
pub fn restore(request: &Request<'_>) {
    xact::start_command();
    session_identity(request).install_session();
    // SAFETY: a process of the same server made both with the serialize functions; the decoder checked their frames.
    unsafe { guc::restore(request.library_state, request.guc_state) };
    encoding::use_database_encoding_for_client();
    if request.read_only {
        guc::set(c"default_transaction_read_only", c"on");
    }
    xact::commit_command();
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
