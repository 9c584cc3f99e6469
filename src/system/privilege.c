#include "system/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <unistd.h>

static int become(const struct account *account)
{
	if (setgroups((size_t)account->group_count, account->groups) < 0 ||
		setresgid((gid_t)-1, account->gid, (gid_t)-1) < 0 ||
		setresuid((uid_t)-1, account->uid, (uid_t)-1) < 0)
		return -errno;
	return 0;
}

static int return_to_root(void)
{
	if (setresuid((uid_t)-1, 0, (uid_t)-1) < 0 || setresgid((gid_t)-1, 0, (gid_t)-1) < 0 ||
		setgroups(0, NULL) < 0)
		return -errno;
	return 0;
}

int privilege_enter(const struct account *account, const char *directory)
{
	int error = become(account), back;

	if (error == 0 && chdir(directory) < 0)
		error = -errno;
	back = return_to_root();
	return error < 0 ? error : back;
}

int privilege_can_write_here(const struct account *account)
{
	int error = become(account), back, writable = 0;

	if (error == 0)
		writable = faccessat(AT_FDCWD, ".", W_OK, AT_EACCESS) == 0;
	back = return_to_root();
	if (error == 0)
		error = back;
	return error < 0 ? error : writable;
}

int privilege_jail(void)
{
	struct stat here, root;

	if (stat(".", &here) < 0 || chroot(".") < 0 || chdir("/") < 0 || stat("/..", &root) < 0)
		return -errno;
	return here.st_dev == root.st_dev && here.st_ino == root.st_ino ? 0 : -EPERM;
}

struct capabilities {
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
};

static struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

static int get_capabilities(struct capabilities *out_held)
{
	return syscall(SYS_capget, &header, out_held->data) < 0 ? -errno : 0;
}

/* Keeps those of `kept` that are held, and may use them; nothing is inherited. */
static int keep_capabilities(uint64_t kept)
{
	struct capabilities held;
	int error = get_capabilities(&held);

	if (error < 0)
		return error;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		held.data[i].permitted &= (uint32_t)(kept >> 32 * i);
		held.data[i].effective = held.data[i].permitted;
		held.data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, held.data) < 0 ? -errno : 0;
}

/* Whether any capability but `kept` is held. */
static bool holds_more(uint64_t kept)
{
	struct capabilities held;

	if (get_capabilities(&held) < 0)
		return true;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t any = held.data[i].effective | held.data[i].permitted;
		if ((any & ~(uint32_t)(kept >> 32 * i)) != 0 || held.data[i].inheritable != 0)
			return true;
	}
	return false;
}

static bool holds_groups(const struct account *account)
{
	gid_t groups[ACCOUNT_GROUPS];
	int count = getgroups(ACCOUNT_GROUPS, groups);
	bool same = count == account->group_count;

	/* The kernel keeps them sorted: compare as sets. */
	for (int i = 0; same && i < count; i++) {
		same = false;
		for (int j = 0; j < account->group_count && !same; j++)
			same = groups[i] == account->groups[j];
	}
	return same;
}

static bool is_dropped(const struct account *account, uint64_t kept)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
		return false;
	if (ruid != account->uid || euid != account->uid || suid != account->uid)
		return false;
	if (rgid != account->gid || egid != account->gid || sgid != account->gid)
		return false;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return false;
	if (!holds_groups(account) || holds_more(kept) || setresuid(0, 0, 0) == 0)
		return false;
	return account->gid == 0 || setresgid(0, 0, 0) < 0;
}

int privilege_forbid_gains(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* What the way from the greeting to the login needs. */
#define BIT(capability) (1ULL << (capability))
#define UNTIL_LOGIN                                                                       \
	(BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SYS_CHROOT) | BIT(CAP_AUDIT_WRITE) | \
		BIT(CAP_NET_BIND_SERVICE))

int privilege_reduce(bool gives, bool starts)
{
	uint64_t kept = UNTIL_LOGIN;
	struct capabilities held;
	int error = privilege_forbid_gains();

	for (int capability = 0; error == 0; capability++) {
		/* A program that root starts has what is left here. */
		if (starts && capability == CAP_DAC_READ_SEARCH)
			continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* the kernel has no more */
			break;
		/* A container may withhold the privilege to do this. What no_new_privs forbids is forbidden anyway. */
		if (errno == EPERM)
			break;
		error = -errno;
	}
	if (error < 0)
		return error;
	error = get_capabilities(&held);
	if (error < 0)
		return error;
	kept |= gives ? BIT(CAP_CHOWN) : 0;
	/* Containers often have the wider one alone, and it takes one of them to make a user's home a jail. */
	kept |= held.data[0].permitted & BIT(CAP_DAC_READ_SEARCH) ? BIT(CAP_DAC_READ_SEARCH)
								  : BIT(CAP_DAC_OVERRIDE);
	return keep_capabilities(kept);
}

/* A thread, of a PAM module for instance, would keep what this one gives up. */
static bool is_alone(void)
{
	return unshare(CLONE_SIGHAND) == 0 || errno != EINVAL;
}

int privilege_drop(const struct account *account, bool gives)
{
	uint64_t kept = gives ? BIT(CAP_CHOWN) : 0;
	int error = 0;

	if (account->uid == 0 || !is_alone())
		return -EPERM;
	if (gives && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setgroups((size_t)account->group_count, account->groups) < 0 ||
		setresgid(account->gid, account->gid, account->gid) < 0 ||
		setresuid(account->uid, account->uid, account->uid) < 0)
		return -errno;
	if (gives)
		error = keep_capabilities(kept);
	if (error == 0)
		error = privilege_forbid_gains();
	if (error < 0)
		return error;
	return is_dropped(account, kept) ? 0 : -EPERM;
}

bool privilege_gives(void)
{
	struct capabilities held;

	return get_capabilities(&held) == 0 && (held.data[0].effective & BIT(CAP_CHOWN)) != 0;
}
