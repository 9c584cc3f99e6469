#include "system/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "system/process.h"
#include "system/vfs.h"
#include "text/buffer.h"

#define PREFIX ".soloftpd-"
#define KEPT_PREFIX PREFIX "part-"

/* Longer names are kept under a number of theirs. */
#define NAME_KEPT 200

/* Seconds: a draft this young may not have its lock yet, or no longer; one that can't be locked at all has been left by
 * then; nobody comes back for an unfinished file that old. */
#define YOUNG 60
#define LEFT (24 * 3600)
#define FORGOTTEN (7 * 24 * 3600)

static int result(long status)
{
	return status < 0 ? -errno : 0;
}

bool draft_is_name(const char *name)
{
	return strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0;
}

static bool is_kept_name(const char *name)
{
	return strncmp(name, KEPT_PREFIX, sizeof(KEPT_PREFIX) - 1) == 0;
}

/* ---- names ---- */

static int beside(const char *target, const char *name, char out[PATH_TEXT])
{
	UNCLEARED char parent[PATH_TEXT];
	int error = path_parent(target, parent, sizeof(parent));

	if (error < 0)
		return error;
	if (strcmp(parent, ".") != 0)
		return path_join(parent, name, out, PATH_TEXT);
	/* No longer than it must be: the working directory may be deep. */
	memcpy(out, name, strlen(name) + 1);
	return 0;
}

static int random_name(const char *target, char out[PATH_TEXT])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char random[13];
	char name[sizeof(PREFIX) + sizeof(random)];
	struct buffer b;

	if (process_random(random, sizeof(random)) < 0)
		return -EIO;
	buffer_start(&b, name, sizeof(name));
	buffer_string(&b, PREFIX);
	for (size_t i = 0; i < sizeof(random); i++)
		buffer_byte(&b, letters[random[i] % 32]);
	return beside(target, buffer_text(&b), out);
}

/* FNV-1a, for names that leave no room for a prefix. */
static uint64_t number_of(const char *name)
{
	uint64_t number = 0xcbf29ce484222325;

	for (; *name; name++)
		number = (number ^ (unsigned char)*name) * 0x100000001b3;
	return number;
}

static int kept_name(const char *target, char out[PATH_TEXT])
{
	const char *last = path_last(target);
	char name[sizeof(KEPT_PREFIX) + NAME_KEPT + 1];
	struct buffer b;

	buffer_start(&b, name, sizeof(name));
	buffer_string(&b, KEPT_PREFIX);
	if (strlen(last) <= NAME_KEPT)
		buffer_string(&b, last);
	else
		buffer_number(&b, number_of(last));
	return beside(target, buffer_text(&b), out);
}

/* ---- making ---- */

/* Drafts are opened for writing alone: where nothing may be downloaded, reading is not allowed either. */

/* The lock lies behind the file's bytes: when a draft has just got its place it may still be open, and must not keep
 * anybody from reading it there. A file system without locks is no reason to do without drafts. */
static int lock(int fd)
{
	int error = vfs_lock_behind(fd);

	return error == -EAGAIN ? error : 0;
}

static int make(struct draft *draft, mode_t mode)
{
	int error;

	draft->fd = vfs_open(draft->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
	if (draft->fd < 0)
		return -errno;
	error = lock(draft->fd);
	if (error < 0)
		draft_drop(draft);
	return error;
}

static bool is_mine(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && st->st_nlink == 1;
}

static int find_kept(const char *target, char kept[PATH_TEXT], struct stat *out_st)
{
	int error = kept_name(target, kept);

	if (error < 0)
		return error;
	if (lstat(kept, out_st) < 0)
		return -errno;
	return is_mine(out_st) ? 0 : -ENOENT;
}

static bool is_older(struct timespec one, struct timespec other)
{
	return one.tv_sec != other.tv_sec ? one.tv_sec < other.tv_sec : one.tv_nsec < other.tv_nsec;
}

/* When a file was written last, as far as can be told: clients set times of modification, also ones to come. */
static struct timespec written(const struct stat *st)
{
	return is_older(st->st_ctim, st->st_mtim) ? st->st_ctim : st->st_mtim;
}

/* Where the file itself was written since, nobody can mean to go on with what is older. */
static int find_wanted(const char *target, char kept[PATH_TEXT], struct stat *out_st)
{
	struct stat named;
	int error = find_kept(target, kept, out_st);

	if (error < 0)
		return error;
	if (lstat(target, &named) < 0)
		return errno == ENOENT ? 0 : -errno;
	return is_older(out_st->st_mtim, written(&named)) ? -ENOENT : 0;
}

/* 0 if the open file is this user's, and still has the name; -ENOENT. */
static int still_has_name(int fd, const char *name)
{
	struct stat open_file, named;

	if (fstat(fd, &open_file) < 0 || lstat(name, &named) < 0)
		return -errno;
	return is_mine(&open_file) && open_file.st_dev == named.st_dev &&
			       open_file.st_ino == named.st_ino
		       ? 0
		       : -ENOENT;
}

/* Opens and locks an unfinished file: what somebody writes is not to be had (-EAGAIN), nor what has become a file since
 * (-ENOENT). Returns a descriptor the caller owns. */
static int take_kept(const char *kept)
{
	int fd = vfs_open(kept, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0), error;

	if (fd < 0)
		return -errno;
	error = lock(fd);
	if (error == 0)
		error = still_has_name(fd, kept);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

int draft_kept_size(const char *target, uint64_t *out_bytes)
{
	UNCLEARED char kept[PATH_TEXT];
	struct stat st;
	int error = find_wanted(target, kept, &st), fd = error == 0 ? take_kept(kept) : error;

	if (fd < 0)
		return fd;
	*out_bytes = (uint64_t)st.st_size;
	close(fd);
	return st.st_size > 0 ? 0 : -ENOENT;
}

int draft_forget(const char *target)
{
	UNCLEARED char kept[PATH_TEXT];
	struct stat st;
	int error = find_kept(target, kept, &st), fd = error == 0 ? take_kept(kept) : error;

	/* What may not even be written is of no use to anybody. */
	if (fd < 0 && fd != -EACCES)
		return fd;
	error = result(unlink(kept));
	if (fd >= 0)
		close(fd);
	return error;
}

int draft_resume(struct draft *draft, const char *target)
{
	struct stat st;
	int error = find_wanted(target, draft->name, &st),
	    fd = error == 0 ? take_kept(draft->name) : error;

	draft->kept = draft->found = true;
	draft->fd = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

int draft_begin(struct draft *draft, const char *target, mode_t mode, bool keeps)
{
	int error = keeps ? kept_name(target, draft->name) : -EEXIST;

	draft->found = false;
	if (error == 0)
		error = make(draft, mode);
	draft->kept = error == 0;
	if (error != -EEXIST)
		return error;
	if (keeps && draft_resume(draft, target) == 0)
		return 0;
	draft->kept = draft->found = false;
	error = random_name(target, draft->name);
	return error < 0 ? error : make(draft, mode);
}

/* ---- the end ---- */

/* As in linux/magic.h since Linux 5.12. */
#define XFS_MAGIC 0x58465342

/* Whether closing has nothing to report: file systems of networks may find only then that the disk is full. */
static bool closes_silently(int fd)
{
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return false;
	switch ((uint32_t)st.f_type) {
	case BTRFS_SUPER_MAGIC:
	case EXT4_SUPER_MAGIC: /* and its elders */
	case TMPFS_MAGIC:
	case XFS_MAGIC:
		return true;
	default:
		return false;
	}
}

/* Closing ends the lock: what is whole must not be gone on with. */
static int hide(struct draft *draft, const char *target)
{
	UNCLEARED char hidden[PATH_TEXT];
	int error = random_name(target, hidden);

	if (error == 0)
		error = result(rename(draft->name, hidden));
	if (error == 0)
		memcpy(draft->name, hidden, strlen(hidden) + 1);
	return error;
}

int draft_close(struct draft *draft, const char *target, bool sync)
{
	int error = sync ? vfs_sync(draft->fd) : 0, closing;

	/* Its lock keeps it from others until it has its name. */
	if (error == 0 && draft->kept && closes_silently(draft->fd))
		return 0;
	if (error == 0 && draft->kept)
		error = hide(draft, target);
	closing = vfs_close(draft->fd);
	draft->fd = -1;
	return error < 0 ? error : closing;
}

static int sync_directory(const char *target)
{
	UNCLEARED char parent[PATH_TEXT];
	int error = path_parent(target, parent, sizeof(parent)), fd;

	if (error < 0)
		return error;
	fd = vfs_open(parent, O_RDONLY | O_DIRECTORY, 0);
	/* A directory that may not be read can't be synchronised by anyone but the system. */
	if (fd < 0)
		return errno == EACCES ? 0 : -errno;
	error = vfs_sync(fd);
	close(fd);
	return error == -EINVAL ? 0 : error;
}

/* File systems that can't promise it are asked first: the chance that another client comes in between is theirs. */
static int place_exclusively(const char *name, const char *target)
{
	struct stat st;

	/* Not every libc has it. */
	if (syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, target, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (lstat(target, &st) == 0)
		return -EEXIST;
	return result(rename(name, target));
}

static void close_draft(struct draft *draft)
{
	if (draft->fd >= 0)
		close(draft->fd);
	draft->fd = -1;
}

int draft_place(struct draft *draft, const char *target, bool exclusive, bool sync)
{
	int error = exclusive ? place_exclusively(draft->name, target)
			      : result(rename(draft->name, target));

	if (error == 0)
		close_draft(draft);
	return error == 0 && sync ? sync_directory(target) : error;
}

void draft_drop(struct draft *draft)
{
	(void)unlink(draft->name);
	close_draft(draft);
}

/* An older one is replaced, unless somebody is writing it. */
static int keep_as(const char *name, const char *kept)
{
	int error = place_exclusively(name, kept), older;

	if (error != -EEXIST)
		return error;
	older = take_kept(kept);
	if (older < 0)
		return older;
	error = result(rename(name, kept));
	close(older);
	return error;
}

void draft_keep(struct draft *draft, const char *target)
{
	UNCLEARED char kept[PATH_TEXT];

	if (!draft->kept && (kept_name(target, kept) < 0 || keep_as(draft->name, kept) < 0))
		(void)unlink(draft->name);
	close_draft(draft);
}

/* ---- what was left behind ---- */

static bool is_left(int directory, const char *name, bool all)
{
	struct stat st;
	int64_t age;
	int fd, error;
	bool left = false;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_mine(&st))
		return false;
	age = (int64_t)time(NULL) - (int64_t)st.st_mtim.tv_sec;
	if (!all && (age < YOUNG || (is_kept_name(name) && age < FORGOTTEN)))
		return false;
	fd = openat(directory, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	error = fd < 0 ? -errno : vfs_lock_behind(fd);
	if (error == 0)
		left = true;
	else if (error != -EAGAIN)
		left = age >= LEFT;
	if (fd >= 0)
		close(fd);
	return left;
}

static const char *next_name(DIR *stream)
{
	struct dirent *entry;

	do {
		entry = readdir(stream);
	} while (entry && path_is_dots(entry->d_name));
	return entry ? entry->d_name : NULL;
}

/* Whether there is nothing else in the directory; one that stays keeps all. */
static bool is_all_left(DIR *stream, unsigned most)
{
	const char *name;

	while ((name = next_name(stream)) != NULL)
		if (most-- == 0 || !draft_is_name(name) || !is_left(dirfd(stream), name, true))
			return false;
	rewinddir(stream);
	return true;
}

static DIR *open_directory(const char *directory)
{
	int fd = vfs_open(directory, O_RDONLY | O_DIRECTORY, 0);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream && fd >= 0)
		close(fd);
	return stream;
}

void draft_sweep(const char *directory, unsigned most, bool all)
{
	DIR *stream = open_directory(directory);
	const char *name;

	if (!stream)
		return;
	if (all && !is_all_left(stream, most))
		most = 0;
	for (; most > 0 && (name = next_name(stream)) != NULL; most--)
		if (draft_is_name(name) && is_left(dirfd(stream), name, all))
			(void)unlinkat(dirfd(stream), name, 0);
	closedir(stream);
}
