#include "system/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "text/buffer.h"
#include "text/number.h"

static int copy(char *out, size_t capacity, const char *text)
{
	struct buffer b;

	buffer_start(&b, out, capacity);
	buffer_string(&b, text);
	buffer_text(&b);
	return b.cut ? -ENAMETOOLONG : 0;
}

static int find(const char *name, struct passwd *storage, char *text, size_t capacity)
{
	struct passwd *found = NULL;
	int error = getpwnam_r(name, storage, text, capacity, &found);

	if (error != 0)
		return -error;
	return found ? 0 : -ENOENT;
}

bool account_exists(const char *name)
{
	static char text[16384];
	struct passwd entry;

	return find(name, &entry, text, sizeof(text)) == 0;
}

int account_find(const char *name, struct account *out_account)
{
	static char text[16384];
	struct passwd entry;
	int error = find(name, &entry, text, sizeof(text));

	if (error < 0)
		return error;
	out_account->uid = entry.pw_uid;
	out_account->gid = entry.pw_gid;
	error = copy(out_account->name, sizeof(out_account->name), entry.pw_name);
	if (error == 0)
		error = copy(out_account->home, sizeof(out_account->home), entry.pw_dir);
	if (error < 0)
		return error;
	out_account->group_count = ACCOUNT_GROUPS;
	if (getgrouplist(entry.pw_name, entry.pw_gid, out_account->groups,
		    &out_account->group_count) < 0)
		return -E2BIG;
	return 0;
}

/* ---- in the jail ---- */

/* Direct-mapped: a listing has few owners, and a clash costs only another look at the file. */
#define REMEMBERED 64

struct remembered {
	bool known;
	uint32_t id;
	char name[33];
};

static FILE *users, *groups;
static struct remembered user_names[REMEMBERED], group_names[REMEMBERED];

void account_names_open(void)
{
	users = fopen("/etc/passwd", "re");
	groups = fopen("/etc/group", "re");
}

static bool find_user(uint32_t id, char *name, size_t capacity)
{
	static char text[16384];
	struct passwd storage, *entry;

	if (!users)
		return false;
	rewind(users);
	while (fgetpwent_r(users, &storage, text, sizeof(text), &entry) == 0)
		if (entry->pw_uid == id)
			return copy(name, capacity, entry->pw_name) == 0;
	return false;
}

int account_home(const char *name, char *out_home, size_t capacity)
{
	static char text[16384];
	struct passwd storage, *entry;

	if (!users)
		return -ENOENT;
	rewind(users);
	while (fgetpwent_r(users, &storage, text, sizeof(text), &entry) == 0)
		if (strcmp(entry->pw_name, name) == 0)
			return copy(out_home, capacity, entry->pw_dir);
	return -ENOENT;
}

static bool find_group(uint32_t id, char *name, size_t capacity)
{
	static char text[16384];
	struct group storage, *entry;

	if (!groups)
		return false;
	rewind(groups);
	while (fgetgrent_r(groups, &storage, text, sizeof(text), &entry) == 0)
		if (entry->gr_gid == id)
			return copy(name, capacity, entry->gr_name) == 0;
	return false;
}

static const char *remember(struct remembered *table, uint32_t id,
	bool (*look_up)(uint32_t id, char *name, size_t capacity))
{
	struct remembered *slot = &table[id % REMEMBERED];

	if (slot->known && slot->id == id)
		return slot->name;
	slot->known = true;
	slot->id = id;
	if (!look_up(id, slot->name, sizeof(slot->name))) {
		char number[NUMBER_TEXT];
		number_format(id, number);
		(void)copy(slot->name, sizeof(slot->name), number);
	}
	return slot->name;
}

const char *account_user_name(uid_t uid)
{
	return remember(user_names, uid, find_user);
}

const char *account_group_name(gid_t gid)
{
	return remember(group_names, gid, find_group);
}
