#include "system/attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static int result(long status)
{
	return status < 0 ? -errno : 0;
}

#define ACCESS_LIST "system.posix_acl_access"

/* What the system keeps of its own about a file is not copied: a new file gets its own. */
static bool is_copied(const char *attribute)
{
	return strncmp(attribute, "user.", 5) == 0;
}

/* 1 if there is none. */
static int copy_attribute(int to, int from, const char *name)
{
	static char value[65536];
	ssize_t size = fgetxattr(from, name, value, sizeof(value));

	if (size < 0)
		return errno == ENODATA || errno == EOPNOTSUPP || errno == ENOSYS ? 1 : -errno;
	return result(fsetxattr(to, name, value, (size_t)size, 0));
}

static int copy_attributes(int to, int from)
{
	static char names[65536];
	ssize_t size = flistxattr(from, names, sizeof(names));

	if (size < 0)
		return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -errno;
	for (const char *name = names; name < names + size; name += strlen(name) + 1) {
		int error = is_copied(name) ? copy_attribute(to, from, name) : 0;
		if (error < 0)
			return error;
	}
	return 0;
}

/* As in linux/posix_acl_xattr.h: who, what, and an id that these three do not have; little-endian. */
#define LIST_ENTRY(who, rights) (who), 0, (unsigned char)((rights)&7), 0, 0xff, 0xff, 0xff, 0xff

/* The access control list, which has the mode in it, or else the mode. Nobody is granted more in between: a mode shows the
 * list's mask as rights of the group, and becomes the mask of a list that the directory has given to the new file. */
static int copy_rights(int to, int from, mode_t mode, mode_t other)
{
	const unsigned char plain[] = {2, 0, 0, 0, LIST_ENTRY(1, mode >> 6),
		LIST_ENTRY(4, mode >> 3), LIST_ENTRY(0x20, mode)};
	int error = copy_attribute(to, from, ACCESS_LIST);

	if (error == 1 && fgetxattr(to, ACCESS_LIST, NULL, 0) > 0)
		error = result(fsetxattr(to, ACCESS_LIST, plain, sizeof(plain), 0));
	if (error == 1)
		error = ((mode ^ other) & 0777) != 0 ? result(fchmod(to, mode & 0777)) : 0;
	return error;
}

/* The number of the mount that the file was opened through; 0 if the system does not tell. */
static uint64_t mount_of(int fd)
{
	/* As in linux/stat.h, which not every libc shows whole. */
	struct {
		uint32_t mask;
		char other[0x90 - sizeof(uint32_t)];
		uint64_t mount;
		char more[256 - 0x90 - sizeof(uint64_t)];
	} answer = {.mask = 0};
	const uint32_t wanted = 0x1000;

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, wanted, &answer) < 0)
		return 0;
	return (answer.mask & wanted) != 0 ? answer.mount : 0;
}

bool attributes_share_mount(int fd, int old)
{
	return mount_of(old) == mount_of(fd);
}

int attributes_take_after(int fd, int old)
{
	struct stat was, is;
	int error = 0;

	if (fstat(old, &was) < 0 || fstat(fd, &is) < 0)
		return -errno;
	if (was.st_uid != is.st_uid)
		return -EPERM;
	if (was.st_gid != is.st_gid)
		error = result(fchown(fd, (uid_t)-1, was.st_gid));
	if (error == 0)
		error = copy_rights(fd, old, was.st_mode, is.st_mode);
	return error < 0 ? error : copy_attributes(fd, old);
}
