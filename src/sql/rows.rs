//! Rows without a column definition list.

use super::options::{OF_QUERY, OF_QUERY_JSON, options};
use super::{handle_at, sql_functions};
use crate::channel::wire::expected::Expected;
use crate::directory::Mode;
use crate::pg::call::{Call, ResultSet, datum};
use crate::pg::clock::Deadline;
use crate::pg::cursor::Cursor;
use crate::pg::error::{Report, code};
use crate::pg::types;
use crate::pg_sys as sys;
use crate::rows::{convert, expected};
use crate::session::job::JobRef;
use crate::session::launch::Order;
use crate::session::result::{self, OwnRows};
use crate::session::{pump, registry, run, wait};

sql_functions! {
    /// `pg_background_query(rowtype, sql, params, text_params, label, timeout_ms, snapshot) -> set of anyelement`
    fn pg_background_query(call) [
        (ANYELEMENT, TEXT, RECORD, TEXTS, TEXT, INT4, BOOL) -> set of ANYELEMENT;
    ] {
        let set = set_of_rowtype(call);
        let order = Order { expected: expected::of(set.desc), ..order(call, 1) };
        run::run_query(&order, set)
    }

    /// `pg_background_query_json(sql, params, text_params, label, timeout_ms, snapshot) -> set of jsonb`
    fn pg_background_query_json(call) [
        (TEXT, RECORD, TEXTS, TEXT, INT4, BOOL) -> set of JSONB;
    ] {
        let set = call.result_set();
        let order = Order { expected: Expected::Json, ..order(call, 0) };
        run::run_query(&order, set)
    }

    /// `pg_background_rows(rowtype, h) -> set of anyelement`
    fn pg_background_rows(call) [(ANYELEMENT, ROW) -> set of ANYELEMENT;] {
        let set = set_of_rowtype(call);
        result::result(job_at(call, 1), set, Deadline::NEVER)
    }

    /// `pg_background_result_json(h) -> set of jsonb`
    fn pg_background_result_json(call) [(ROW) -> set of JSONB;] {
        let set = call.result_set();
        put_as_json(result::own_rows(job_at(call, 0), Deadline::NEVER), set)
    }

    /// `pg_background_cursor(h, name) -> refcursor`
    fn pg_background_cursor(call) [(ROW, REFCURSOR) -> REFCURSOR;] {
        let job = job_at(call, 0);
        let name = call.text(1).filter(|name| !name.bytes().is_empty());
        // What cannot be undone comes last.
        if let Some(name) = name {
            Cursor::check_name(name);
        }
        let rows = result::own_rows(job, Deadline::NEVER);
        let cursor = Cursor::create(name, rows.sql, rows.desc);
        rows.each(|row| cursor.store().put_slot(row));
        datum::text(cursor.open()).unwrap_or(0)
    }
}

/// The result set of a function that returns what its first argument is.
pub fn set_of_rowtype(call: Call) -> ResultSet {
    let set = call.result_set();
    if types::is_domain_over_row(call.argument_type(0)) {
        Report::error(code::FEATURE_NOT_SUPPORTED)
            .message(format_args!(
                "rows of a domain over a row type are not supported"
            ))
            .hint(format_args!("Use the row type itself, and cast its rows."))
            .raise();
    }
    set
}

fn job_at(call: Call, i: usize) -> JobRef {
    pump::pump_all();
    registry::get(handle_at(call, i), code::UNDEFINED_OBJECT)
}

/// The arguments from `sql` on.
fn order(call: Call, sql: usize) -> Order<'static> {
    let places = if sql == 0 { OF_QUERY_JSON } else { OF_QUERY };
    Order {
        sql: call.required(call.text(sql), "sql"),
        queue_size: 0,
        label: call.text(sql + 3),
        submitted: false,
        with_cookie: true,
        keeps_worker: false,
        mode: Mode::Run,
        deadline: run::deadline(wait::check_timeout(call.int32(sql + 4).unwrap_or(0))),
        expected: Expected::Anything,
        options: options(call, places),
    }
}

/// Each row as an object.
fn put_as_json(rows: OwnRows, set: ResultSet) -> sys::Datum {
    let store = set.begin();
    let (to_json, _) = convert::as_json(rows.desc);
    rows.each(|row| store.put_slot(to_json.row(row)));
    set.finish(store)
}
