#include "policy/confinement.h"

#include <errno.h>
#include <string.h>

#include "policy/access.h"
#include "policy/options.h"
#include "policy/passive.h"
#include "system/privilege.h"
#include "system/process.h"
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

/* Files that come with the user or the host can open what is closed until then. */
static bool can_change(const struct config *config)
{
	return config->user_config_dir || config->host_config_dir;
}

static bool can_write(const struct config *config)
{
	return config->write_enable || can_change(config);
}

bool confinement_gives(const struct config *config, const struct login *login)
{
	return config->chown_uploads && login->kind == LOGIN_ANONYMOUS;
}

/* ---- before the login: what may be written ---- */

/* The system's books, and what else PAM's modules write; most machines have only some of it. */
static const char *const books[] = {
	"/run/utmp", "/var/log/btmp", "/var/log/lastlog", "/var/log/wtmp"};
static const char *const pam_files[] = {
	"/dev/null", "/run/faillock", "/var/log/faillog", "/var/log/tallylog"};

static bool is_among(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

/* The system's own directories. All others may be users', and a user's directory must stay writable. */
static bool is_users(const char *name)
{
	static const char *const systems[] = {"bin", "boot", "dev", "etc", "lost+found", "opt",
		"proc", "root", "run", "sbin", "snap", "sys", "usr", "var"};

	return strncmp(name, "lib", 3) != 0 &&
	       !is_among(name, systems, sizeof(systems) / sizeof(systems[0]));
}

static bool is_users_in_var(const char *name)
{
	static const char *const systems[] = {"account", "adm", "backups", "cache", "crash", "db",
		"empty", "lib", "local", "lock", "log", "mail", "opt", "run", "spool", "yp"};

	return !is_among(name, systems, sizeof(systems) / sizeof(systems[0]));
}

/* The next of the directories that the configuration names: anon_root, local_root as far as it is the same for all, and
 * the words of login_writable. */
struct places {
	const struct config *config;
	unsigned next;
	const char *list;
};

static bool next_word(const char **list, char *out, size_t capacity)
{
	struct buffer b;

	buffer_start(&b, out, capacity);
	while (**list == ',' || **list == ' ')
		(*list)++;
	while (**list && **list != ',' && **list != ' ')
		buffer_byte(&b, *(*list)++);
	buffer_text(&b);
	return b.size > 0;
}

/* Up to the directory in which the user's name stands. */
static void common_part(const struct config *config, const char *root, char *out, size_t capacity)
{
	const char *token = config->user_sub_token ? strstr(root, config->user_sub_token) : NULL;
	struct buffer b;

	buffer_start(&b, out, capacity);
	buffer_bytes(&b, root, token ? (size_t)(token - root) : strlen(root));
	while (token && b.size > 0 && b.data[b.size - 1] != '/')
		b.size--;
	buffer_text(&b);
}

/* Whether the value was there when the walls were built. */
static bool is_early(const struct config *config, enum option option)
{
	return config->early_sources == 0 || config->origin[option].source < config->early_sources;
}

static struct places start_places(const struct config *config)
{
	struct places places = {.config = config};

	if (is_early(config, OPTION_login_writable))
		places.list = config->login_writable;
	return places;
}

static bool next_place(struct places *places, char *out, size_t capacity)
{
	static const enum option roots[] = {OPTION_anon_root, OPTION_local_root};
	const struct config *config = places->config;

	while (places->next < sizeof(roots) / sizeof(roots[0])) {
		enum option option = roots[places->next++];
		const char *root = option_value(config, option).string;
		if (!root || root[0] != '/' || !is_early(config, option))
			continue;
		common_part(config, root, out, capacity);
		/* "/" itself would open all. */
		if (strcmp(out, "/") != 0)
			return true;
	}
	return places->list && next_word(&places->list, out, capacity);
}

static bool is_below(const char *path, const char *directory)
{
	size_t size = strlen(directory);

	while (size > 1 && directory[size - 1] == '/')
		size--;
	return strncmp(path, directory, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static bool is_guarded(const struct config *config)
{
	return config->login_sandbox && config->landlock_sandbox && !config->run_as_launching_user;
}

bool confinement_reaches(const struct config *config, const char *path)
{
	struct places places = start_places(config);
	char place[PATH_TEXT], name[256];
	const char *rest = path, *component;
	size_t size;
	struct buffer b;

	if (!is_guarded(config))
		return true;
	while (next_place(&places, place, sizeof(place)))
		if (is_below(path, place))
			return true;
	for (int depth = 0; depth < 2; depth++) {
		if (!path_component(&rest, &component, &size))
			return false;
		buffer_start(&b, name, sizeof(name));
		buffer_bytes(&b, component, size);
		if (depth == 0 && strcmp(buffer_text(&b), "var") != 0)
			return is_users(name);
	}
	return is_users_in_var(buffer_text(&b));
}

static int grant_some(int ruleset, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int error = landlock_grant(ruleset, paths[i], RIGHTS_CHANGE);
		if (error < 0 && error != -ENOENT)
			return error;
	}
	return 0;
}

static int grant_places(int ruleset, const struct config *config)
{
	struct places places = start_places(config);
	char place[PATH_TEXT];

	while (next_place(&places, place, sizeof(place))) {
		int error = landlock_grant(ruleset, place, RIGHTS_CHANGE);
		if (error < 0 && error != -ENOENT && error != -ENOTDIR && error != -EACCES)
			return error;
	}
	return 0;
}

/* A host may have logs of its own, and those that are open now are opened again for it. */
static int grant_logs(int ruleset, const struct config *config)
{
	static const char *const common[] = {"/var/log"};
	const char *files[] = {
		config->vsftpd_log_file, config->xferlog_file, config->json_log_file};
	int error = grant_some(ruleset, common, 1);

	for (size_t i = 0; error == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		static char directory[PATH_TEXT];
		const char *place = directory;
		if (!files[i] || path_parent(files[i], directory, sizeof(directory)) < 0)
			continue;
		/* "/" would open all. */
		if (directory[0] == '/' && directory[1])
			error = grant_some(ruleset, &place, 1);
	}
	return error;
}

static int grant_before(int ruleset, const struct config *config)
{
	static const char *const audit[] = {"/proc/self/loginuid"};
	int error = grant_some(ruleset, books, sizeof(books) / sizeof(books[0]));

	if (error == 0 && config->local_enable)
		error = grant_some(ruleset, pam_files, sizeof(pam_files) / sizeof(pam_files[0]));
	if (error == 0 && config->session_support)
		error = grant_some(ruleset, audit, 1); /* pam_loginuid */
	if (error == 0 && config->host_config_dir)
		error = grant_logs(ruleset, config);
	if (error == 0 && can_write(config)) {
		error = landlock_grant_children(ruleset, "/", is_users, RIGHTS_CHANGE);
		if (error == 0)
			error = landlock_grant_children(
				ruleset, "/var", is_users_in_var, RIGHTS_CHANGE);
		if (error == -ENOENT)
			error = 0;
	}
	return error < 0 ? error : grant_places(ruleset, config);
}

/* Version 1 of Landlock forbids to move anything between directories. */
static bool can_live_with(int version, uint64_t rights)
{
	return version > 1 || (rights & RIGHT_REFER) == 0;
}

static int enter_ruleset(int ruleset, int error)
{
	if (ruleset < 0 || error == 0)
		return ruleset < 0 ? ruleset : landlock_enter(ruleset);
	landlock_abandon(ruleset);
	return error;
}

static int guard_files(const struct config *config, struct buffer *problem)
{
	struct landlock_subject subject = {.files = RIGHTS_CHANGE | RIGHT_IOCTL_DEV};
	uint64_t needed = can_write(config) ? RIGHTS_CHANGE : 0;
	int version = landlock_version(), ruleset, error;

	if (is_missing(version) || (version > 0 && !can_live_with(version, needed)))
		return do_without(config, "Landlock", problem);
	if (version < 0)
		return give_up(problem, "Landlock", version);
	landlock_limit(&subject, version);
	ruleset = landlock_start(&subject);
	error = ruleset < 0 ? ruleset : grant_before(ruleset, config);
	error = enter_ruleset(ruleset, error);
	return error < 0 ? give_up(problem, "Landlock before the login", error) : 0;
}

/* ---- before the login: what may be called ---- */

static int owner_of_uploads(
	const struct config *config, struct filter_grants *grants, struct buffer *problem)
{
	static struct account owner;
	int error = account_find(config->chown_username, &owner);

	if (error < 0)
		return give_up(problem, "chown_username", error);
	grants->gives = true;
	grants->uid = owner.uid;
	grants->gid = owner.gid;
	return 0;
}

static int guard_calls(const struct config *config, struct buffer *problem)
{
	bool any = can_change(config);
	struct filter_grants grants = {
		.modes = any || (config->write_enable && config->chmod_enable),
		.replaces = any || (config->write_enable && config->upload_atomic),
		.rewrites = config->login_writable != NULL,
		.times = any || (config->write_enable && config->mdtm_write)};
	int error = 0;

	if (config->chown_uploads)
		error = owner_of_uploads(config, &grants, problem);
	if (error < 0)
		return error;
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
	error = privilege_reduce(config->chown_uploads);
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

	if (access_permits(config, anonymous, CLASS_LIST))
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
	int version = landlock_version(), ruleset, error;

	if (is_missing(version) || (version > 0 && !can_live_with(version, rights)))
		return do_without(config, "Landlock", problem);
	if (version < 0)
		return give_up(problem, "Landlock", version);
	limit_ports(config, anonymous, &subject);
	landlock_limit(&subject, version);
	ruleset = landlock_start(&subject);
	error = ruleset;
	if (error >= 0)
		error = rights != 0 ? landlock_grant(ruleset, "/", rights & subject.files) : 0;
	if (error == 0 && (subject.ports & RIGHT_BIND) != 0)
		error = grant_ports(ruleset, config, anonymous);
	error = enter_ruleset(ruleset, error);
	return error < 0 ? give_up(problem, "Landlock", error) : 0;
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
		.modules = config->session_support && login->kind != LOGIN_ANONYMOUS,
		.gives = owner != NULL,
		.uid = owner ? owner->uid : 0,
		.gid = owner ? owner->gid : 0};
	int error = process_restrict();

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
	if (is_missing(error))
		return do_without(config, "seccomp", problem);
	return error < 0 ? give_up(problem, "seccomp", error) : 0;
}
