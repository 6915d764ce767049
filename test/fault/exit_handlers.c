/*
 * A library with functions that register an exit handler, and that call exit(). In the postmaster it registers a handler as well,
 * which its children inherit. test/fault/exit_handlers.sh builds and uses it.
 */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fmgr.h"
#include "miscadmin.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

PG_FUNCTION_INFO_V1(register_handler);
PG_FUNCTION_INFO_V1(call_exit);

static void
note(const char *which)
{
	FILE	   *file = fopen(getenv("PGBG_EXITS"), "a");

	if (file != NULL)
	{
		fprintf(file, "%s %d\n", which, (int) getpid());
		fclose(file);
	}
}

static void
inherited(void)
{
	note("inherited");
}

static void
registered(void)
{
	note("registered");
}

void
_PG_init(void)
{
	if (process_shared_preload_libraries_in_progress)
		atexit(inherited);
}

/* It also leaves something in a stream. */
Datum
register_handler(PG_FUNCTION_ARGS)
{
	FILE	   *file = fopen(getenv("PGBG_EXITS"), "a");

	if (file != NULL)
		fprintf(file, "stream %d\n", (int) getpid());
	atexit(registered);
	PG_RETURN_VOID();
}

Datum
call_exit(PG_FUNCTION_ARGS)
{
	exit(PG_GETARG_INT32(0));
}
