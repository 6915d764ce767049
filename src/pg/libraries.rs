//! fmgr.h: the libraries that this process has loaded.

use super::memory::Context;
use crate::pg_sys as sys;
use core::ffi::CStr;

/// Their names as RestoreLibraryState reads them, in `context`.
pub fn serialize<'a>(context: Context) -> &'a [u8] {
    // SAFETY: the estimate is the exact size.
    unsafe {
        let room = sys::EstimateLibraryStateSpace();
        let place = context.alloc(room).as_ptr();
        sys::SerializeLibraryState(room, place.cast());
        core::slice::from_raw_parts(place, room)
    }
}

/// What gets more with each of them: the bytes of their names.
pub fn room() -> usize {
    // SAFETY: adds up lengths.
    unsafe { sys::EstimateLibraryStateSpace() }
}

/// Whether they are those of `before`, which `serialize` wrote in this process: none is ever unloaded (dfmgr.c), so that with
/// another one the names take more room.
pub fn are(before: &[u8]) -> bool {
    room() == before.len()
}

/// Those of `all`, which `serialize` wrote, that do something when they are loaded; in `context`.
pub fn that_act<'a>(all: &[u8], context: Context) -> &'a [u8] {
    let chosen = || names(all).filter(|name| acts(name));
    let place = context.alloc_slice(all.len(), |_| 0);
    let mut length = 0;
    for byte in chosen().flat_map(CStr::to_bytes_with_nul) {
        place[length] = *byte;
        length += 1;
    }
    // An empty name is the end.
    &place[..=length]
}

/// Loads those that are not there, in their order; `all` need not have an end. Works in the current memory context. Raises what
/// loading raises.
///
/// # Safety
/// `serialize` wrote them, in a process of the same server.
pub(super) unsafe fn load(all: &[u8]) {
    let end = |i| all.get(i).copied().unwrap_or(0);
    let all = Context::current().alloc_slice(all.len() + 1, end);
    // SAFETY: the caller's promise, and an end was put behind them.
    unsafe { sys::RestoreLibraryState(all.as_mut_ptr().cast()) }
}

/// Whether it is the server's PL/pgSQL.
pub(super) fn is_plpgsql(name: &CStr) -> bool {
    is_installed(name, b"/plpgsql.")
}

/// Whether it is ours.
pub(super) fn is_ours(name: &CStr) -> bool {
    is_installed(name, b"/pg_background.")
}

/// Whether it lies where the server has its libraries, under a name that begins so.
fn is_installed(name: &CStr, start: &[u8]) -> bool {
    // SAFETY: the server's own constant, which has an end.
    let directory = unsafe { CStr::from_ptr((&raw const sys::pkglib_path).cast()) };
    let file = name.to_bytes().strip_prefix(directory.to_bytes());
    file.and_then(|file| file.strip_prefix(start))
        .is_some_and(|suffix| !suffix.contains(&b'/') && !suffix.contains(&b'.'))
}

/// Calls `look` with those of this process, unless their names take more room than there is. Allocates nothing, so that it may
/// be asked at the process's end, and after each job.
fn with_all<T>(look: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let mut all = [0_u8; 2048];
    let size = room();
    if size > all.len() {
        return None;
    }
    // SAFETY: the estimate is the exact size, and there is room for it.
    unsafe { sys::SerializeLibraryState(size, all.as_mut_ptr().cast()) };
    Some(look(&all))
}

/// Whether this process has none but ours and the server's PL/pgSQL. In case of doubt it has.
pub fn are_known() -> bool {
    let is_known = |name: &CStr| is_plpgsql(name) || is_ours(name);
    with_all(|all| names(all).all(is_known)) == Some(true)
}

/// Whether this process has one of that name. In case of doubt it has not.
pub(super) fn has(name: &CStr) -> bool {
    with_all(|all| names(all).any(|one| one == name)) == Some(true)
}

/// Whether those of this process that do something when they are loaded are all in `known`, but for ours, whose settings every
/// process that asks has. In case of doubt they are not.
pub fn are_among(known: &[u8]) -> bool {
    let is_known =
        |name: &CStr| is_ours(name) || names(known).any(|one| one == name) || !acts(name);
    with_all(|all| names(all).all(is_known)) == Some(true)
}

/// Their names, up to the end.
pub(super) fn names(all: &[u8]) -> impl Iterator<Item = &CStr> {
    let mut rest = all;
    core::iter::from_fn(move || {
        let name = CStr::from_bytes_until_nul(rest).ok()?;
        rest = rest.get(name.to_bytes_with_nul().len()..)?;
        (!name.is_empty()).then_some(name)
    })
}

/// Whether the server would call something in a library once it has loaded it. In case of doubt it would.
fn acts(name: &CStr) -> bool {
    // SAFETY: NUL-terminated names. The library is looked for among those that are there, and not loaded; the symbol is looked for
    // as the server does. What is closed is the one handle that was opened here.
    unsafe {
        let library = libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if library.is_null() {
            return true;
        }
        let init = libc::dlsym(library, c"_PG_init".as_ptr());
        libc::dlclose(library);
        !init.is_null()
    }
}
