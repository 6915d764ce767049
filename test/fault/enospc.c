/*
 * For LD_PRELOAD: while a file named by PGBG_ENOSPC exists, nothing can be written below pgsql_tmp, as if the disk were
 * full; or broken, if the file is not empty. If it has a single byte, nothing can be read from there instead.
 * test/fault/storage.sh builds and uses it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* What reading or writing that file ends with; 0 where nothing is wrong. */
static int
trouble(int fd, int reading)
{
	const char *flag = getenv("PGBG_ENOSPC");
	struct stat state;
	char		link[64];
	char		path[1024];
	ssize_t		length;

	if (flag == NULL || stat(flag, &state) != 0 || reading != (state.st_size == 1))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return 0;
	path[length] = '\0';
	if (strstr(path, "pgsql_tmp") == NULL)
		return 0;
	return state.st_size == 0 ? ENOSPC : EIO;
}

#define CALL(name, reading, parameters, arguments) \
ssize_t \
name parameters \
{ \
	static ssize_t (*real) parameters; \
	int			error = trouble(fd, reading); \
\
	if (error != 0) \
	{ \
		errno = error; \
		return -1; \
	} \
	if (real == NULL) \
		real = (ssize_t (*) parameters) dlsym(RTLD_NEXT, #name); \
	return real arguments; \
}

CALL(write, 0, (int fd, const void *data, size_t length), (fd, data, length))
CALL(pwrite, 0, (int fd, const void *data, size_t length, off_t offset), (fd, data, length, offset))
CALL(pwrite64, 0, (int fd, const void *data, size_t length, off64_t offset), (fd, data, length, offset))
CALL(pwritev, 0, (int fd, const struct iovec *iov, int count, off_t offset), (fd, iov, count, offset))
CALL(pwritev64, 0, (int fd, const struct iovec *iov, int count, off64_t offset), (fd, iov, count, offset))

CALL(read, 1, (int fd, void *data, size_t length), (fd, data, length))
CALL(pread, 1, (int fd, void *data, size_t length, off_t offset), (fd, data, length, offset))
CALL(pread64, 1, (int fd, void *data, size_t length, off64_t offset), (fd, data, length, offset))
CALL(preadv, 1, (int fd, const struct iovec *iov, int count, off_t offset), (fd, iov, count, offset))
CALL(preadv64, 1, (int fd, const struct iovec *iov, int count, off64_t offset), (fd, iov, count, offset))
