#include "system/standing.h"

#include <errno.h>
#include <pwd.h>
#include <shadow.h>
#include <string.h>
#include <time.h>

#include "system/file.h"
#include "text/buffer.h"

static bool is_listed_shell(const char *shell)
{
	static char list[16384];
	size_t size;

	return file_read("/etc/shells", false, list, sizeof(list), &size) == 0 &&
	       file_lists(list, shell);
}

static void add_shadow(const char *name, struct standing *standing)
{
	static char text[4096];
	struct spwd entry, *found = NULL;

	if (getspnam_r(name, &entry, text, sizeof(text), &found) != 0 || !found)
		return;
	standing->shadow_known = true;
	standing->locked = entry.sp_pwdp[0] == '!' || entry.sp_pwdp[0] == '*';
	/* Days since 1970; -1 is none (shadow(5)). */
	standing->expired = entry.sp_expire > 0 && time(NULL) / 86400 >= entry.sp_expire;
}

int standing_find(const char *name, struct standing *out_standing)
{
	static char text[16384];
	struct passwd entry, *found = NULL;
	struct buffer b;

	if (getpwnam_r(name, &entry, text, sizeof(text), &found) != 0 || !found)
		return -ENOENT;
	*out_standing = (struct standing){.shell_listed = false};
	buffer_start(&b, out_standing->shell, sizeof(out_standing->shell));
	buffer_string(&b, entry.pw_shell && *entry.pw_shell ? entry.pw_shell : "/bin/sh");
	buffer_text(&b);
	out_standing->shell_listed = is_listed_shell(out_standing->shell);
	add_shadow(name, out_standing);
	return 0;
}
