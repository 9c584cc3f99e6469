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

/* What the name services write their answers into: on the stack, which is given back. */
#define ANSWER 15360

static int find(const char *name, struct passwd *storage, char text[ANSWER])
{
	struct passwd *found = NULL;
	int error = getpwnam_r(name, storage, text, ANSWER, &found);

	if (error != 0)
		return -error;
	return found ? 0 : -ENOENT;
}

bool account_exists(const char *name)
{
	UNCLEARED char text[ANSWER];
	struct passwd entry;

	return find(name, &entry, text) == 0;
}

int account_find(const char *name, struct account *out_account)
{
	UNCLEARED char text[ANSWER];
	struct passwd entry;
	int error = find(name, &entry, text);

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

/* A line of either file: name, password, number; and in /etc/passwd, three fields on, the home directory. */
enum field { NAME, NUMBER = 2, HOME = 5, FIELDS = 7 };

struct entry {
	const char *fields[FIELDS]; /* NULL: the line has fewer */
	uint64_t number;
};

static bool read_entry(char *line, struct entry *out)
{
	*out = (struct entry){.number = 0};
	for (int i = 0; i < FIELDS; i++)
		out->fields[i] = strsep(&line, ":");
	/* "+" and "-" are the marks of NIS. */
	return !strchr("#+-", out->fields[NAME][0]) && out->fields[NUMBER] &&
	       number_parse(out->fields[NUMBER], UINT32_MAX, &out->number) == 0;
}

/* The next entry; valid until the one after it. A group may have more members than fit: they are nobody's concern. */
static bool next_entry(FILE *file, struct entry *out)
{
	static char line[16384], rest[512];

	while (fgets(line, sizeof(line), file)) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		while (!end && fgets(rest, sizeof(rest), file))
			end = strchr(rest, '\n');
		if (read_entry(line, out))
			return true;
	}
	return false;
}

static bool find_number(FILE *file, uint32_t id, char *name, size_t capacity)
{
	struct entry entry;

	if (!file)
		return false;
	rewind(file);
	while (next_entry(file, &entry))
		if (entry.number == id)
			return copy(name, capacity, entry.fields[NAME]) == 0;
	return false;
}

int account_home(const char *name, char *out_home, size_t capacity)
{
	struct entry entry;

	if (!users)
		return -ENOENT;
	rewind(users);
	while (next_entry(users, &entry))
		if (entry.fields[HOME] && strcmp(entry.fields[NAME], name) == 0)
			return copy(out_home, capacity, entry.fields[HOME]);
	return -ENOENT;
}

static const char *remember(struct remembered *table, uint32_t id, FILE *file)
{
	struct remembered *slot = &table[id % REMEMBERED];

	if (slot->known && slot->id == id)
		return slot->name;
	slot->known = true;
	slot->id = id;
	if (!find_number(file, id, slot->name, sizeof(slot->name))) {
		char number[NUMBER_TEXT];
		number_format(id, number);
		(void)copy(slot->name, sizeof(slot->name), number);
	}
	return slot->name;
}

const char *account_user_name(uid_t uid)
{
	return remember(user_names, uid, users);
}

const char *account_group_name(gid_t gid)
{
	return remember(group_names, gid, groups);
}
