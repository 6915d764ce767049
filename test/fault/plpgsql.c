/*
 * A library that looks for a setting of PL/pgSQL's when it is loaded, and in a trigger. test/fault/plpgsql.sh builds and uses it.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

PG_FUNCTION_INFO_V1(was_there);
PG_FUNCTION_INFO_V1(is_there);

static bool found;

static bool
look(void)
{
	return GetConfigOption("plpgsql.check_asserts", true, false) != NULL;
}

void
_PG_init(void)
{
	found = look();
}

Datum
was_there(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(found);
}

/* A trigger that lets a row through only if it is. */
Datum
is_there(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	return PointerGetDatum(look() ? data->tg_trigtuple : NULL);
}
