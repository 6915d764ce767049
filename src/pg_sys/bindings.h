/*
 * Everything of PostgreSQL that the extension may use. bindgen reads this file and keeps what allowlist.txt names; the
 * generated wrappers of static inline functions include it too.
 */
#include "c.h"

#if PG_VERSION_NUM >= 180000
/* It is _Noreturn, which is no part of a function's type, so that bindgen would not see it behind the macro. */
#undef pg_noreturn
#define pg_noreturn __attribute__((noreturn))
#endif

#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tupdesc.h"
#include "access/transam.h"
#include "access/twophase.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/discard.h"
#include "commands/prepare.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "jit/jit.h"
#include "lib/stringinfo.h"
#include "libpq/pqcomm.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/params.h"
#include "nodes/pg_list.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "postmaster/bgworker_internals.h"
#include "postmaster/interrupt.h"
#include "replication/slot.h"
#include "storage/dsm.h"
#include "storage/dsm_impl.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/procsignal.h"
#include "storage/shmem.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "storage/sinval.h"
#include "storage/spin.h"
#include "tcop/cmdtag.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/elog.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/portal.h"
#include "utils/ps_status.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"
#include "utils/varlena.h"
#include "utils/wait_event.h"
#include "utils/xid8.h"

#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif

/*
 * From libpq/libpq.h, the same in 14 to 19. That header itself drags in GSSAPI's and OpenSSL's, which need not be
 * installed where the server's headers are. build.rs compares this copy with the server's own text.
 */
typedef struct PQcommMethods
{
	void		(*comm_reset) (void);
	int			(*flush) (void);
	int			(*flush_if_writable) (void);
	bool		(*is_send_pending) (void);
	int			(*putmessage) (char msgtype, const char *s, size_t len);
	void		(*putmessage_noblock) (char msgtype, const char *s, size_t len);
} PQcommMethods;

extern PGDLLIMPORT const PQcommMethods *PqCommMethods;

/* From libpq/libpq-be.h, for the same reason. */
extern PGDLLIMPORT ProtocolVersion FrontendProtocol;

/* Macros that bindgen cannot evaluate. */
enum
{
	PGBG_FLOAT8PASSBYVAL = FLOAT8PASSBYVAL,
	PGBG_MINIMAL_TUPLE_OFFSET = MINIMAL_TUPLE_OFFSET,
	PGBG_PROTOCOL_LATEST = PG_PROTOCOL_LATEST,
	PGBG_SIZEOF_MINIMAL_TUPLE_HEADER = SizeofMinimalTupleHeader
};

/* 15 notes the role that set a value. */
enum
{
	PGBG_SETTINGS_HAVE_ROLES = PG_VERSION_NUM >= 150000
};

/* What the system cannot do without has numbers below; 15 renamed the boundary. */
enum
{
#if PG_VERSION_NUM >= 150000
	PGBG_FIRST_UNPINNED_OBJECT = FirstUnpinnedObjectId
#else
	PGBG_FIRST_UNPINNED_OBJECT = FirstBootstrapObjectId
#endif
};

/* 16 keeps settings in a hash table, of which only a sorted copy is to be had. */
enum
{
	PGBG_COUNTING_VARIABLES_IS_CHEAP = PG_VERSION_NUM < 160000
};

/* 17 added transaction_timeout, and named memory that takes the lock by itself. */
enum
{
	PGBG_HAS_TRANSACTION_TIMEOUT = PG_VERSION_NUM >= 170000,
	PGBG_NAMED_MEMORY_IS_LOCKED = PG_VERSION_NUM >= 170000
};

/* 19 folded CLUSTER into REPACK. */
#if PG_VERSION_NUM >= 190000
#define PGBG_CLUSTER_TAG T_RepackStmt
#else
#define PGBG_CLUSTER_TAG T_ClusterStmt
#endif
enum
{
	PGBG_CLUSTER_STATEMENT = PGBG_CLUSTER_TAG
};

/* Where a setting has the place of its variable, and the place of what RESET gives. Of which type both are, its vartype tells. */
typedef struct pgbg_setting_value
{
	const void *const *variable;
	const void *reset_val;
} pgbg_setting_value;

/* A setting that is not at its default, and its number among all, from 0; always 0 from 16 on. */
typedef struct pgbg_nondefault
{
	struct config_generic *setting;
	int			number;
} pgbg_nondefault;

/* Which settings pgbg_next_setting has yet to look at. Of no use once one was set. */
typedef struct pgbg_settings
{
	void	   *next;
	void	   *end;
} pgbg_settings;
