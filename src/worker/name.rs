//! pg_background.application_name: what the worker calls itself while it does a job.

use crate::channel::wire::request::Request;
use crate::channel::wire::text::clip;
use crate::pg::encoding;
use crate::pg::identity::NameBuffer;
use crate::pg::text::{Text, format};
use crate::settings::APPLICATION_NAME;
use core::ffi::c_int;

/// Takes the name for a job whose settings are in force; None where it is the session's, as it is then. `session_name` is
/// that one.
pub fn of_job(
    request: &Request<'_>,
    launcher_pid: c_int,
    session_name: &[u8],
) -> Option<NameBuffer> {
    let pattern = APPLICATION_NAME.get()?.bytes();
    if pattern.is_empty() {
        return None;
    }
    let label = request.label.map_or(&b""[..], core::ffi::CStr::to_bytes);
    let mut name = Text::new();
    let mut rest = pattern;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escape = after.first().filter(|_| byte == b'%');
        match escape {
            Some(b'l') => name.push(label),
            Some(b'p') => name.push(format(format_args!("{launcher_pid}")).bytes()),
            Some(b'a') => name.push(session_name),
            Some(b'%') => name.push(b"%"),
            _ => {
                name.push(&[byte]);
                continue;
            }
        }
        rest = &after[1..];
    }
    Some(NameBuffer::of(clip(
        name.bytes(),
        NameBuffer::LIMIT,
        encoding::character_length,
    )))
}
