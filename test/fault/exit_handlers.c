/*
 * A library with functions that register an exit handler, and that call exit(). test/fault/exit_handlers.sh builds and uses it.
 */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(register_handler);
PG_FUNCTION_INFO_V1(call_exit);

static FILE *
open_notes(void)
{
	return fopen(getenv("PGBG_EXITS"), "a");
}

static void
registered(void)
{
	FILE	   *file = open_notes();

	if (file != NULL)
	{
		fprintf(file, "registered %d\n", (int) getpid());
		fclose(file);
	}
}

/* It also leaves something in a stream. */
Datum
register_handler(PG_FUNCTION_ARGS)
{
	FILE	   *file = open_notes();

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
