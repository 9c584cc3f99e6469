#include "policy/writable.h"

#include <errno.h>
#include <string.h>

#include "policy/options.h"
#include "system/landlock.h"
#include "system/vfs.h"
#include "text/path.h"

bool writable_can_change(const struct config *config)
{
	return config->user_config_dir || config->host_config_dir;
}

bool writable_wanted(const struct config *config)
{
	return config->write_enable || writable_can_change(config);
}

/* The system's books, and what else PAM's modules write; most machines have only some of it. */
static const char *const books[] = {
	"/run/utmp", "/var/log/btmp", "/var/log/lastlog", "/var/log/wtmp"};
static const char *const pam_files[] = {
	"/dev/null", "/run/faillock", "/var/log/faillog", "/var/log/tallylog"};

/* Linux-PAM looks at passwords with a program of its own (from 1.6 on, before that under SELinux). It and what starts it are the
 * only ones that can be started. */
static const char *const programs[] = {
#if defined(__x86_64__)
	"/lib/ld-musl-x86_64.so.1", "/lib64/ld-linux-x86-64.so.2",
#elif defined(__aarch64__)
	"/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1",
#elif defined(__riscv)
	"/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld-musl-riscv64.so.1",
#endif
	"/sbin/unix_chkpwd", "/usr/bin/unix_chkpwd", "/usr/sbin/unix_chkpwd"};

/* Whether PAM may be asked, by a host's file if not by what is there. */
bool writable_asks_pam(const struct config *config)
{
	return config->local_enable || config->host_config_dir;
}

static bool is_among(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

/* The system's own directories, and hidden ones. All others may be users', and a user's directory must stay writable. */
static bool is_users(const char *name)
{
	static const char *const systems[] = {"bin", "boot", "dev", "efi", "etc", "gnu",
		"lost+found", "nix", "opt", "ostree", "proc", "root", "run", "sbin", "snap", "sys",
		"sysroot", "usr", "var"};

	/* lib32, lib64, libx32, and what is left of a merge into /usr. */
	bool library = strncmp(name, "lib", 3) == 0 && strchr("36x.", name[3]);

	return name[0] != '.' && !library &&
	       !is_among(name, systems, sizeof(systems) / sizeof(systems[0]));
}

static bool is_users_in_var(const char *name)
{
	/* roothome and usrlocal are what /root and /usr/local lead to where the system is an image. */
	static const char *const systems[] = {"account", "adm", "backups", "cache", "cfengine",
		"crash", "db", "empty", "kerberos", "lib", "local", "lock", "log", "mail", "named",
		"nis", "opt", "ossec", "qmail", "roothome", "run", "spool", "usrlocal", "webmin",
		"yp"};

	return name[0] != '.' && !is_among(name, systems, sizeof(systems) / sizeof(systems[0]));
}

/* The next of the directories that the configuration names: anon_root, local_root as far as it is the same for all, and
 * the words of login_writable. */
#define ROOTS 2
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

/* "/" in any spelling: it would open all. */
static bool is_everything(const char *path)
{
	UNCLEARED char merged[PATH_TEXT];

	return path_merge("/", path, merged, sizeof(merged)) < 0 || strcmp(merged, "/") == 0;
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
	static const enum option roots[ROOTS] = {OPTION_anon_root, OPTION_local_root};
	const struct config *config = places->config;

	while (places->next < ROOTS) {
		enum option option = roots[places->next++];
		const char *root = option_value(config, option).string;
		if (!root || root[0] != '/' || !is_early(config, option))
			continue;
		common_part(config, root, out, capacity);
		if (!is_everything(out))
			return true;
	}
	return places->list && next_word(&places->list, out, capacity);
}

static bool is_below(const char *path, const char *directory)
{
	size_t size = strlen(directory);

	while (size > 1 && directory[size - 1] == '/')
		size--;
	if (size == 1 && directory[0] == '/')
		return path[0] == '/';
	return strncmp(path, directory, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static bool is_guarded(const struct config *config)
{
	return config->login_sandbox && config->landlock_sandbox && !config->run_as_launching_user;
}

bool writable_reaches(const struct config *config, const char *path)
{
	struct places places = start_places(config);
	UNCLEARED char place[PATH_TEXT], name[256];
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

static int grant_some(int ruleset, const char *const *paths, size_t count, uint64_t rights)
{
	for (size_t i = 0; i < count; i++) {
		int error = landlock_grant(ruleset, paths[i], rights);
		if (error < 0 && error != -ENOENT)
			return error;
	}
	return 0;
}

/* A place that can't be opened stays closed, and keeps nobody from the others. */
static void grant_places(int ruleset, const struct config *config)
{
	struct places places = start_places(config);
	UNCLEARED char place[PATH_TEXT];

	if (!writable_wanted(config))
		places.next = ROOTS; /* what is left is PAM's */
	while (next_place(&places, place, sizeof(place)))
		(void)landlock_grant(ruleset, place, RIGHTS_CHANGE);
}

/* A host may have logs of its own, and those that are open now are opened again for it. */
static int grant_logs(int ruleset, const struct config *config)
{
	static const char *const common[] = {"/var/log"};
	const char *files[] = {
		config->vsftpd_log_file, config->xferlog_file, config->json_log_file};
	int error = grant_some(ruleset, common, 1, RIGHTS_CHANGE);

	for (size_t i = 0; error == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		UNCLEARED char directory[PATH_TEXT];
		const char *place = directory;
		if (!files[i] || path_parent(files[i], directory, sizeof(directory)) < 0)
			continue;
		if (directory[0] == '/' && !is_everything(directory))
			error = grant_some(ruleset, &place, 1, RIGHTS_CHANGE);
	}
	return error;
}

int writable_grant(int ruleset, const struct config *config)
{
	static const char *const audit[] = {"/proc/self/loginuid"};
	int error = grant_some(ruleset, books, sizeof(books) / sizeof(books[0]), RIGHTS_CHANGE);

	if (error == 0 && writable_asks_pam(config))
		error = grant_some(ruleset, pam_files, sizeof(pam_files) / sizeof(pam_files[0]),
			RIGHTS_CHANGE);
	if (error == 0 && writable_asks_pam(config))
		error = grant_some(
			ruleset, programs, sizeof(programs) / sizeof(programs[0]), RIGHT_EXECUTE);
	if (error == 0 && (config->session_support || config->host_config_dir))
		error = grant_some(ruleset, audit, 1, RIGHTS_CHANGE); /* pam_loginuid */
	if (error == 0 && config->host_config_dir)
		error = grant_logs(ruleset, config);
	if (error == 0 && writable_wanted(config)) {
		error = landlock_grant_children(ruleset, "/", is_users, RIGHTS_CHANGE);
		if (error == 0)
			error = landlock_grant_children(
				ruleset, "/var", is_users_in_var, RIGHTS_CHANGE);
		if (error == -ENOENT)
			error = 0;
	}
	if (error == 0)
		grant_places(ruleset, config);
	return error;
}

/* pam_faillock makes its directory for the first failure after a boot, and behind the walls it can't: nobody would be
 * counted. */
void writable_prepare(const struct config *config)
{
	mode_t mask;

	if (!writable_asks_pam(config))
		return;
	mask = vfs_umask(022);
	(void)vfs_make_directory("/run/faillock", 0755);
	(void)vfs_umask(mask);
}
