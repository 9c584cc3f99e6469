#include "policy/jail.h"

#include <errno.h>
#include <string.h>

#include "policy/confinement.h"
#include "policy/writable.h"
#include "system/file.h"
#include "system/privilege.h"
#include "system/vfs.h"
#include "text/path.h"

static int give_up(struct buffer *problem, const char *what, const char *subject, int error)
{
	buffer_string(problem, what);
	if (subject) {
		buffer_byte(problem, ' ');
		buffer_string(problem, subject);
	}
	buffer_string(problem, ": ");
	buffer_string(problem, strerror(-error));
	return error;
}

/* Whether ".." is among the components of a name. */
static bool climbs(const char *name)
{
	const char *part;
	size_t size;

	while (path_component(&name, &part, &size))
		if (size == 2 && memcmp(part, "..", 2) == 0)
			return true;
	return false;
}

/* `path` with every user_sub_token replaced by the login name, which must not lead elsewhere. */
static int substitute(
	const struct config *config, const char *name, const char *path, char *out, size_t capacity)
{
	const char *token = config->user_sub_token;
	size_t size = token ? strlen(token) : 0;
	struct buffer b;

	buffer_start(&b, out, capacity);
	while (*path) {
		if (size > 0 && strncmp(path, token, size) == 0) {
			if (climbs(name))
				return -EINVAL;
			buffer_string(&b, name);
			path += size;
		} else {
			buffer_byte(&b, *path++);
		}
	}
	buffer_text(&b);
	return b.cut ? -ENAMETOOLONG : 0;
}

/* chroot_local_user, inverted for those in chroot_list_file: 1, 0, or -errno. */
static int local_is_jailed(const struct config *config, const char *name)
{
	static char list[CONFIG_FILE_MAX + 1];
	size_t size;
	int error;

	if (!config->chroot_list_enable)
		return config->chroot_local_user;
	if (!config->chroot_list_file)
		return -ENOENT;
	error = file_read(config->chroot_list_file, false, list, sizeof(list), &size);
	return error < 0 ? error : config->chroot_local_user != file_lists(list, name);
}

static int enter(const struct config *config, const struct login *login, const char *directory)
{
	if (config->run_as_launching_user)
		return vfs_enter(directory);
	return privilege_enter(&login->account, directory);
}

/* A root directory that the user can write to can be given files that libraries trust: under the filter none of them
 * becomes code, and nothing else is loaded from there. */
int jail_check_root(const struct config *config, const struct login *login, const char *directory,
	struct buffer *problem)
{
	int writable;

	if ((config->allow_writeable_chroot && login->kind != LOGIN_ANONYMOUS) ||
		confinement_filters(config))
		return 0;
	writable = privilege_can_write_here(&login->account);
	if (writable == 0)
		return 0;
	if (writable < 0)
		return give_up(problem, "can't check", directory, writable);
	buffer_string(problem, "the jail's root directory must not be writable by its user: ");
	buffer_string(problem, directory);
	return -EPERM;
}

/* "/jail/./home" names the jail and the place to start in it (passwd_chroot_enable); local_root does not
 * count then. "/./jail" has no place inside: it must never mean "/". */
static void split_home(struct jail_plan *plan)
{
	char *mark = strstr(plan->home, "/./");
	struct buffer b;

	if (!mark)
		return;
	plan->root[0] = '\0';
	if (mark == plan->home) {
		memmove(plan->home, mark + 2, strlen(mark + 2) + 1);
		return;
	}
	buffer_start(&b, plan->inside, sizeof(plan->inside));
	buffer_string(&b, mark + 2);
	buffer_text(&b);
	*mark = '\0';
}

int jail_plan(const struct config *config, const struct login *login, struct jail_plan *plan,
	struct buffer *problem)
{
	bool anonymous = login->kind == LOGIN_ANONYMOUS;
	const char *root = anonymous ? config->anon_root : config->local_root;
	int error, jailed = 1;

	if (!login->anonymous)
		jailed = local_is_jailed(config, login->name);
	if (jailed < 0)
		return give_up(problem, "chroot_list_file", config->chroot_list_file, jailed);
	plan->jailed = jailed && !config->run_as_launching_user;
	plan->inside[0] = '\0';
	plan->root[0] = '\0';
	error = substitute(
		config, login->name, login->account.home, plan->home, sizeof(plan->home));
	if (error == 0 && root)
		error = substitute(config, login->name, root, plan->root, sizeof(plan->root));
	if (error < 0)
		return give_up(problem, "home directory of", login->name, error);
	if (config->passwd_chroot_enable && !anonymous)
		split_home(plan);
	return 0;
}

/* What chdir says of a directory; anything else is about the process itself. */
static bool is_no_entry(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ELOOP ||
	       error == -ENAMETOOLONG;
}

static int go_there(const struct config *config, const struct login *login,
	const struct jail_plan *plan, struct buffer *problem)
{
	int error = 0;

	/* Without root there is no account and so no home directory to insist on. */
	if (!config->run_as_launching_user)
		error = enter(config, login, plan->home);
	if (error < 0)
		return give_up(problem, "cannot change directory", plan->home, error);
	if (plan->root[0] && (config->run_as_launching_user || strcmp(plan->root, plan->home) != 0))
		error = enter(config, login, plan->root);
	/* Outside a jail a local_root that can't be entered leaves the user at home, as vsftpd does. */
	if (error < 0 && !(is_no_entry(error) && !plan->jailed && login->kind != LOGIN_ANONYMOUS))
		return give_up(problem, "cannot change directory", plan->root, error);
	return 0;
}

void jail_warn(const struct config *config, const struct login *login, struct buffer *problem)
{
	UNCLEARED char here[PATH_TEXT];

	if ((confinement_rights(config, login->anonymous) & RIGHT_WRITE_FILE) == 0 ||
		vfs_current(here, sizeof(here)) < 0 || writable_reaches(config, here))
		return;
	buffer_string(problem, "nothing can be written below ");
	buffer_string(problem, here);
	buffer_string(problem, ": it is not in login_writable");
}

int jail_enter(const struct config *config, const struct login *login, struct buffer *problem)
{
	UNCLEARED struct jail_plan plan;
	const char *root;
	int error = jail_plan(config, login, &plan, problem);

	if (error == 0)
		error = go_there(config, login, &plan, problem);
	if (error < 0 || config->run_as_launching_user)
		return error;
	root = plan.root[0] ? plan.root : plan.home;
	jail_warn(config, login, problem);
	if (plan.jailed) {
		error = jail_check_root(config, login, root, problem);
		if (error < 0)
			return error;
		error = privilege_jail();
		if (error < 0)
			return give_up(problem, "chroot", root, error);
	}
	error = privilege_drop(&login->account, confinement_gives(config, login));
	if (error < 0)
		return give_up(problem, "giving up root", NULL, error);
	/* A place that is not there leaves the user at the top of the jail. */
	if (plan.jailed && plan.inside[0])
		(void)vfs_enter(plan.inside);
	return 0;
}
