//! access/htup_details.h, access/tupdesc.h, executor/tuptable.h: rows and their descriptions.

use super::memory::Context;
use super::text::Str;
use crate::pg_sys as sys;
use crate::pg_sys::alignment::SERVER;
use core::ffi::{c_char, c_int};
use core::marker::PhantomData;
use core::ptr::{NonNull, null};

/// MINIMAL_TUPLE_OFFSET: so many bytes of a heap tuple's header a minimal tuple leaves out.
pub const MINIMAL_TUPLE_OFFSET: usize = SERVER.minimal_tuple_offset();

/// A row as it crosses between processes.
///
/// # Invariants
/// Points to a MAXALIGNed MinimalTupleData of t_len readable bytes, alive for `'a`.
#[derive(Clone, Copy)]
pub struct MinimalTuple<'a> {
    data: NonNull<sys::MinimalTupleData>,
    /// t_len as it was checked: the tuple may lie where another process can write.
    length: u32,
    lifetime: PhantomData<&'a ()>,
}

impl<'a> MinimalTuple<'a> {
    /// The tuple that `bytes` are; None if they are not aligned as one or t_len disagrees.
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        let length = u32::from_ne_bytes(*bytes.first_chunk::<4>()?);
        let data = NonNull::from(bytes).cast::<sys::MinimalTupleData>();
        (length as usize == bytes.len()
            && bytes.len() >= SERVER.minimal_tuple_header()
            && data.addr().get() % SERVER.maximum == 0)
            .then_some(Self {
                data,
                length,
                lifetime: PhantomData,
            })
    }

    /// # Safety
    /// As the type's invariant says.
    pub unsafe fn from_ptr(tuple: sys::MinimalTuple) -> Self {
        // SAFETY: the caller's promise includes that it is not NULL.
        unsafe {
            Self {
                data: NonNull::new_unchecked(tuple),
                length: (*tuple).t_len,
                lifetime: PhantomData,
            }
        }
    }

    /// All of its bytes.
    pub fn bytes(self) -> &'a [u8] {
        // SAFETY: by the type's invariant.
        unsafe {
            core::slice::from_raw_parts(self.data.as_ptr().cast::<u8>(), self.length as usize)
        }
    }

    /// HEAP_HASEXTERNAL: some attribute may be stored out of line.
    pub fn has_external(self) -> bool {
        // SAFETY: by the type's invariant.
        u32::from(unsafe { (*self.data.as_ptr()).t_infomask }) & sys::HEAP_HASEXTERNAL != 0
    }

    /// The same bytes seen as a heap tuple. Its header's first MINIMAL_TUPLE_OFFSET bytes are not there: only for
    /// functions that do not read them.
    pub fn as_heap_tuple(self) -> sys::HeapTupleData {
        // SAFETY: zero is a value of each field.
        let mut heap: sys::HeapTupleData = unsafe { core::mem::zeroed() };
        heap.t_len = self.length + MINIMAL_TUPLE_OFFSET as u32;
        heap.t_data = self
            .data
            .as_ptr()
            .cast::<u8>()
            .wrapping_sub(MINIMAL_TUPLE_OFFSET)
            .cast();
        heap
    }

    /// For C.
    pub fn as_ptr(self) -> sys::MinimalTuple {
        self.data.as_ptr()
    }
}

/// A row as a table has it.
///
/// # Invariants
/// Points to t_len readable bytes, alive for `'a`. If they are a page's, the page is pinned, and other processes may set
/// hint bits in t_infomask meanwhile.
#[derive(Clone, Copy)]
pub struct HeapTuple<'a> {
    data: NonNull<sys::HeapTupleHeaderData>,
    length: usize,
    lifetime: PhantomData<&'a ()>,
}

impl HeapTuple<'_> {
    /// HEAP_HASEXTERNAL: some attribute may be stored out of line.
    pub fn has_external(self) -> bool {
        // SAFETY: by the type's invariant.
        u32::from(unsafe { (*self.data.as_ptr()).t_infomask }) & sys::HEAP_HASEXTERNAL != 0
    }

    /// Bytes of the same row as a minimal tuple.
    pub fn minimal_length(self) -> usize {
        self.length - MINIMAL_TUPLE_OFFSET
    }

    /// minimal_tuple_from_heap_tuple without allocating.
    ///
    /// # Safety
    /// `to` is MAXALIGNed, with `minimal_length` bytes to write to.
    pub unsafe fn write_minimal(self, to: NonNull<u8>) {
        let length = self.minimal_length();
        // SAFETY: the caller's promise and the type's invariant; nobody else has the place. A hint bit that changes
        // meanwhile means nothing to a minimal tuple.
        unsafe {
            to.copy_from_nonoverlapping(self.data.cast::<u8>().add(MINIMAL_TUPLE_OFFSET), length);
            to.cast::<u32>().write(length as u32);
        }
    }
}

/// A row in a slot, as the slot has it.
pub enum Row<'a> {
    Heap(HeapTuple<'a>),
    Minimal(MinimalTuple<'a>),
    /// Values and nulls, deformed.
    Values(&'a [sys::Datum], &'a [bool]),
}

/// What is known of a column.
#[derive(Clone, Copy)]
pub struct Column {
    pub name: Str,
    pub type_oid: sys::Oid,
    pub typmod: i32,
    /// Bytes, -1 for varlena, -2 for cstring.
    pub length: i16,
    pub by_value: bool,
    /// typalign: `c`, `s`, `i` or `d`.
    pub alignment: u8,
    /// ALTER dropped it: it has no name and no type any more, but still a place.
    pub is_dropped: bool,
}

/// A TupleDesc.
///
/// # Invariants
/// Points to a live TupleDescData.
#[derive(Clone, Copy)]
pub struct Descriptor(NonNull<sys::TupleDescData>);

impl Descriptor {
    /// # Safety
    /// NULL, which gives None, or a live descriptor.
    pub unsafe fn from_ptr(desc: sys::TupleDesc) -> Option<Self> {
        NonNull::new(desc).map(Self)
    }

    /// A descriptor in the current memory context. Raises for a type that does not exist.
    pub fn build(columns: usize, column: impl Fn(usize) -> (*const c_char, sys::Oid, i32)) -> Self {
        // SAFETY: attribute numbers run from 1 to the number of attributes; names are NUL-terminated or NULL.
        unsafe {
            let desc = sys::CreateTemplateTupleDesc(columns as c_int);
            for i in 0..columns {
                let (name, type_oid, typmod) = column(i);
                sys::TupleDescInitEntry(desc, (i + 1) as i16, name, type_oid, typmod, 0);
            }
            sys::pgbg_finalize_tupdesc(desc);
            Self(NonNull::new_unchecked(desc))
        }
    }

    /// A copy of that of a row type, in the current memory context. Raises for a type that is none.
    pub fn of_row_type(type_oid: sys::Oid) -> Self {
        Self::of_composite(type_oid, -1)
    }

    /// The same of a composite value, which says of which type and typmod it is. What typcache.c knows about types without a name it
    /// never gives up, so that this is not copied.
    pub fn of_composite(type_oid: sys::Oid, typmod: i32) -> Self {
        // SAFETY: never returns NULL; needs a transaction, which every job and SQL function has. typcache.c counts itself as
        // one who uses what it keeps.
        unsafe {
            let desc = if type_oid == sys::RECORDOID {
                let desc = sys::lookup_rowtype_tupdesc(type_oid, typmod);
                if (*desc).tdrefcount >= 0 {
                    sys::DecrTupleDescRefCount(desc);
                }
                desc
            } else {
                sys::lookup_rowtype_tupdesc_copy(type_oid, typmod)
            };
            Self(NonNull::new_unchecked(desc))
        }
    }

    /// A copy in `context`.
    pub fn copy(self, context: Context) -> Self {
        // SAFETY: by the type's invariant.
        context.run(|| unsafe {
            Self(NonNull::new_unchecked(sys::CreateTupleDescCopy(
                self.0.as_ptr(),
            )))
        })
    }

    /// Whose row type it is, if that has a name.
    pub fn named_type(self) -> Option<sys::Oid> {
        // SAFETY: by the type's invariant.
        let type_oid = unsafe { (*self.0.as_ptr()).tdtypeid };
        (type_oid != sys::RECORDOID).then_some(type_oid)
    }

    /// How many columns.
    pub fn len(self) -> usize {
        // SAFETY: by the type's invariant.
        usize::try_from(unsafe { (*self.0.as_ptr()).natts }).unwrap_or(0)
    }

    /// The column at `i`, from 0.
    pub fn column(self, i: usize) -> Column {
        assert!(i < self.len());
        // SAFETY: `i` is within the descriptor; attname is a NUL-terminated NameData.
        unsafe {
            let attribute = sys::pgbg_tupdesc_attr(self.0.as_ptr(), i as c_int);
            Column {
                name: Str::from_nonnull(NonNull::new_unchecked(
                    (&raw mut (*attribute).attname.data).cast(),
                )),
                type_oid: (*attribute).atttypid,
                typmod: (*attribute).atttypmod,
                length: (*attribute).attlen,
                by_value: (*attribute).attbyval,
                alignment: (*attribute).attalign as u8,
                is_dropped: (*attribute).attisdropped,
            }
        }
    }

    /// Type and typmod of each column.
    pub fn types(self) -> impl Iterator<Item = (sys::Oid, i32)> {
        (0..self.len()).map(move |i| {
            let column = self.column(i);
            (column.type_oid, column.typmod)
        })
    }

    /// For C.
    pub fn as_ptr(self) -> sys::TupleDesc {
        self.0.as_ptr()
    }
}

/// A TupleTableSlot of ours that holds minimal tuples.
///
/// # Invariants
/// Points to a live slot.
#[derive(Clone, Copy)]
pub struct Slot(NonNull<sys::TupleTableSlot>);

impl Slot {
    /// Made in the current memory context; `drop_slot` or the context's end frees it.
    pub fn minimal(desc: Descriptor) -> Self {
        Self::make(desc, &raw const sys::TTSOpsMinimalTuple)
    }

    /// One for values, in the current memory context, likewise.
    pub fn of_values(desc: Descriptor) -> Self {
        Self::make(desc, &raw const sys::TTSOpsVirtual)
    }

    fn make(desc: Descriptor, operations: *const sys::TupleTableSlotOps) -> Self {
        // SAFETY: the descriptor is alive; the operations are constants of the server; what palloc makes is never NULL.
        Self(unsafe {
            NonNull::new_unchecked(sys::MakeSingleTupleTableSlot(desc.as_ptr(), operations))
        })
    }

    /// Shows a row of values in a slot that was made for them. What they point to outlives what the slot shows.
    pub fn show(self, values: &[sys::Datum]) {
        // SAFETY: by the type's invariant; the arrays of a slot that was made for values are its own, as long as its
        // descriptor.
        unsafe {
            let slot = self.0.as_ptr();
            sys::ExecClearTuple(slot);
            let natts = (*(*slot).tts_tupleDescriptor).natts as usize;
            assert!(values.len() == natts && (*slot).tts_ops == &raw const sys::TTSOpsVirtual);
            for (i, value) in values.iter().enumerate() {
                (*slot).tts_values.add(i).write(*value);
                (*slot).tts_isnull.add(i).write(false);
            }
            sys::ExecStoreVirtualTuple(slot);
        }
    }

    /// # Safety
    /// A live slot.
    pub unsafe fn from_ptr(slot: *mut sys::TupleTableSlot) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { NonNull::new_unchecked(slot) })
    }

    /// Shows a tuple, which stays the caller's and outlives what the slot shows.
    pub fn store(self, tuple: MinimalTuple<'_>) {
        // SAFETY: by the type's invariant; `false`: the slot does not free it.
        unsafe { sys::ExecStoreMinimalTuple(tuple.as_ptr(), self.0.as_ptr(), false) };
    }

    /// Shows nothing any more.
    pub fn clear(self) {
        // SAFETY: by the type's invariant.
        unsafe { sys::ExecClearTuple(self.0.as_ptr()) };
    }

    /// Frees it. No copy may be used afterwards.
    pub fn free(self) {
        // SAFETY: by the type's invariant.
        unsafe { sys::ExecDropSingleTupleTableSlot(self.0.as_ptr()) }
    }

    /// The row as the slot has it, without copying; valid until the slot changes.
    pub fn row<'a>(self) -> Row<'a> {
        let slot = self.0.as_ptr();
        // SAFETY: by the type's invariant. A slot of a kind that can show such a tuple keeps it, too: there is nothing to
        // free.
        unsafe {
            let kind = &*(*slot).tts_ops;
            if let Some(get) = kind.get_heap_tuple {
                let tuple = get(slot);
                Row::Heap(HeapTuple {
                    data: NonNull::new_unchecked((*tuple).t_data),
                    length: (*tuple).t_len as usize,
                    lifetime: PhantomData,
                })
            } else if let Some(get) = kind.get_minimal_tuple {
                Row::Minimal(MinimalTuple::from_ptr(get(slot)))
            } else {
                let (values, nulls) = self.values();
                Row::Values(values, nulls)
            }
        }
    }

    /// The row's values and nulls, deformed, valid until the slot changes.
    pub fn values<'a>(self) -> (&'a mut [sys::Datum], &'a mut [bool]) {
        // SAFETY: by the type's invariant; after slot_getallattrs the arrays hold natts entries. They belong to the slot,
        // and nobody else reads them before it changes.
        unsafe {
            let slot = self.0.as_ptr();
            sys::slot_getallattrs(slot);
            let natts = (*(*slot).tts_tupleDescriptor).natts as usize;
            if natts == 0 {
                return (&mut [], &mut []);
            }
            (
                core::slice::from_raw_parts_mut((*slot).tts_values, natts),
                core::slice::from_raw_parts_mut((*slot).tts_isnull, natts),
            )
        }
    }

    /// For C.
    pub fn as_ptr(self) -> *mut sys::TupleTableSlot {
        self.0.as_ptr()
    }
}

/// An empty descriptor, for slots that only carry rows.
pub fn no_columns() -> Descriptor {
    Descriptor::build(0, |_| (null(), 0, -1))
}
