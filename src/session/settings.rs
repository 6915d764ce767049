//! The libraries and settings of this session, as a worker has to be told them.

use crate::channel::wire::settings::ResetValue;
use crate::pg::guc;
use crate::pg::guc_picture::Picture;
use crate::pg::guc_tables;
use crate::pg::libraries;
use crate::pg::memory::Context;
use core::cell::Cell;
use core::ffi::CStr;

/// What a worker was told, or is about to be, in a context of its own.
#[derive(Clone, Copy)]
pub struct Told {
    context: Context,
    /// All that the session had loaded.
    libraries: &'static [u8],
    /// Those of them that the worker has to load: docs/ARCHITECTURE.md, Who the worker is.
    pub needed: &'static [u8],
    /// The section of the request.
    pub settings: &'static [u8],
    /// What the settings were then.
    picture: Picture,
}

impl Told {
    /// Nothing was told so far.
    pub fn nothing(context: Context) -> Self {
        Self {
            context: context.create(c"pg_background settings sent"),
            libraries: &[],
            needed: &[],
            settings: &[],
            picture: Picture::NONE,
        }
    }

    /// Whether anything differs from that by now.
    pub fn is_news(&self) -> bool {
        !(self.picture.holds() && libraries::are(self.libraries))
    }
}

/// What the worker has to be told because it has changed; None if nothing has.
pub fn news(told: &Cell<Told>, context: Context) -> Option<Told> {
    if !told.get().is_news() {
        return None;
    }
    let context = context.create(c"pg_background settings sent");
    let libraries = libraries::serialize(context);
    Some(Told {
        context,
        libraries,
        needed: libraries::that_act(libraries, context),
        settings: section(context),
        picture: Picture::take(context),
    })
}

/// The worker knows it from here on.
pub fn was_told(told: &Cell<Told>, news: Told) {
    let before = told.replace(Told {
        // In the request, and of no use any more.
        settings: &[],
        ..news
    });
    before.context.delete();
}

/// The settings, and after them the reset values that do not follow from them.
fn section(context: Context) -> &'static [u8] {
    let state = guc::serialize_state(context);
    let mut size = state.len();
    for_each_reset_value(|value| {
        size += value
            .parts(&value.head())
            .map(<[u8]>::len)
            .iter()
            .sum::<usize>()
    });
    let section = context.alloc_slice(size, |i| state.get(i).copied().unwrap_or(0));
    let mut rest = &mut section[state.len()..];
    for_each_reset_value(|value| {
        for part in value.parts(&value.head()) {
            let (place, after) = core::mem::take(&mut rest).split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = after;
        }
    });
    section
}

fn for_each_reset_value(mut look: impl FnMut(ResetValue<'_>)) {
    guc_tables::for_each_reset_value(|value| {
        // SAFETY: NUL-terminated by Str's invariant, and alive for this call.
        let (name, text) = unsafe {
            (
                CStr::from_ptr(value.name.as_ptr()),
                CStr::from_ptr(value.value.as_ptr()),
            )
        };
        look(ResetValue {
            source: value.source as i32,
            context: value.context as i32,
            role: value.role,
            name,
            value: text,
        });
    });
}
