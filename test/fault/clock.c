/*
 * For LD_PRELOAD: the time of day is so many seconds late as the file named by PGBG_CLOCK says, from one call to the next, as if
 * somebody had set it back. test/fault/clock.sh builds and uses it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long
lateness(void)
{
	const char *file = getenv("PGBG_CLOCK");
	char		text[32] = "";
	int			fd;

	if (file == NULL || (fd = open(file, O_RDONLY)) < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return atol(text);
}

int
gettimeofday(struct timeval *tv, void *tz)
{
	static int	(*real) (struct timeval *, void *) = NULL;
	int			result;

	if (real == NULL)
		real = dlsym(RTLD_NEXT, "gettimeofday");
	result = real(tv, tz);
	tv->tv_sec -= lateness();
	return result;
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	static int	(*real) (clockid_t, struct timespec *) = NULL;
	int			result;

	if (real == NULL)
		real = dlsym(RTLD_NEXT, "clock_gettime");
	result = real(clock, ts);
	if (clock == CLOCK_REALTIME)
		ts->tv_sec -= lateness();
	return result;
}
