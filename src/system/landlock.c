#include "system/landlock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As in linux/landlock.h, whose older versions know less. */
#define ASK_VERSION 1U
#define RULE_PATH 1
#define RULE_PORT 2

struct path_rule {
	uint64_t rights;
	int32_t parent;
} __attribute__((packed));

struct port_rule {
	uint64_t rights;
	uint64_t port;
};

/* What a file that is no directory can have rules about. */
#define FILE_RIGHTS                                                                      \
	((uint64_t)RIGHT_EXECUTE | RIGHT_WRITE_FILE | RIGHT_READ_FILE | RIGHT_TRUNCATE | \
		RIGHT_IOCTL_DEV)

static int result(long status)
{
	return status < 0 ? -errno : (int)status;
}

int landlock_version(void)
{
	int version = result(syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION));

	/* The kernel never says that to this question: what a container is made of does, of calls it does not know. */
	return version == -EPERM ? -ENOSYS : version;
}

void landlock_limit(struct landlock_subject *subject, int version)
{
	if (version < 2)
		subject->files &= ~(uint64_t)RIGHT_REFER;
	if (version < 3)
		subject->files &= ~(uint64_t)RIGHT_TRUNCATE;
	if (version < 4)
		subject->ports = 0;
	if (version < 5)
		subject->files &= ~(uint64_t)RIGHT_IOCTL_DEV;
	if (version < 6)
		subject->scope = 0;
}

/* What the ruleset in the making is about: a rule must not name anything else. */
static uint64_t about;

int landlock_start(const struct landlock_subject *subject)
{
	about = subject->files;
	/* Kernels of fewer fields take the longer form as long as the rest is zero. */
	return result(syscall(SYS_landlock_create_ruleset, subject, sizeof(*subject), 0));
}

static int grant_below(int ruleset, int directory, const char *name, int flags, uint64_t rights)
{
	struct path_rule rule = {.rights = rights & about};
	int error;

	rule.parent = openat(directory, name, O_PATH | O_CLOEXEC | flags);
	if (rule.parent < 0)
		return -errno;
	/* Nothing is asked of the file itself: a server of files that is down would be waited for. */
	error = result(syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0));
	rule.rights &= FILE_RIGHTS;
	if (error == -EINVAL && rule.rights != 0)
		error = result(syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0));
	close(rule.parent);
	return error;
}

int landlock_grant(int ruleset, const char *path, uint64_t rights)
{
	return grant_below(ruleset, AT_FDCWD, path, 0, rights);
}

/* What getdents64(2) fills its buffer with. */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* A directory that can't be opened (its server is gone, say) stays closed, and keeps nobody from the others. */
static void grant_entries(int ruleset, int directory, const char *entries, size_t size,
	bool (*is_meant)(const char *name), uint64_t rights)
{
	for (size_t at = 0; at < size;) {
		const struct entry *entry = (const void *)(entries + at);
		/* Not every file system says what its entries are. */
		bool may_be = entry->type == DT_DIR || entry->type == DT_UNKNOWN;
		if (may_be && entry->name[0] != '.' && is_meant(entry->name))
			(void)grant_below(
				ruleset, directory, entry->name, O_DIRECTORY | O_NOFOLLOW, rights);
		at += entry->size;
	}
}

int landlock_grant_children(
	int ruleset, const char *path, bool (*is_meant)(const char *name), uint64_t rights)
{
	_Alignas(struct entry) char entries[4096];
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int got;

	if (directory < 0)
		return -errno;
	do {
		got = result(syscall(SYS_getdents64, directory, entries, sizeof(entries)));
		if (got > 0)
			grant_entries(ruleset, directory, entries, (size_t)got, is_meant, rights);
	} while (got > 0);
	close(directory);
	return got;
}

int landlock_grant_port(int ruleset, uint16_t port, uint64_t rights)
{
	struct port_rule rule = {.rights = rights, .port = port};

	return result(syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0));
}

int landlock_enter(int ruleset)
{
	int error = result(syscall(SYS_landlock_restrict_self, ruleset, 0));

	close(ruleset);
	return error;
}

void landlock_abandon(int ruleset)
{
	close(ruleset);
}
