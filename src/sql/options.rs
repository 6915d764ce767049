//! The options of what launches: parameters, time-out, snapshot, notification.

use crate::channel::wire::parameters::Parameters;
use crate::pg::call::Call;
use crate::pg::error::{Report, code};
use crate::pg::notify::CHANNEL_LIMIT;
use crate::pg::text::Str;
use crate::pg::{snapshot, xact};
use crate::session::launch::Options;
use crate::session::{parameters, wait};

/// Where a function has which option, counted from 0. An argument that was not declared is NULL.
#[derive(Clone, Copy)]
pub struct Places {
    pub params: usize,
    pub text_params: usize,
    pub timeout_ms: Option<usize>,
    pub snapshot: usize,
    pub notify: Option<usize>,
}

/// (sql, queue_size, label, params, text_params, timeout_ms, snapshot, notify)
pub const OF_LAUNCH: Places = Places {
    params: 3,
    text_params: 4,
    timeout_ms: Some(5),
    snapshot: 6,
    notify: Some(7),
};

/// (sql, queue_size, timeout_ms, label, params, text_params, snapshot, notify): the time-out is the caller's own.
pub const OF_RUN: Places = Places {
    params: 4,
    text_params: 5,
    timeout_ms: None,
    snapshot: 6,
    notify: Some(7),
};

/// (sql, queue_size, timeout_ms, label, col_def, params, text_params, snapshot)
pub const OF_RUN_QUERY: Places = Places {
    params: 5,
    text_params: 6,
    timeout_ms: None,
    snapshot: 7,
    notify: None,
};

/// (rowtype, sql, params, text_params, label, timeout_ms, snapshot)
pub const OF_QUERY: Places = Places {
    params: 2,
    text_params: 3,
    timeout_ms: None,
    snapshot: 6,
    notify: None,
};

/// (sql, params, text_params, label, timeout_ms, snapshot)
pub const OF_QUERY_JSON: Places = Places {
    params: 1,
    text_params: 2,
    timeout_ms: None,
    snapshot: 5,
    notify: None,
};

/// The options as they were given. NULL means the default.
pub fn options(call: Call, places: Places) -> Options<'static> {
    let timeout_ms = places.timeout_ms.and_then(|i| call.int32(i));
    let channel = places.notify.and_then(|i| call.text(i));
    Options {
        parameters: parameters_of(call, places),
        timeout_ms: timeout_ms.map(wait::check_job_timeout),
        channel: channel.map(check_channel),
        // Last, since it leaves something behind until the transaction ends.
        snapshot: (call.bool(places.snapshot) == Some(true)).then(|| {
            xact::check_may_launch();
            snapshot::export()
        }),
    }
}

fn parameters_of(call: Call, places: Places) -> Parameters<'static> {
    // SAFETY: the declaration was compared and says record and text[].
    unsafe {
        match (call.datum(places.params), call.datum(places.text_params)) {
            (None, None) => Parameters::NONE,
            (Some(row), None) => parameters::of_record(row),
            (None, Some(texts)) => parameters::of_texts(texts),
            (Some(_), Some(_)) => Report::error(code::INVALID_PARAMETER_VALUE)
                .message(format_args!(
                    "params and text_params cannot be given at the same time"
                ))
                .raise(),
        }
    }
}

/// A channel as LISTEN knows it: taken as it is, in the case that it has.
fn check_channel(channel: Str) -> Str {
    if !(1..=CHANNEL_LIMIT).contains(&channel.bytes().len()) {
        Report::error(code::INVALID_PARAMETER_VALUE)
            .message(format_args!("invalid notification channel \"{channel}\""))
            .detail(format_args!(
                "It has to have between 1 and {CHANNEL_LIMIT} bytes."
            ))
            .raise();
    }
    if xact::in_recovery() {
        Report::error(code::FEATURE_NOT_SUPPORTED)
            .message(format_args!("a standby server cannot notify"))
            .hint(format_args!("Leave \"notify\" out, and wait for the job."))
            .raise();
    }
    channel
}
