//! fmgr.h and the headers that declare hooks: what the libraries that this process has loaded do to it.

use super::xact;
use crate::pg_sys as sys;
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Where PL/pgSQL's plugins hook into, once it was looked for.
static PLUGIN: AtomicPtr<*mut c_void> = AtomicPtr::new(null_mut());

/// A number made of all hook variables of the server, and of what PL/pgSQL's plugins hook into. While it stays the same, no
/// library has put itself between the server and what it does. What cannot be seen: callbacks, which nobody lists.
pub fn hooks() -> u64 {
    // SAFETY: the table has so many addresses of variables, each of them a function pointer; this process alone writes them.
    let fingerprint = unsafe {
        let count = usize::try_from(sys::pgbg_hook_count).unwrap_or(0);
        let places =
            core::slice::from_raw_parts((&raw const sys::pgbg_hooks).cast::<*const usize>(), count);
        places
            .iter()
            .fold(0, |number, place| add(number, place.read_volatile()))
    };
    let mut place = PLUGIN.load(Ordering::Relaxed);
    if place.is_null() {
        // SAFETY: a static name; the variable is there for good once it was looked up.
        place = unsafe { sys::find_rendezvous_variable(c"PLpgSQL_plugin".as_ptr()) };
        PLUGIN.store(place, Ordering::Relaxed);
    }
    // SAFETY: as above.
    add(fingerprint, unsafe { *place } as usize)
}

/// FNV's step.
fn add(number: u64, value: usize) -> u64 {
    (number ^ value as u64).wrapping_mul(0x0000_0100_0000_01B3)
}

/// What dblink exports for its function of that name.
type GetConnections = unsafe extern "C-unwind" fn(sys::FunctionCallInfo) -> sys::Datum;

/// dblink's connections, which outlive the statement that made them, and the transaction.
pub struct Dblink {
    /// Bytes that the names of the loaded libraries took when dblink was looked for; there are fewer before another is loaded.
    looked_at: Cell<usize>,
    get_connections: Cell<Option<GetConnections>>,
    has_left: Cell<bool>,
}

impl Dblink {
    pub const fn new() -> Self {
        Self {
            looked_at: Cell::new(0),
            get_connections: Cell::new(None),
            has_left: Cell::new(false),
        }
    }

    /// Whether `look` has found one.
    pub fn has_left_connections(&self) -> bool {
        self.has_left.get()
    }

    /// Looks outside a transaction. Raises what a transaction may raise.
    pub fn look_between(&self) {
        self.find_library();
        if self.get_connections.get().is_some() {
            xact::start_command();
            self.look();
            xact::commit_command();
        }
    }

    /// Looks whether this process has one that has a name. In a transaction.
    pub fn look(&self) {
        self.find_library();
        self.has_left.set(self.has_connections());
    }

    fn find_library(&self) {
        // SAFETY: adds up lengths.
        let libraries = unsafe { sys::EstimateLibraryStateSpace() };
        if self.looked_at.replace(libraries) != libraries {
            // SAFETY: the server loads libraries so that their symbols are found like this. The function is dblink's, which
            // has had this name and no argument in all majors.
            self.get_connections.set(unsafe {
                let symbol = libc::dlsym(libc::RTLD_DEFAULT, c"dblink_get_connections".as_ptr());
                core::mem::transmute::<*mut c_void, Option<GetConnections>>(symbol)
            });
        }
    }

    fn has_connections(&self) -> bool {
        let Some(get_connections) = self.get_connections.get() else {
            return false;
        };
        // SAFETY: zero is a value of each field; a function without arguments reads none.
        let mut call: sys::FunctionCallInfoBaseData = unsafe { core::mem::zeroed() };
        // SAFETY: as fmgr would; it lists names in the current memory context.
        unsafe { get_connections(&raw mut call) };
        !call.isnull
    }
}
