/*
 * Landlock (landlock(7)): what the kernel lets this process do to files and ports, whoever it is. A ruleset names the rights it
 * is about; they are then refused everywhere but where a rule grants them. Can only become narrower.
 */
#ifndef SOLOFTPD_SYSTEM_LANDLOCK_H
#define SOLOFTPD_SYSTEM_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* The kernel's numbers (linux/landlock.h), which older headers lack in part. */
enum {
	RIGHT_EXECUTE = 1 << 0,
	RIGHT_WRITE_FILE = 1 << 1,
	RIGHT_READ_FILE = 1 << 2,
	RIGHT_READ_DIR = 1 << 3,
	RIGHT_REMOVE_DIR = 1 << 4,
	RIGHT_REMOVE_FILE = 1 << 5,
	RIGHT_MAKE_CHAR = 1 << 6,
	RIGHT_MAKE_DIR = 1 << 7,
	RIGHT_MAKE_REG = 1 << 8,
	RIGHT_MAKE_SOCK = 1 << 9,
	RIGHT_MAKE_FIFO = 1 << 10,
	RIGHT_MAKE_BLOCK = 1 << 11,
	RIGHT_MAKE_SYM = 1 << 12,
	RIGHT_REFER = 1 << 13,	   /* renaming between directories; version 2 */
	RIGHT_TRUNCATE = 1 << 14,  /* version 3 */
	RIGHT_IOCTL_DEV = 1 << 15, /* version 5 */
	/* Moving an entry of any kind needs the right to make one. */
	RIGHTS_MAKE = RIGHT_MAKE_CHAR | RIGHT_MAKE_DIR | RIGHT_MAKE_REG | RIGHT_MAKE_SOCK |
		      RIGHT_MAKE_FIFO | RIGHT_MAKE_BLOCK | RIGHT_MAKE_SYM,
	RIGHTS_CHANGE = RIGHTS_MAKE | RIGHT_WRITE_FILE | RIGHT_REMOVE_DIR | RIGHT_REMOVE_FILE |
			RIGHT_REFER | RIGHT_TRUNCATE,
	RIGHTS_ALL = (1 << 16) - 1,
};

/* Of ports; version 4. */
enum { RIGHT_BIND = 1 << 0, RIGHT_CONNECT = 1 << 1 };

/* Towards processes outside; version 6. */
enum { SCOPE_ABSTRACT_UNIX = 1 << 0, SCOPE_SIGNAL = 1 << 1 };

/* What a ruleset is about; fields as the kernel has them. */
struct landlock_subject {
	uint64_t files; /* RIGHT_EXECUTE… */
	uint64_t ports; /* RIGHT_BIND, RIGHT_CONNECT */
	uint64_t scope;
};

/* The kernel's version of Landlock, 1 and up, or -errno: -ENOSYS or -EOPNOTSUPP where it has none, or a
 * container hides it. */
int landlock_version(void);

/* Leaves in the subject what a kernel of `version` knows. */
void landlock_limit(struct landlock_subject *subject, int version);

/* Starts a ruleset: a descriptor, or -errno. */
int landlock_start(const struct landlock_subject *subject);

/* Grants `rights` (of those the ruleset is about) below the directory `path`, or on the file `path`. Returns 0 or -errno;
 * -ENOENT for a path that is not there. */
int landlock_grant(int ruleset, const char *path, uint64_t rights);

/* Grants rights below those directories in `path` whose name is meant; hidden ones and links never are. */
int landlock_grant_children(
	int ruleset, const char *path, bool (*is_meant)(const char *name), uint64_t rights);

/* Grants rights on a port (host order; 0: whatever port the kernel chooses). Returns 0 or -errno. */
int landlock_grant_port(int ruleset, uint16_t port, uint64_t rights);

/* Puts the process under the ruleset for good and closes it; it must have no_new_privs. Returns 0 or -errno. */
int landlock_enter(int ruleset);

/* Closes a ruleset that is not entered. */
void landlock_abandon(int ruleset);

#endif
