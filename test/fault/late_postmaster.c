/*
 * For LD_PRELOAD: whoever forks goes on a moment later than the child, as on a busy machine. test/fault/late_postmaster.sh builds
 * and uses it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

pid_t
fork(void)
{
	static pid_t (*real) (void) = NULL;
	struct timespec moment = {0, 50 * 1000 * 1000};
	pid_t		result;

	if (real == NULL)
		real = dlsym(RTLD_NEXT, "fork");
	result = real();
	if (result > 0)
		nanosleep(&moment, NULL);
	return result;
}
