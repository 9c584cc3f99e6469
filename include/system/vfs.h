/*
 * Files, as the session sees them: every path is resolved by the kernel from the working directory
 * and the root directory (the jail's, where there is one). All functions return -errno on failure.
 */
#ifndef SOLOFTPD_SYSTEM_VFS_H
#define SOLOFTPD_SYSTEM_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "system/account.h"

struct facts {
	mode_t mode; /* type and permissions */
	uid_t uid;
	gid_t gid;
	uint64_t links;
	uint64_t size;	      /* bytes */
	int64_t modified;     /* seconds since 1970 */
	uint32_t nanoseconds; /* behind them */
	uint64_t device, inode;
};

#define VFS_STICKY 01000 /* of a mode: only owners rename and remove in the directory */
bool vfs_is_link(const struct facts *facts);
bool vfs_is_regular(const struct facts *facts);
bool vfs_is_same(const struct facts *one, const struct facts *other);

/* Takes over what FTP shows of a stat(2) result. */
struct stat;
void vfs_facts(const struct stat *st, struct facts *out_facts);

/* The facts of an open file, as they are now; -EINVAL unless it is a regular one. */
int vfs_regular_facts(int fd, struct facts *out_facts);

/* Whether an error says that something failed, or is used up, and not that it can't be done with this file or in this place. */
bool vfs_is_failure(int error);

/* open(2) with O_CLOEXEC, made again when a signal interrupts it: a descriptor, or -1 and errno. */
int vfs_open(const char *path, int flags, mode_t mode);

/* Opens whatever it is to read, at once even a FIFO. Returns a descriptor the caller owns, or -errno. */
int vfs_open_any(const char *path);

/* Opens a regular file to read (-EINVAL for any other kind, at once even for a FIFO) and sets its
 * descriptor, which the caller owns, and its facts. */
int vfs_open_read(const char *path, int *out_fd, struct facts *out_facts);

/* Opens a regular file to write, making it with `mode` less the umask when it is missing. Its content is not touched.
 * `exclusive`: -EEXIST when it is there. Sets the descriptor, which the caller owns, and whether the file was made just now. */
int vfs_open_write(const char *path, mode_t mode, bool exclusive, int *out_fd, bool *out_created);

/* Opens a regular file that is there (one that was removed just now is made), to read if that is allowed and to write. Sets the
 * descriptor, which the caller owns, and its facts. */
int vfs_open_update(const char *path, mode_t mode, int *out_fd, struct facts *out_facts);

/* Sets the mode of an open file and then gives it to another user, which needs the privilege to. 0 or -errno. */
int vfs_give(int fd, mode_t mode, const struct account *owner);

/* Takes a lock on all bytes of the file for as long as it is open (fcntl(2)); -EAGAIN if another process holds one against it.
 * vfs_lock_behind: for writing, on one byte behind all that a file can have, which keeps nobody from the file. */
#define VFS_SIZE_MAX ((off_t)1 << 62) /* no file is larger */
int vfs_lock(int fd, bool for_writing);
int vfs_lock_behind(int fd);

int vfs_truncate(int fd, uint64_t size);
int vfs_seek(int fd, uint64_t offset);

/* Goes to the end and says where that is, in bytes. */
int vfs_seek_end(int fd, uint64_t *out_offset);

/* Puts the content on the disk (fsync(2)). */
int vfs_sync(int fd);

/* Closes and reports what the file system only says then (a quota, a full disk). */
int vfs_close(int fd);

ssize_t vfs_read(int fd, void *bytes, size_t size);
int vfs_write_all(int fd, const void *bytes, size_t size);

/* Copies `bytes` of a file, from where both are; shares them where the file system can. Returns 0 or -errno. */
int vfs_copy(int to, int from, uint64_t bytes);

/* Facts of what a path names: the target of a symbolic link, or the link itself. */
int vfs_stat(const char *path, struct facts *out_facts);
int vfs_link_stat(const char *path, struct facts *out_facts);
int vfs_link_target(const char *path, char *out, size_t capacity);

/* The name that `path` has after all symbolic links; what does not exist yet keeps its last part. */
int vfs_real(const char *path, char *out, size_t capacity);

int vfs_enter(const char *path);
int vfs_current(char *out, size_t capacity);
int vfs_make_directory(const char *path, mode_t mode);
int vfs_remove_directory(const char *path);
int vfs_remove_file(const char *path);
/* Removes the file open as `fd`, if `path` still names it; -ESTALE if it does not. */
int vfs_remove_open_file(const char *path, int fd);

int vfs_rename(const char *from, const char *to);
int vfs_set_mode(const char *path, mode_t mode);
int vfs_set_modified(const char *path, int64_t seconds, uint32_t nanoseconds);

/* What the mode bits of a file give to this process, as of its identity at the first call: read 4, write 2,
 * execute 1. Root has all. Access control lists are seen as far as the bits show them. */
unsigned vfs_rights(const struct facts *facts);

/* Whether the file belongs to this process (or the process is root's). */
bool vfs_is_own(const struct facts *facts);

/* Bytes that the file system of `path`, or of an open file, has left for users (statvfs(3)). */
int vfs_available(const char *path, uint64_t *out_bytes);
int vfs_space(int fd, uint64_t *out_bytes);

/* Sets the umask and returns the one before. */
mode_t vfs_umask(mode_t mask);

#endif
