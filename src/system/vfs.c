#include "system/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/account.h"
#include "text/path.h"

/* Symbolic links the kernel follows in one name (path_resolution(7)). */
#define LINKS_MAX 40

static int result(int status)
{
	return status < 0 ? -errno : 0;
}

bool vfs_is_failure(int error)
{
	switch (error) {
	case -EAGAIN:
	case -EDQUOT:
	case -EINTR:
	case -EIO:
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -ENOSPC:
	case -ESTALE:
		return true;
	default:
		return false;
	}
}

int vfs_open(const char *path, int flags, mode_t mode)
{
	int fd;

	do {
		fd = open(path, flags | O_CLOEXEC, mode);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

void vfs_facts(const struct stat *st, struct facts *out_facts)
{
	*out_facts = (struct facts){
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.links = (uint64_t)st->st_nlink,
		.size = (uint64_t)st->st_size,
		.modified = (int64_t)st->st_mtim.tv_sec,
		.nanoseconds = (uint32_t)st->st_mtim.tv_nsec,
		.device = (uint64_t)st->st_dev,
		.inode = (uint64_t)st->st_ino,
	};
}

bool vfs_is_link(const struct facts *facts)
{
	return S_ISLNK(facts->mode);
}

bool vfs_is_same(const struct facts *one, const struct facts *other)
{
	return one->device == other->device && one->inode == other->inode;
}

bool vfs_is_regular(const struct facts *facts)
{
	return S_ISREG(facts->mode);
}

int vfs_regular_facts(int fd, struct facts *out_facts)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	vfs_facts(&st, out_facts);
	return 0;
}

/* Closes `fd` unless it is a regular file. */
static int only_regular(int fd, struct facts *out_facts)
{
	int error = vfs_regular_facts(fd, out_facts);

	if (error < 0)
		close(fd);
	return error;
}

int vfs_open_any(const char *path)
{
	/* O_NONBLOCK: opening a FIFO must not wait; regular files do not mind. */
	int fd = vfs_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	return fd < 0 ? -errno : fd;
}

int vfs_open_read(const char *path, int *out_fd, struct facts *out_facts)
{
	int fd = vfs_open_any(path), error = fd < 0 ? fd : only_regular(fd, out_facts);

	if (error == 0)
		*out_fd = fd;
	return error;
}

int vfs_open_write(const char *path, mode_t mode, bool exclusive, int *out_fd, bool *out_created)
{
	int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CREAT;
	struct facts facts;
	/* Made exclusively first, so that a failed upload knows whether the file was its own. */
	int fd = vfs_open(path, flags | O_EXCL, mode);
	bool created = fd >= 0;
	int error;

	if (!created && errno == EEXIST && !exclusive) {
		/* O_CREAT again: the name may be a symbolic link that points nowhere yet. */
		fd = vfs_open(path, flags, mode);
	}
	if (fd < 0)
		return -errno;
	error = only_regular(fd, &facts);
	if (error < 0 && created)
		(void)unlink(path); /* nobody will fill it */
	if (error < 0)
		return error;
	*out_fd = fd;
	*out_created = created;
	return 0;
}

int vfs_open_update(const char *path, mode_t mode, int *out_fd, struct facts *out_facts)
{
	/* O_CREAT, though it is there: only then does the system look whose it is (protected_regular). */
	int flags = O_NONBLOCK | O_NOCTTY | O_CREAT;
	int fd = vfs_open(path, O_RDWR | flags, mode), error;

	/* Who may write it need not be allowed to read it. */
	if (fd < 0 && errno == EACCES)
		fd = vfs_open(path, O_WRONLY | flags, mode);
	if (fd < 0)
		return -errno;
	error = only_regular(fd, out_facts);
	if (error == 0)
		*out_fd = fd;
	return error;
}

int vfs_give(int fd, mode_t mode, const struct account *owner)
{
	/* In this order: afterwards the mode is the new owner's business. */
	int error = result(fchmod(fd, mode & 0777));

	return error < 0 ? error : result(fchown(fd, owner->uid, owner->gid));
}

static int set_lock(int fd, short type, off_t start, off_t size)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = size};

	do {
		if (fcntl(fd, F_SETLK, &lock) == 0)
			return 0;
	} while (errno == EINTR);
	return errno == EACCES ? -EAGAIN : -errno;
}

int vfs_lock(int fd, bool for_writing)
{
	return set_lock(fd, for_writing ? F_WRLCK : F_RDLCK, 0, VFS_SIZE_MAX);
}

int vfs_lock_behind(int fd)
{
	return set_lock(fd, F_WRLCK, VFS_SIZE_MAX, 1);
}

int vfs_truncate(int fd, uint64_t size)
{
	int error;

	do {
		error = result(ftruncate(fd, (off_t)size));
	} while (error == -EINTR);
	return error;
}

int vfs_seek(int fd, uint64_t offset)
{
	return lseek(fd, (off_t)offset, SEEK_SET) < 0 ? -errno : 0;
}

int vfs_seek_end(int fd, uint64_t *out_offset)
{
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0)
		return -errno;
	*out_offset = (uint64_t)end;
	return 0;
}

int vfs_sync(int fd)
{
	int error;

	do {
		error = result(fsync(fd));
	} while (error == -EINTR);
	return error;
}

int vfs_close(int fd)
{
	int error = result(close(fd));

	/* It is closed all the same (close(2)), and can't be closed twice. */
	return error == -EINTR ? 0 : error;
}

ssize_t vfs_read(int fd, void *bytes, size_t size)
{
	ssize_t got;

	do {
		got = read(fd, bytes, size);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

int vfs_write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		ssize_t written = write(fd, at, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		at += written;
		size -= (size_t)written;
	}
	return 0;
}

static int copy_through_memory(int to, int from, uint64_t bytes)
{
	static char piece[65536];

	while (bytes > 0) {
		ssize_t got = vfs_read(from, piece, bytes < sizeof(piece) ? bytes : sizeof(piece));
		int error = got > 0 ? vfs_write_all(to, piece, (size_t)got) : (int)got;
		if (got == 0)
			return -EIO; /* the file has lost bytes meanwhile */
		if (error < 0)
			return error;
		bytes -= (uint64_t)got;
	}
	return 0;
}

int vfs_copy(int to, int from, uint64_t bytes)
{
	/* Some file systems share the blocks. */
	while (bytes > 0) {
		ssize_t got = copy_file_range(from, NULL, to, NULL, (size_t)bytes, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return copy_through_memory(to, from, bytes);
		bytes -= (uint64_t)got;
	}
	return 0;
}

int vfs_stat(const char *path, struct facts *out_facts)
{
	struct stat st;
	int error = result(stat(path, &st));

	if (error == 0)
		vfs_facts(&st, out_facts);
	return error;
}

int vfs_link_stat(const char *path, struct facts *out_facts)
{
	struct stat st;
	int error = result(lstat(path, &st));

	if (error == 0)
		vfs_facts(&st, out_facts);
	return error;
}

int vfs_link_target(const char *path, char *out, size_t capacity)
{
	ssize_t size = readlink(path, out, capacity - 1);

	if (size < 0)
		return -errno;
	out[size] = '\0';
	return 0;
}

/* The path that the symbolic link `path` holds, as seen from where the link is. */
static int follow_link(const char *path, char *out, size_t capacity)
{
	static char parent[PATH_TEXT], target[PATH_TEXT];
	int error = vfs_link_target(path, target, sizeof(target));

	if (error == 0)
		error = path_parent(path, parent, sizeof(parent));
	if (error < 0)
		return error;
	return path_join(target[0] == '/' ? "" : parent, target, out, capacity);
}

static int real_parent(const char *path, char *out, size_t capacity)
{
	static char parent[PATH_TEXT], real[PATH_MAX];
	int error = path_parent(path, parent, sizeof(parent));

	if (error < 0)
		return error;
	if (!realpath(parent, real))
		return -errno;
	return path_join(real, path_last(path), out, capacity);
}

int vfs_real(const char *path, char *out, size_t capacity)
{
	static char real[PATH_MAX], from[PATH_TEXT], to[PATH_TEXT];
	int error = path_join("", path, from, sizeof(from));

	if (error == 0 && path[0] != '/')
		error = vfs_current(real, sizeof(real)); /* realpath asks as libc does, see there */
	if (error < 0)
		return error;
	if (realpath(path, real))
		return path_join("", real, out, capacity);
	/* Links that lead to nothing yet: the name they would give a new file. */
	for (int links = 0; links < LINKS_MAX && follow_link(from, to, sizeof(to)) == 0; links++)
		memcpy(from, to, sizeof(from));
	return real_parent(from, out, capacity);
}

int vfs_enter(const char *path)
{
	return result(chdir(path));
}

int vfs_current(char *out, size_t capacity)
{
	/* libc's function would climb to the root, reading every directory on the way, where the name is too
	 * long for the system's: seconds for each command in a deep tree. */
	if (syscall(SYS_getcwd, out, capacity) < 0)
		return -errno;
	/* A directory outside the root, or removed, has no absolute name: it must not look like one. */
	return out[0] == '/' ? 0 : -ENOENT;
}

int vfs_make_directory(const char *path, mode_t mode)
{
	return result(mkdir(path, mode));
}

int vfs_remove_directory(const char *path)
{
	return result(rmdir(path));
}

int vfs_remove_file(const char *path)
{
	return result(unlink(path));
}

int vfs_remove_open_file(const char *path, int fd)
{
	struct stat open_file, named;

	if (fstat(fd, &open_file) < 0 || stat(path, &named) < 0)
		return -errno;
	if (open_file.st_dev != named.st_dev || open_file.st_ino != named.st_ino)
		return -ESTALE;
	return vfs_remove_file(path);
}

int vfs_rename(const char *from, const char *to)
{
	return result(rename(from, to));
}

int vfs_set_mode(const char *path, mode_t mode)
{
	return result(chmod(path, mode & 0777));
}

int vfs_set_modified(const char *path, int64_t seconds, uint32_t nanoseconds)
{
	struct timespec times[2] = {
		{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)seconds, .tv_nsec = (long)nanoseconds}};

	return result(utimensat(AT_FDCWD, path, times, 0));
}

/* Who this process is, asked once: after the login it never changes. */
static struct {
	bool known;
	uid_t uid;
	gid_t gid;
	gid_t groups[ACCOUNT_GROUPS];
	int group_count;
} self;

static void know_self(void)
{
	self.known = true;
	self.uid = geteuid();
	self.gid = getegid();
	self.group_count = getgroups(ACCOUNT_GROUPS, self.groups);
}

static bool is_in_group(gid_t gid)
{
	if (gid == self.gid)
		return true;
	for (int i = 0; i < self.group_count; i++)
		if (self.groups[i] == gid)
			return true;
	return false;
}

unsigned vfs_rights(const struct facts *facts)
{
	if (!self.known)
		know_self();
	if (self.uid == 0)
		return 7;
	if (facts->uid == self.uid)
		return facts->mode >> 6 & 7;
	return (is_in_group(facts->gid) ? facts->mode >> 3 : facts->mode) & 7;
}

bool vfs_is_own(const struct facts *facts)
{
	if (!self.known)
		know_self();
	return self.uid == 0 || facts->uid == self.uid;
}

int vfs_available(const char *path, uint64_t *out_bytes)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return -errno;
	*out_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

int vfs_space(int fd, uint64_t *out_bytes)
{
	struct statvfs st;

	if (fstatvfs(fd, &st) < 0)
		return -errno;
	*out_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

mode_t vfs_umask(mode_t mask)
{
	return umask(mask);
}
