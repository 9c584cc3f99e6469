#include "policy/confinement.h"

#include <errno.h>
#include <string.h>

#include "policy/access.h"
#include "policy/passive.h"
#include "policy/writable.h"
#include "system/log.h"
#include "system/privilege.h"
#include "system/process.h"
#include "system/vfs.h"
#include "text/path.h"

/* More passive ports than these are not listed one by one: each would cost the login a microsecond. */
#define PORTS_LISTED 64

static int give_up(struct buffer *problem, const char *what, int error)
{
	buffer_string(problem, what);
	buffer_string(problem, ": ");
	buffer_string(problem, strerror(-error));
	return error;
}

/* The kernel has no such wall; whether that is a reason to refuse is the administrator's word. */
static int do_without(const struct config *config, const char *what, struct buffer *problem)
{
	return config->sandbox_required ? give_up(problem, what, -ENOSYS) : 0;
}

static bool is_missing(int error)
{
	return error == -ENOSYS || error == -EOPNOTSUPP;
}

bool confinement_gives(const struct config *config, const struct login *login)
{
	return config->chown_uploads && login->kind == LOGIN_ANONYMOUS;
}

/* ---- rulesets of Landlock ---- */

/* Version 1 of Landlock forbids to move anything between directories. */
static bool can_live_with(int version, uint64_t rights)
{
	return version > 1 || (rights & RIGHT_REFER) == 0;
}

/* Starts a ruleset, limited to what the kernel knows, for whoever needs `rights`. 0, or -errno with `problem`; `out_ruleset` is -1
 * where there is to be none. */
static int start_ruleset(const struct config *config, struct landlock_subject *subject,
	uint64_t rights, int *out_ruleset, struct buffer *problem)
{
	int version = landlock_version();

	*out_ruleset = -1;
	if (is_missing(version) || (version > 0 && !can_live_with(version, rights)))
		return do_without(config, "Landlock", problem);
	if (version < 0)
		return give_up(problem, "Landlock", version);
	landlock_limit(subject, version);
	*out_ruleset = landlock_start(subject);
	return *out_ruleset < 0 ? give_up(problem, "Landlock", *out_ruleset) : 0;
}

/* Enters it, unless the `error` of what was granted in it is one. */
static int enter_ruleset(int ruleset, int error, const char *what, struct buffer *problem)
{
	if (error == 0)
		error = landlock_enter(ruleset);
	else
		landlock_abandon(ruleset);
	return error < 0 ? give_up(problem, what, error) : 0;
}

/* ---- before the login: files ---- */

static int guard_files(const struct config *config, struct buffer *problem)
{
	struct landlock_subject subject = {
		.files = RIGHTS_CHANGE | RIGHT_EXECUTE | RIGHT_IOCTL_DEV, .scope = SCOPE_SIGNAL};
	uint64_t needed = writable_wanted(config) ? RIGHTS_CHANGE : 0;
	int ruleset, error = start_ruleset(config, &subject, needed, &ruleset, problem);

	if (error < 0 || ruleset < 0)
		return error;
	writable_prepare(config);
	return enter_ruleset(
		ruleset, writable_grant(ruleset, config), "Landlock before the login", problem);
}

/* ---- before the login: system calls ---- */

int confinement_owner(
	const struct config *config, const struct account **out_owner, struct buffer *problem)
{
	static struct account owner;
	int error = account_find(config->chown_username, &owner);

	if (error == -ENOENT)
		buffer_string(problem, "chown_username: no such account");
	else if (error < 0)
		(void)give_up(problem, "chown_username", error);
	if (error < 0)
		return error;
	*out_owner = &owner;
	return 0;
}

static void grant_giving(struct filter_grants *grants, const struct account *owner)
{
	grants->gives = owner != NULL;
	grants->uid = owner ? owner->uid : 0;
	grants->gid = owner ? owner->gid : 0;
}

/* Where names and passwords come from daemons, their sockets are needed. Others can be kept from a process that is root: behind
 * some of them are daemons that run programs for root. */
static bool uses_services(const struct config *config)
{
	static const char *const sockets[] = {"/run/mysqld/mysqld.sock", "/run/nscd/socket",
		"/run/nslcd/socket", "/run/postgresql", "/run/samba/winbindd/pipe",
		"/run/saslauthd/mux", "/run/slapd/ldapi", "/run/systemd/userdb/io.systemd.Home",
		"/var/lib/mysql/mysql.sock", "/var/lib/sss/pipes/nss", "/var/run/nslcd/socket",
		"/var/run/samba/winbindd/pipe"};
	struct facts facts;

	if (!writable_asks_pam(config))
		return false;
	/* A host's file can ask for PAM's sessions. */
	if (config->session_support || config->host_config_dir || log_system_is_stream())
		return true;
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		if (vfs_stat(sockets[i], &facts) == 0)
			return true;
	return false;
}

static int guard_calls(const struct config *config, struct buffer *problem)
{
	bool any = writable_can_change(config);
	struct filter_grants grants = {
		.modes = any || (config->write_enable && config->chmod_enable),
		.replaces = any || (config->write_enable && config->upload_atomic),
		.programs = writable_asks_pam(config),
		.rewrites = config->login_writable != NULL,
		.times = any || (config->write_enable && config->mdtm_write)};
	const struct account *owner = NULL;
	int error = 0;

	if (config->chown_uploads)
		error = confinement_owner(config, &owner, problem);
	if (error < 0)
		return error;
	grant_giving(&grants, owner);
	/* Whatever syslog is like is known, and connected, from here on. */
	log_system_open();
	grants.services = uses_services(config);
	error = filter_before(&grants);
	if (is_missing(error))
		return do_without(config, "seccomp", problem);
	return error < 0 ? give_up(problem, "seccomp before the login", error) : 0;
}

int confinement_before(const struct config *config, struct buffer *problem)
{
	int error;

	if (!config->login_sandbox || config->run_as_launching_user)
		return 0;
	error = privilege_reduce(config->chown_uploads, writable_asks_pam(config));
	if (error < 0)
		return give_up(problem, "giving up capabilities", error);
	if (config->landlock_sandbox)
		error = guard_files(config, problem);
	if (error == 0 && config->seccomp_sandbox)
		error = guard_calls(config, problem);
	return error;
}

/* ---- after the login ---- */

uint64_t confinement_rights(const struct config *config, bool anonymous)
{
	uint64_t rights = 0;

	/* A directory is read to be listed, and to be synchronised. */
	if (access_permits(config, anonymous, CLASS_LIST) ||
		(config->upload_sync && access_permits(config, anonymous, CLASS_UPLOAD)))
		rights |= RIGHT_READ_DIR;
	/* Digests and message files are read too. */
	if (access_permits(config, anonymous, CLASS_DOWNLOAD) ||
		access_permits(config, anonymous, CLASS_HASH) || config->dirmessage_enable)
		rights |= RIGHT_READ_FILE;
	/* An upload that fails is removed. */
	if (access_permits(config, anonymous, CLASS_UPLOAD))
		rights |= RIGHT_WRITE_FILE | RIGHT_MAKE_REG | RIGHT_TRUNCATE | RIGHT_REMOVE_FILE;
	if (access_permits(config, anonymous, CLASS_MKDIR))
		rights |= RIGHT_MAKE_DIR;
	if (access_permits(config, anonymous, CLASS_MODIFY))
		rights |= RIGHTS_CHANGE;
	return rights;
}

/* Ports it may listen on, and connections it may make. Ports of clients can be any. */
static void limit_ports(
	const struct config *config, bool anonymous, struct landlock_subject *subject)
{
	unsigned low, high;

	passive_range(config, &low, &high);
	subject->ports = high - low < PORTS_LISTED ? RIGHT_BIND : 0;
	if (!access_permits(config, anonymous, CLASS_PASSIVE))
		subject->ports = RIGHT_BIND;
	if (!access_permits(config, anonymous, CLASS_ACTIVE))
		subject->ports |= RIGHT_CONNECT;
}

static int grant_ports(int ruleset, const struct config *config, bool anonymous)
{
	bool active = access_permits(config, anonymous, CLASS_ACTIVE);
	unsigned low = 0, high = 0;
	int error = 0;

	if (access_permits(config, anonymous, CLASS_PASSIVE))
		passive_range(config, &low, &high);
	else if (!active)
		return 0;
	for (unsigned port = low; error == 0 && port <= high; port++)
		error = landlock_grant_port(ruleset, (uint16_t)port, RIGHT_BIND);
	/* An active connection comes from any port. */
	if (error == 0 && low > 0 && active)
		error = landlock_grant_port(ruleset, 0, RIGHT_BIND);
	return error;
}

static int wall_files(const struct config *config, bool anonymous, struct buffer *problem)
{
	uint64_t rights = confinement_rights(config, anonymous);
	struct landlock_subject subject = {
		.files = RIGHTS_ALL, .scope = SCOPE_SIGNAL | SCOPE_ABSTRACT_UNIX};
	int ruleset, error;

	limit_ports(config, anonymous, &subject);
	error = start_ruleset(config, &subject, rights, &ruleset, problem);
	if (error < 0 || ruleset < 0)
		return error;
	if (rights != 0)
		error = landlock_grant(ruleset, "/", rights);
	if (error == 0 && (subject.ports & RIGHT_BIND) != 0)
		error = grant_ports(ruleset, config, anonymous);
	return enter_ruleset(ruleset, error, "Landlock", problem);
}

bool confinement_filters(const struct config *config)
{
	return config->seccomp_sandbox && filter_is_available();
}

int confinement_after(const struct config *config, const struct login *login,
	const struct account *owner, const struct filter_kept *kept, void (*stopped)(int call),
	struct buffer *problem)
{
	struct filter_grants grants = {
		.modes = access_permits(config, login->anonymous, CLASS_CHMOD),
		.times = access_permits(config, login->anonymous, CLASS_TIMES),
		.replaces = config->upload_atomic &&
			    access_permits(config, login->anonymous, CLASS_UPLOAD),
		.modules = config->session_support && login->kind != LOGIN_ANONYMOUS};
	int error = process_restrict();

	grant_giving(&grants, owner);
	if (error < 0)
		return give_up(problem, "resource limits", error);
	if (config->run_as_launching_user) {
		error = privilege_forbid_gains();
		if (error < 0)
			return give_up(problem, "no_new_privs", error);
	}
	if (config->landlock_sandbox)
		error = wall_files(config, login->anonymous, problem);
	if (error < 0 || !config->seccomp_sandbox)
		return error;
	error = filter_after(&grants, kept, stopped);
	if (is_missing(error) &&
		!owner) /* the privilege to give files away is not left unwatched */
		return do_without(config, "seccomp", problem);
	return error < 0 ? give_up(problem, "seccomp", error) : 0;
}
