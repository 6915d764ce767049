//! miscadmin.h: who this process is.

use super::text::Str;
use crate::pg_sys as sys;
use core::ffi::{CStr, c_int};

/// The security context of a SECURITY DEFINER function: nobody sets role or session user.
pub const SECURITY_LOCAL_USERID_CHANGE: c_int = sys::SECURITY_LOCAL_USERID_CHANGE as c_int;

/// All of a session's identity, by OID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Who logged in.
    pub authenticated_user: sys::Oid,
    /// SESSION_USER.
    pub session_user: sys::Oid,
    pub session_user_is_superuser: bool,
    /// SET ROLE's role; InvalidOid for NONE.
    pub role: sys::Oid,
    pub role_is_superuser: bool,
    /// CURRENT_USER.
    pub current_user: sys::Oid,
    /// SECURITY_LOCAL_USERID_CHANGE and the like.
    pub security_context: c_int,
}

impl Identity {
    /// This session's, now. Needs a transaction.
    pub fn current() -> Self {
        // SAFETY: these read this process's state and the system cache.
        unsafe {
            let (mut user, mut context) = (0, 0);
            sys::GetUserIdAndSecContext(&raw mut user, &raw mut context);
            let role = sys::GetCurrentRoleId();
            if context == 0 && user != sys::GetOuterUserId() {
                // A statement runs at top level as somebody else. Nothing would keep another process from leaving him.
                context = SECURITY_LOCAL_USERID_CHANGE;
            }
            Self {
                authenticated_user: sys::GetAuthenticatedUserId(),
                session_user: sys::GetSessionUserId(),
                session_user_is_superuser: sys::GetSessionUserIsSuperuser(),
                role,
                role_is_superuser: role != 0 && sys::superuser_arg(role),
                current_user: user,
                security_context: context,
            }
        }
    }

    /// Whoever logged in, as this process was before anything was set.
    pub fn authenticated() -> Self {
        // SAFETY: reads this process's state and the catalogs; the callers have a transaction.
        unsafe {
            let user = sys::GetAuthenticatedUserId();
            Self {
                authenticated_user: user,
                session_user: user,
                session_user_is_superuser: sys::superuser_arg(user),
                role: 0,
                role_is_superuser: false,
                current_user: user,
                security_context: 0,
            }
        }
    }

    /// Whether session user and role are this process's now.
    pub fn is_session(&self) -> bool {
        // SAFETY: these read this process's state.
        unsafe {
            sys::GetSessionUserId() == self.session_user
                && sys::GetSessionUserIsSuperuser() == self.session_user_is_superuser
                && sys::GetCurrentRoleId() == self.role
        }
    }

    /// Gives the settings `session_authorization` and `role` the names that go with what is installed. Only while settings
    /// are restored: then the names decide nothing.
    pub fn show(&self) {
        // SAFETY: palloc'd names or NULL; PGC_S_SESSION is what SET uses.
        unsafe {
            let name = sys::GetUserNameFromId(self.session_user, true);
            if !name.is_null() && self.session_user != sys::GetAuthenticatedUserId() {
                sys::pgbg_set_config_option(
                    c"session_authorization".as_ptr(),
                    name,
                    sys::PGC_USERSET,
                    sys::PGC_S_SESSION,
                    sys::GetAuthenticatedUserId(),
                    true,
                    sys::ERROR as c_int,
                );
            }
            let name = match self.role {
                0 => c"none".as_ptr(),
                role => sys::GetUserNameFromId(role, true).cast_const(),
            };
            if !name.is_null() {
                sys::SetConfigOption(c"role".as_ptr(), name, sys::PGC_USERSET, sys::PGC_S_SESSION);
            }
        }
    }

    /// Makes the session user what RESET SESSION AUTHORIZATION leads to. Only while settings are restored, and this one is
    /// installed: then the name decides nothing.
    pub fn make_session_default(&self) {
        // SAFETY: a palloc'd name or NULL; the source and the context are InitializeSessionUserId's.
        unsafe {
            let name = sys::GetUserNameFromId(self.session_user, true);
            if !name.is_null() {
                sys::pgbg_set_config_option(
                    c"session_authorization".as_ptr(),
                    name,
                    sys::PGC_BACKEND,
                    sys::PGC_S_OVERRIDE,
                    sys::BOOTSTRAP_SUPERUSERID,
                    true,
                    sys::ERROR as c_int,
                );
            }
        }
    }

    /// Installs session user and role, without a look at the catalogs: a name may meanwhile belong to somebody else.
    pub fn install_session(&self) {
        // SAFETY: sets this process's state; connected, as both functions ask.
        unsafe {
            sys::SetSessionAuthorization(self.session_user, self.session_user_is_superuser);
            sys::SetCurrentRoleId(self.role, self.role_is_superuser);
        }
    }
}

/// CURRENT_USER.
pub fn current_user() -> sys::Oid {
    // SAFETY: reads this process's state.
    unsafe { sys::GetUserId() }
}

/// Sets current user and security context. An abort goes back to what they were when the transaction started.
pub fn set_current_user(user: sys::Oid, security_context: c_int) {
    // SAFETY: any combination may be set; the caller knows what it means.
    unsafe { sys::SetUserIdAndSecContext(user, security_context) }
}

/// The user that SET ROLE or the session left, with no security context: what a transaction has to start with.
pub fn leave_security_context() {
    // SAFETY: sets this process's state.
    unsafe { sys::SetUserIdAndSecContext(sys::GetOuterUserId(), 0) }
}

/// pg_signal_backend.
pub const SIGNAL_BACKEND: sys::Oid = sys::ROLE_PG_SIGNAL_BACKEND;

/// Whether the current user has the rights of `role`.
pub fn has_privileges_of(role: sys::Oid) -> bool {
    // SAFETY: reads the catalogs; needs a transaction, which every SQL function has.
    unsafe { sys::has_privs_of_role(sys::GetUserId(), role) }
}

/// Whether a role is a superuser's; one that is gone is not.
pub fn is_superuser(role: sys::Oid) -> bool {
    // SAFETY: reads the system cache; needs a transaction, which every SQL function has.
    unsafe { sys::superuser_arg(role) }
}

/// A name, as long as the server's may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NameBuffer {
    bytes: [u8; sys::NAMEDATALEN as usize],
    length: usize,
}

impl NameBuffer {
    /// Bytes that have room.
    pub const LIMIT: usize = sys::NAMEDATALEN as usize - 1;

    /// Takes what has room.
    pub fn of(name: &[u8]) -> Self {
        let mut bytes = [0; sys::NAMEDATALEN as usize];
        let length = name.len().min(Self::LIMIT);
        bytes[..length].copy_from_slice(&name[..length]);
        Self { bytes, length }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The same with a NUL.
    pub fn c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

/// A role's name; None for one that is gone.
pub fn name_of(role: sys::Oid) -> Option<NameBuffer> {
    // SAFETY: reads the system cache; the caller is in a transaction. A palloc'd name or NULL.
    let name = unsafe { Str::from_ptr(sys::GetUserNameFromId(role, true)) };
    name.map(|name| NameBuffer::of(name.bytes()))
}

/// This database.
pub fn database() -> sys::Oid {
    // SAFETY: set when the session connected.
    unsafe { sys::MyDatabaseId }
}

/// This process.
pub fn pid() -> c_int {
    // SAFETY: set when the process started.
    unsafe { sys::MyProcPid }
}
