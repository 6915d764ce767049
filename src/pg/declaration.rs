//! catalog/pg_proc.h, catalog/pg_extension.h: as what SQL has declared a function of ours.
//!
//! Anybody's script may declare a symbol in any way, and fmgr passes on whatever comes: an integer where the code expects
//! a pointer is a crash. So a function looks at its declaration before it touches an argument.

use super::error::{Report, code};
use super::text::Str;
use super::types;
use crate::pg_sys as sys;
use core::ffi::CStr;
use core::ptr::null_mut;

/// The type of an argument or result.
#[derive(Clone, Copy)]
pub enum Type {
    /// Just this one.
    Plain(sys::Oid),
    /// A composite type. Which columns it has is looked at when there is a row, because a type may be altered.
    Row,
    /// An array of a composite type.
    RowArray,
}

impl Type {
    fn is(self, oid: sys::Oid) -> bool {
        let is_row = |oid| types::kind(oid) == sys::TYPTYPE_COMPOSITE;
        match self {
            Self::Plain(wanted) => oid == wanted,
            Self::Row => is_row(oid),
            Self::RowArray => is_row(types::element(oid)),
        }
    }
}

/// A way to declare a symbol. STRICT or not, volatility, cost and defaults are the script's business.
pub struct Declaration {
    pub arguments: &'static [Type],
    pub result: Type,
    pub returns_set: bool,
}

/// Which of the known declarations a function has; otherwise 42883.
pub fn find(function: sys::Oid, known: &'static [Declaration]) -> &'static Declaration {
    // SAFETY: a system cache look-up. The entry stays until it is given back, by an error's end of the transaction if need be;
    // nothing that points into it is kept.
    let found = unsafe {
        let entry = sys::SearchSysCache1(sys::PROC_CACHE, function as sys::Datum);
        if entry.is_null() {
            is_gone(function);
        }
        let header = (*entry).t_data;
        let start = usize::from((*header).t_hoff);
        let fits = |known: &&Declaration| known.fits(&*header.byte_add(start).cast());
        let found = known.iter().find(fits);
        sys::ReleaseSysCache(entry);
        found
    };
    found.unwrap_or_else(|| refuse(function))
}

impl Declaration {
    /// Whether a function is declared so.
    fn fits(&self, function: &sys::FormData_pg_proc) -> bool {
        let types = &function.proargtypes;
        // SAFETY: an oidvector has so many elements.
        let arguments = unsafe {
            types
                .values
                .as_slice(usize::try_from(types.dim1).unwrap_or(0))
        };
        // Not a window function or a procedure: their callers pass something else.
        function.prokind as u8 == sys::PROKIND_FUNCTION
            && function.provariadic == 0
            && function.proretset == self.returns_set
            && arguments.len() == self.arguments.len()
            && self.result.is(function.prorettype)
            && self
                .arguments
                .iter()
                .zip(arguments)
                .all(|(known, oid)| known.is(*oid))
    }
}

fn is_gone(function: sys::Oid) -> ! {
    Report::error(code::UNDEFINED_FUNCTION)
        .message(format_args!("function with OID {function} does not exist"))
        .raise()
}

fn refuse(function: sys::Oid) -> ! {
    // SAFETY: a palloc'd string, also for a function that is gone.
    let name = unsafe { Str::from_ptr(sys::format_procedure(function)) };
    let report = Report::error(code::UNDEFINED_FUNCTION)
        .message(format_args!(
            "the library of pg_background has no function that is declared as {}",
            name.unwrap_or(Str::from_static(c"???"))
        ))
        .detail(format_args!(
            "The number or types of the arguments, the result or the kind of function are others than in any version that \
             it knows."
        ));
    match extension_version(c"pg_background") {
        Some(version) => report.hint(format_args!(
            "The extension's version in this database is {version}, the library's is {}. Use ALTER EXTENSION pg_background \
             UPDATE, or install the library that goes with the extension's version.",
            env!("CARGO_PKG_VERSION")
        )),
        None => report.hint(format_args!(
            "The library's version is {}, and this database does not have the extension: CREATE EXTENSION pg_background \
             declares its functions. Otherwise use ALTER EXTENSION pg_background UPDATE.",
            env!("CARGO_PKG_VERSION")
        )),
    }
    .raise()
}

/// pg_extension.extversion, in the current memory context.
fn extension_version(name: &CStr) -> Option<Str> {
    // SAFETY: an index scan as in get_extension_oid; the key is a name, which is compared like a C string. The attributes
    // are copied out before the scan's buffer is let go of. extversion is a text that is never null.
    unsafe {
        let relation = sys::table_open(sys::ExtensionRelationId, sys::AccessShareLock as i32);
        let mut key: sys::ScanKeyData = core::mem::zeroed();
        sys::ScanKeyInit(
            &raw mut key,
            sys::Anum_pg_extension_extname as i16,
            sys::BTEqualStrategyNumber as u16,
            sys::F_NAMEEQ,
            name.as_ptr() as sys::Datum,
        );
        let scan = sys::systable_beginscan(
            relation,
            sys::ExtensionNameIndexId,
            true,
            null_mut(),
            1,
            &raw mut key,
        );
        let tuple = sys::systable_getnext(scan);
        let mut version = None;
        if !tuple.is_null() {
            let mut values = [0; sys::Natts_pg_extension as usize];
            let mut nulls = [true; sys::Natts_pg_extension as usize];
            sys::heap_deform_tuple(
                tuple,
                (*relation).rd_att,
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
            let at = sys::Anum_pg_extension_extversion as usize - 1;
            version = (!nulls[at]).then(|| super::text::text_to_str(values[at]));
        }
        sys::systable_endscan(scan);
        sys::table_close(relation, sys::AccessShareLock as i32);
        version
    }
}
