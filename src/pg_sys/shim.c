/*
 * What Rust cannot say: sigsetjmp, macros, and signatures that differ between majors. No logic. Every function starts
 * with pgbg_ and the file is in alphabetical order. src/pg_sys/shim.rs declares them.
 */
#include "bindings.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* 19 made what each kind of setting adds a member of the one struct. */
#if PG_VERSION_NUM >= 190000
#define PGBG_KIND(setting, kind) (&(setting)->_##kind)
#else
#define PGBG_KIND(setting, kind) ((const struct config_##kind *) (setting))
#endif

/* 16 has no number of them at hand. */
int
pgbg_all_guc_variables(void)
{
#if PG_VERSION_NUM >= 160000
	return 0;
#else
	return GetNumConfigOptions();
#endif
}

/* 15 split pg_analyze_and_rewrite by the way in which parameters are given. */
List *
pgbg_analyze_and_rewrite(RawStmt *statement, const char *query_string)
{
#if PG_VERSION_NUM >= 150000
	return pg_analyze_and_rewrite_fixedparams(statement, query_string, NULL, 0, NULL);
#else
	return pg_analyze_and_rewrite(statement, query_string, NULL, 0, NULL);
#endif
}

/* 15 gave it a query environment. */
Query *
pgbg_analyze_varparams(RawStmt *statement, const char *query_string, Oid **types, int *count)
{
#if PG_VERSION_NUM >= 150000
	return parse_analyze_varparams(statement, query_string, types, count, NULL);
#else
	return parse_analyze_varparams(statement, query_string, types, count);
#endif
}

/*
 * Whether the settings that are not at their defaults are still those that pgbg_next_setting gave, in the same order. Up to
 * 15 those given themselves may be at their defaults by now; from 16 on they may be gone, and are not looked at.
 */
bool
pgbg_are_nondefault(void *head, const pgbg_nondefault *settings, size_t count)
{
#if PG_VERSION_NUM >= 160000
	dlist_node *node = ((dlist_node *) head)->next;

	for (size_t i = 0; i < count; i++, node = node->next)
		if (node != &settings[i].setting->nondef_link)
			return false;
	return node == head;
#else
	struct config_generic **all = get_guc_variables();
	int			total = GetNumConfigOptions();
	int			others = 0;
	int			i = 0;

	(void) head;
	StaticAssertStmt(PGC_S_DEFAULT == 0, "the sources of several settings cannot be looked at together");
	for (size_t given = 0; given < count; given++)
	{
		int			number = settings[given].number;

		if (number >= total || all[number] != settings[given].setting)
			return false;
		others -= all[number]->source;
	}
	/* Hundreds of settings before each job: few instructions for each. */
	for (; i + 4 <= total; i += 4)
		others += all[i]->source + all[i + 1]->source + all[i + 2]->source + all[i + 3]->source;
	for (; i < total; i++)
		others += all[i]->source;
	return others == 0;
#endif
}

void
pgbg_check_for_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/* The first that PostgresMain does after AbortCurrentTransaction. 15 has no SPICleanup any more. */
void
pgbg_clean_up_after_error(void)
{
	PortalErrorCleanup();
#if PG_VERSION_NUM < 150000
	SPICleanup();
#endif
	if (MyReplicationSlot != NULL)
		ReplicationSlotRelease();
}

/* 16 turned completion tags into a function; before, every caller put them together. */
int
pgbg_command_tag(char *buffer, const QueryCompletion *completion)
{
#if PG_VERSION_NUM >= 160000
	return (int) BuildQueryCompletionString(buffer, completion, false);
#else
	const char *name = GetCommandTagName(completion->commandTag);

	if (command_tag_display_rowcount(completion->commandTag))
		return snprintf(buffer, COMPLETION_TAG_BUFSIZE,
						completion->commandTag == CMDTAG_INSERT ? "%s 0 " UINT64_FORMAT : "%s " UINT64_FORMAT,
						name, completion->nprocessed);
	return snprintf(buffer, COMPLETION_TAG_BUFSIZE, "%s", name);
#endif
}

/*
 * All settings but those of libraries that are at their defaults, and how many of them nobody has defined. 16 keeps them in a
 * hash table and hands out a sorted copy.
 */
int
pgbg_count_guc_variables(int *undefined)
{
	int			all;
	int			count = 0;
#if PG_VERSION_NUM >= 160000
	struct config_generic **settings = get_guc_variables(&all);
#else
	struct config_generic **settings = get_guc_variables();

	all = GetNumConfigOptions();
#endif
	*undefined = 0;
	for (int i = 0; i < all; i++)
	{
		bool		placeholder = (settings[i]->flags & GUC_CUSTOM_PLACEHOLDER) != 0;

		if (settings[i]->group != CUSTOM_OPTIONS || settings[i]->source != PGC_S_DEFAULT || placeholder)
			count++;
		if (placeholder)
			(*undefined)++;
	}
#if PG_VERSION_NUM >= 160000
	pfree(settings);
#endif
	return count;
}

int64
pgbg_datum_get_int64(Datum datum)
{
	return DatumGetInt64(datum);
}

/* 17 can leave alone those that are copies of the primary's. */
void
pgbg_drop_temporary_slots(void)
{
#if PG_VERSION_NUM >= 170000
	ReplicationSlotCleanup(false);
#else
	ReplicationSlotCleanup();
#endif
}

/* 19 has one struct for all kinds of settings. */
const char *
pgbg_enum_setting_name(struct config_generic *setting, int value)
{
#if PG_VERSION_NUM >= 190000
	return config_enum_lookup_by_value(setting, value);
#else
	return config_enum_lookup_by_value((struct config_enum *) setting, value);
#endif
}

int
pgbg_errno(void)
{
	return errno;
}

void
pgbg_exec_project(ProjectionInfo *projection)
{
	ExecProject(projection);
}

/* 16 changed the types of its arguments, 17 made it inline. */
ssize_t
pgbg_file_read(File file, char *buffer, size_t amount, int64 offset)
{
	return FileRead(file, buffer, amount, offset, WAIT_EVENT_BUFFILE_READ);
}

/* The same. */
ssize_t
pgbg_file_write(File file, const char *buffer, size_t amount, int64 offset)
{
	errno = 0;
	return FileWrite(file, (char *) buffer, amount, offset, WAIT_EVENT_BUFFILE_WRITE);
}

/* 19 wants a last step after the attributes of a descriptor were set. */
void
pgbg_finalize_tupdesc(TupleDesc tupdesc)
{
#if PG_VERSION_NUM >= 190000
	TupleDescFinalize(tupdesc);
#else
	(void) tupdesc;
#endif
}

/* 16 lets others look settings up; before, their array is all that there is. */
struct config_generic *
pgbg_find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, 0);
#else
	struct config_generic **settings = get_guc_variables();

	for (int i = 0; i < GetNumConfigOptions(); i++)
		if (strcmp(settings[i]->name, name) == 0)
			return settings[i];
	return NULL;
#endif
}

/*
 * Up to 15 all settings are in an array. 16 keeps those that are not at their defaults in a ring, for which guc.c's own
 * functions look through all of them as well; its head, which only guc.c can name, is the one node that belongs to no
 * setting. The place of the head; false if the ring is not as expected.
 */
bool
pgbg_find_settings(void **head)
{
#if PG_VERSION_NUM >= 160000
	int			all;
	int			count = 0;
	struct config_generic **settings = get_guc_variables(&all);
	dlist_node *node;

	*head = NULL;
	for (int i = 0; i < all; i++)
		if (settings[i]->source != PGC_S_DEFAULT)
			settings[count++] = settings[i];
	node = count > 0 ? &settings[0]->nondef_link : NULL;
	for (int step = 0; step <= count && node != NULL; step++)
	{
		int			i = 0;

		while (i < count && &settings[i]->nondef_link != node)
			i++;
		if (i == count)
		{
			if (*head != NULL)
				break;
			*head = node;
		}
		node = node->next;
	}
	if (count == 0 || node != &settings[0]->nondef_link)
		*head = NULL;
	pfree(settings);
	return *head != NULL;
#else
	*head = NULL;
	return true;
#endif
}

/* Where 8 bytes are not passed by value, these point to memory of the current context; so for Int64GetDatum. */
Datum
pgbg_float8_get_datum(double value)
{
	return Float8GetDatum(value);
}

/* 18 keeps the identifier of the plan next to that of the query; both belong to one statement. */
void
pgbg_forget_query(void)
{
	pgstat_report_query_id(0, true);
#if PG_VERSION_NUM >= 180000
	pgstat_report_plan_id(0, true);
#endif
}

void
pgbg_hold_interrupts(void)
{
	HOLD_INTERRUPTS();
}

Datum
pgbg_int64_get_datum(int64 value)
{
	return Int64GetDatum(value);
}

bool
pgbg_interrupts_can_be_processed(void)
{
	return InterruptHoldoffCount == 0 && CritSectionCount == 0 && QueryCancelHoldoffCount == 0;
}

void
pgbg_lock_addin_shmem_init(void)
{
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
}

void
pgbg_log_duration(const char *sql, bool was_logged)
{
	char msec[32];

	switch (check_log_duration(msec, was_logged))
	{
		case 1:
			ereport(LOG, (errmsg("duration: %s ms", msec), errhidestmt(true)));
			break;
		case 2:
			ereport(LOG, (errmsg("duration: %s ms  statement: %s", msec, sql), errhidestmt(true)));
			break;
	}
}

void
pgbg_log_statement(const char *sql)
{
	ereport(LOG, (errmsg("statement: %s", sql), errhidestmt(true)));
}

/*
 * Whether a function that is built in looks for settings by their names, or lists them, or the libraries. 15 and 18 have
 * added one each.
 */
bool
pgbg_looks_at_settings(Oid function)
{
	switch (function)
	{
		case F_CURRENT_SETTING_TEXT:
		case F_CURRENT_SETTING_TEXT_BOOL:
		case F_SET_CONFIG:
		case F_PG_SHOW_ALL_SETTINGS:
		case F_PG_SHOW_ALL_FILE_SETTINGS:
#ifdef F_PG_SETTINGS_GET_FLAGS
		case F_PG_SETTINGS_GET_FLAGS:
#endif
#ifdef F_PG_GET_LOADED_MODULES
		case F_PG_GET_LOADED_MODULES:
#endif
			return true;
	}
	return false;
}

/* 19 keeps the names in shared memory. */
int
pgbg_lwlock_new_tranche_id(const char *name)
{
#if PG_VERSION_NUM >= 190000
	return LWLockNewTrancheId(name);
#else
	(void) name;
	return LWLockNewTrancheId();
#endif
}

void
pgbg_lwlock_register_tranche(int tranche, const char *name)
{
#if PG_VERSION_NUM >= 190000
	(void) tranche;
	(void) name;
#else
	LWLockRegisterTranche(tranche, name);
#endif
}

/* 15 made it impossible to set anything below a prefix that no variable was defined for. */
void
pgbg_mark_guc_prefix_reserved(const char *prefix)
{
#if PG_VERSION_NUM >= 150000
	MarkGUCPrefixReserved(prefix);
#else
	EmitWarningsOnPlaceholders(prefix);
#endif
}

/* 17 keeps a list of named segments; 19 gives an argument to what initialises one. */
#if PG_VERSION_NUM >= 190000
static void zero_named_memory(void *place, void *size)
{
	memset(place, 0, *(size_t *) size);
}
#elif PG_VERSION_NUM >= 170000
static size_t named_memory_size;

static void zero_named_memory(void *place)
{
	memset(place, 0, named_memory_size);
}
#endif

void *
pgbg_named_memory(const char *name, size_t size)
{
	bool		found;

#if PG_VERSION_NUM >= 190000
	return GetNamedDSMSegment(name, size, zero_named_memory, &found, &size);
#elif PG_VERSION_NUM >= 170000
	named_memory_size = size;
	return GetNamedDSMSegment(name, size, zero_named_memory, &found);
#else
	void	   *place = ShmemInitStruct(name, size, &found);

	if (!found)
		memset(place, 0, size);
	return place;
#endif
}

/* The next setting that is not at its default, from the first after pgbg_see_settings on; without one after the last. */
pgbg_nondefault
pgbg_next_setting(pgbg_settings *settings)
{
	pgbg_nondefault found = {NULL, 0};
#if PG_VERSION_NUM >= 160000
	dlist_node *node = settings->next;

	settings->next = node->next;
	if (node != settings->end)
		found.setting = dlist_container(struct config_generic, nondef_link, node);
#else
	struct config_generic **next = settings->next;
	struct config_generic **end = settings->end;

	while (next < end && (*next)->source == PGC_S_DEFAULT)
		next++;
	if (next < end)
	{
		found.setting = *next;
		found.number = next - get_guc_variables();
		settings->next = next + 1;
	}
#endif
	return found;
}

/* 18 dropped PortalRun's run_once. */
bool
pgbg_portal_run(Portal portal, bool is_top_level, DestReceiver *dest, DestReceiver *altdest, QueryCompletion *completion)
{
#if PG_VERSION_NUM >= 180000
	return PortalRun(portal, FETCH_ALL, is_top_level, dest, altdest, completion);
#else
	return PortalRun(portal, FETCH_ALL, is_top_level, true, dest, altdest, completion);
#endif
}

bool
pgbg_postmaster_is_alive(void)
{
	return PostmasterIsAlive();
}

void
pgbg_pqsignal(int signo, pqsigfunc handler)
{
	pqsignal(signo, handler);
}

/* 18 moved the attribute to where bindgen does not see that the function never returns; so for ReThrowError. */
void
pgbg_proc_exit(int status)
{
	proc_exit(status);
}

/* Format and errcode_for_file_access, which looks at errno, are macros' business. */
void
pgbg_raise_file_error(int error, const char *format, const char *path, const char *hint)
{
	errno = error;
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg_internal(format, path),
			 hint ? errhint("%s", hint) : 0));
	pg_unreachable();
}

/* Where the value of a setting that is an integer is from here on; returns where it was. */
int *
pgbg_redirect_int_setting(struct config_generic *setting, int *variable)
{
#if PG_VERSION_NUM >= 190000
	struct config_int *kind = &setting->_int;
#else
	struct config_int *kind = (struct config_int *) setting;
#endif
	int		   *before = kind->variable;

	kind->variable = variable;
	return before;
}

/* 15 returns how long statistics may wait; the caller has its own clock. */
void
pgbg_report_statistics(bool force)
{
	(void) pgstat_report_stat(force);
}

void
pgbg_resume_interrupts(void)
{
	RESUME_INTERRUPTS();
}

void
pgbg_rethrow_error(ErrorData *error)
{
	ReThrowError(error);
}

/* Up to 15 settings that are not at their defaults stand among all, from 16 on in a ring with the `head` of pgbg_find_settings. */
void
pgbg_see_settings(void *head, pgbg_settings *settings)
{
#if PG_VERSION_NUM >= 160000
	settings->next = ((dlist_node *) head)->next;
	settings->end = head;
#else
	(void) head;
	settings->next = get_guc_variables();
	settings->end = get_guc_variables() + GetNumConfigOptions();
#endif
}

/*
 * set_config_option, which where the source is lower than that of the value in force changes the reset value alone;
 * without `change` it only tells whether the value would be refused, which is 0. 15 notes the role that set it.
 */
int
pgbg_set_config_option(const char *name, const char *value, GucContext context, GucSource source, Oid role, bool change, int elevel)
{
#if PG_VERSION_NUM >= 150000
	return set_config_option_ext(name, value, context, source, role, GUC_ACTION_SET, change, elevel, true);
#else
	(void) role;
	return set_config_option(name, value, context, source, GUC_ACTION_SET, change, elevel, true);
#endif
}

/* 16 made it a macro over a function that takes the length. */
void
pgbg_set_ps_display(const char *activity)
{
	set_ps_display(activity);
}

/* 19 made what each kind of setting adds a member of the one struct. */
void
pgbg_setting_value_of(const struct config_generic *setting, pgbg_setting_value *result)
{
	switch (setting->vartype)
	{
		case PGC_BOOL:
			result->variable = (const void *const *) &PGBG_KIND(setting, bool)->variable;
			result->reset_val = &PGBG_KIND(setting, bool)->reset_val;
			break;
		case PGC_INT:
			result->variable = (const void *const *) &PGBG_KIND(setting, int)->variable;
			result->reset_val = &PGBG_KIND(setting, int)->reset_val;
			break;
		case PGC_REAL:
			result->variable = (const void *const *) &PGBG_KIND(setting, real)->variable;
			result->reset_val = &PGBG_KIND(setting, real)->reset_val;
			break;
		case PGC_STRING:
			result->variable = (const void *const *) &PGBG_KIND(setting, string)->variable;
			result->reset_val = &PGBG_KIND(setting, string)->reset_val;
			break;
		case PGC_ENUM:
			result->variable = (const void *const *) &PGBG_KIND(setting, enum)->variable;
			result->reset_val = &PGBG_KIND(setting, enum)->reset_val;
			break;
	}
}

/* 15 made the sender gather small messages before it wakes the receiver; 14 always wakes it. */
shm_mq_result
pgbg_shm_mq_sendv(shm_mq_handle *mqh, shm_mq_iovec *iov, int iovcnt, bool nowait, bool force_flush)
{
#if PG_VERSION_NUM >= 150000
	return shm_mq_sendv(mqh, iov, iovcnt, nowait, force_flush);
#else
	(void) force_flush;
	return shm_mq_sendv(mqh, iov, iovcnt, nowait);
#endif
}

/* What guc.c sorts for each setting that is added; NULL from 16 on, which has a hash table. */
struct config_generic **
pgbg_sorted_settings(int *count)
{
#if PG_VERSION_NUM >= 160000
	*count = 0;
	return NULL;
#else
	*count = GetNumConfigOptions();
	return get_guc_variables();
#endif
}

/* What a library may note of a plan, and finds: for tests. Always 0 before 18. */
int64
pgbg_swap_plan_id(int64 plan_id)
{
#if PG_VERSION_NUM >= 180000
	int64		before = pgstat_get_my_plan_id();

	pgstat_report_plan_id(plan_id, true);
	return before;
#else
	return 0;
#endif
}

/* PG_TRY. On false the error waits on the error stack: the caller handles or re-throws it. */
bool
pgbg_try(void (*function) (void *), void *argument)
{
	volatile bool finished = false;

	PG_TRY();
	{
		function(argument);
		finished = true;
	}
	PG_CATCH();
	{
	}
	PG_END_TRY();
	return finished;
}

Form_pg_attribute
pgbg_tupdesc_attr(TupleDesc tupdesc, int i)
{
	return TupleDescAttr(tupdesc, i);
}

void
pgbg_unlock_addin_shmem_init(void)
{
	LWLockRelease(AddinShmemInitLock);
}

/* 19 has no MULE_INTERNAL any more: there is a hole in the middle. */
bool
pgbg_valid_encoding(int encoding)
{
	return PG_VALID_ENCODING(encoding);
}

bool
pgbg_varatt_is_external(const struct varlena *value)
{
	return VARATT_IS_EXTERNAL(value);
}

char *
pgbg_vardata_any(const struct varlena *value)
{
	return VARDATA_ANY(value);
}

size_t
pgbg_varsize_any_exhdr(const struct varlena *value)
{
	return VARSIZE_ANY_EXHDR(value);
}

/* 17 lets an extension name its waits; before, all of them show as Extension. */
uint32
pgbg_wait_event(const char *name, uint32 number)
{
#if PG_VERSION_NUM >= 170000
	(void) number;
	return WaitEventExtensionNew(name);
#else
	(void) name;
	return PG_WAIT_EXTENSION | number;
#endif
}
