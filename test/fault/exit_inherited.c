/*
 * For LD_PRELOAD: the postmaster has registered an exit handler, as libraries of the server's own do, which its children inherit.
 * With PGBG_HIDDEN the server does not see how that came. test/fault/exit_handlers.sh builds and uses it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
inherited(void)
{
	FILE	   *file = fopen(getenv("PGBG_EXITS"), "a");

	if (file != NULL)
	{
		fprintf(file, "inherited %d\n", (int) getpid());
		fclose(file);
	}
}

__attribute__((constructor)) static void
in_postmaster(void)
{
	if (strcmp(program_invocation_short_name, "postgres") != 0)
		return;
	atexit(inherited);
	if (getenv("PGBG_HIDDEN") != NULL)
		unsetenv("LD_PRELOAD");
}
