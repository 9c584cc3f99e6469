/* The files before a talk. */
#include "player.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* All files are of the first minute of 2020, unless the talk says otherwise. */
static const struct timespec dated = {.tv_sec = 1577836800};

enum { OUTSIDE_MAX = 64 };

static char *outside[OUTSIDE_MAX]; /* made outside /srv, in this order */
static size_t outside_count;

bool tree_path(struct player *player, const char *text, char out[PATH_MAX])
{
	struct bytes path = {0};

	if (text == NULL)
		return fail(player, "a path is missing");
	bool good = expanded(player, text, &path);
	if (good && path.size > 0)
		snprintf(out, PATH_MAX, "%s%s", path.data[0] == '/' ? "" : "/srv/",
			(const char *)path.data);
	bytes_free(&path);
	return good;
}

/* ---- attributes ---- */

static bool owner_of(char *text, struct attributes *out)
{
	char *group = strchr(text, ':');

	if (group != NULL)
		*group++ = '\0';
	const struct passwd *user = getpwnam(text);
	if (user == NULL)
		return false;
	out->user = user->pw_uid;
	out->group = user->pw_gid;
	const struct group *other = group != NULL ? getgrnam(group) : NULL;
	if (other != NULL)
		out->group = other->gr_gid;
	return group == NULL || other != NULL;
}

static bool time_of(const char *text, struct timespec *out)
{
	struct tm parts = {0};

	if (strcmp(text, "now") == 0)
		return clock_gettime(CLOCK_REALTIME, out) == 0;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	*out = (struct timespec){.tv_sec = timegm(&parts)};
	return end != NULL && *end == '\0';
}

static bool attribute_read(char *word, struct attributes *out)
{
	char *value = strchr(word, '=');
	char *end = NULL;

	if (value == NULL)
		return false;
	*value++ = '\0';
	if (strcmp(word, "mode") == 0) {
		out->mode = (mode_t)strtoul(value, &end, 8);
		return out->has_mode = *value != '\0' && *end == '\0';
	}
	if (strcmp(word, "owner") == 0)
		return out->has_owner = owner_of(value, out);
	if (strcmp(word, "time") == 0)
		return out->has_time = time_of(value, &out->time);
	out->is_pattern = strcmp(word, "pattern") == 0;
	if (out->is_pattern || strcmp(word, "size") == 0)
		return out->has_size = number_of(value, &out->size);
	return false;
}

bool attributes_read(struct player *player, char *rest, struct attributes *out)
{
	*out = (struct attributes){0};
	for (;;) {
		rest += strspn(rest, " \t");
		if (strncmp(rest, "text=", 5) == 0) {
			out->text = rest + 5;
			return true;
		}
		if (strncmp(rest, "-> ", 3) == 0) {
			out->target = rest + 3;
			return true;
		}
		char *word = next_word(&rest);
		if (word == NULL)
			return true;
		if (!attribute_read(word, out))
			return fail(player, "not an attribute: %s", word);
	}
}

/* ---- making ---- */

static bool failed(struct player *player, const char *path)
{
	return fail(player, "%s: %s", path, strerror(errno));
}

static bool make_directory(struct player *player, const char *path)
{
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST || failed(player, path);
	if (strncmp(path, "/srv/", 5) == 0)
		return true;
	if (outside_count == OUTSIDE_MAX)
		return fail(player, "too many files outside /srv");
	outside[outside_count++] = strdup(path);
	return true;
}

/* Give path to whoever owns the directory it is in. */
static void inherit_owner(const char *path)
{
	char parent[PATH_MAX];
	struct stat status;

	snprintf(parent, sizeof(parent), "%s", path);
	char *slash = strrchr(parent, '/');
	*slash = '\0';
	if (stat(slash == parent ? "/" : parent, &status) == 0 &&
		lchown(path, status.st_uid, status.st_gid) < 0)
		return;
}

static bool make_parents(struct player *player, const char *path)
{
	char parent[PATH_MAX];
	struct stat status;

	snprintf(parent, sizeof(parent), "%s", path);
	for (char *at = strchr(parent + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (lstat(parent, &status) < 0) {
			if (!make_directory(player, parent))
				return false;
			inherit_owner(parent);
		}
		*at = '/';
	}
	return true;
}

static void write_pattern(FILE *out, uint64_t size)
{
	static unsigned char piece[65536];

	for (uint64_t at = 0; at < size; at += sizeof(piece)) {
		size_t now = size - at < sizeof(piece) ? (size_t)(size - at) : sizeof(piece);
		pattern_fill(piece, now, at);
		fwrite(piece, 1, now, out);
	}
}

/* What is in a file: the text, the "| " lines, the pattern or a hole. */
static bool write_content(
	struct player *player, const struct item *item, const struct attributes *of, FILE *out)
{
	struct bytes text = {0};
	bool good = of->text == NULL || expanded(player, of->text, &text);

	for (size_t i = 0; good && i < item->under_count; i++) {
		good = expanded(player, item->under[i], &text);
		bytes_add(&text, "\n", 1);
	}
	if (text.size > 0)
		fwrite(text.data, 1, text.size, out);
	bytes_free(&text);
	if (of->is_pattern)
		write_pattern(out, of->size);
	else if (of->has_size && ftruncate(fileno(out), (off_t)of->size) < 0)
		good = failed(player, "size");
	return good;
}

static bool make_file(struct player *player, const char *path, const struct attributes *of)
{
	struct stat status;
	bool inside = strncmp(path, "/srv/", 5) == 0;

	if (!inside && lstat(path, &status) == 0)
		return fail(player, "%s is there already", path);
	if (!inside && outside_count < OUTSIDE_MAX)
		outside[outside_count++] = strdup(path);
	FILE *out = fopen(path, "we");
	if (out == NULL)
		return failed(player, path);
	bool good = write_content(player, player->item, of, out);
	if (fclose(out) != 0)
		good = failed(player, path);
	return good && (chmod(path, 0644) == 0 || failed(player, path));
}

static bool make_link(struct player *player, const char *path, const struct attributes *of)
{
	struct bytes target = {0};

	if (of->target == NULL)
		return fail(player, "link PATH -> TARGET");
	bool good = expanded(player, of->target, &target);
	if (good && symlink((const char *)target.data, path) < 0)
		good = failed(player, path);
	bytes_free(&target);
	return good;
}

static bool make_entry(
	struct player *player, const char *kind, const char *path, const struct attributes *of)
{
	if (!make_parents(player, path))
		return false;
	if (strcmp(kind, "dir") == 0) {
		if (!make_directory(player, path))
			return false;
	} else if (strcmp(kind, "file") == 0) {
		if (!make_file(player, path, of))
			return false;
	} else if (strcmp(kind, "link") == 0) {
		if (!make_link(player, path, of))
			return false;
	} else if (strcmp(kind, "fifo") != 0) {
		return fail(player, "not a kind of file: %s", kind);
	} else if (mkfifo(path, 0644) < 0) {
		return failed(player, path);
	}
	inherit_owner(path);
	if (of->has_owner && lchown(path, of->user, of->group) < 0)
		return failed(player, path);
	if (of->has_mode && chmod(path, of->mode) < 0)
		return failed(player, path);
	return true;
}

/* A line of [tree], whole (make) or only its time. */
static bool play_entry(struct player *player, bool make)
{
	char path[PATH_MAX] = "";
	struct attributes of;
	char *copy = strdup(player->item->text);
	char *rest = copy;
	const char *kind = next_word(&rest);
	bool good = kind != NULL && tree_path(player, next_word(&rest), path) &&
		    attributes_read(player, rest, &of);

	if (good && make)
		good = make_entry(player, kind, path, &of);
	if (good && !make && of.has_time) {
		const struct timespec times[2] = {of.time, of.time};
		good = utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0 ||
		       failed(player, path);
	}
	free(copy);
	return good;
}

static bool play_entries(struct player *player, bool make)
{
	const struct script *script = player->script;

	for (size_t i = 0; i < script->count; i++) {
		player->item = &script->items[i];
		if (player->item->section == SECTION_TREE && !play_entry(player, make))
			return false;
	}
	player->item = NULL;
	return true;
}

/* ---- emptying ---- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	return place->level == 0 ? 0 : remove(path);
}

static int remove_log(const char *path, const struct stat *status, int type, struct FTW *place)
{
	static const char *const kept[] = {"/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog"};

	(void)status;
	(void)type;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (strcmp(path, kept[i]) == 0)
			return truncate(path, 0);
	return place->level == 0 ? 0 : remove(path);
}

static int date_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	const struct timespec times[2] = {dated, dated};

	(void)status;
	(void)type;
	(void)place;
	return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

/* What is too deep for a path to name. */
static bool remove_deep(void)
{
	char find[] = "find", where[] = "/srv", below[] = "-mindepth", one[] = "1",
	     remove[] = "-delete";
	char *words[] = {find, where, below, one, remove, NULL};
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, words[0], NULL, NULL, words, environ) != 0)
		return false;
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool standard_homes(struct player *player)
{
	static const char *const homes[][2] = {
		{"/srv/home", "root"},
		{"/srv/home/alice", "alice"},
		{"/srv/home/bob", "bob"},
		{"/srv/virtual", "virtual"},
		{"/srv/ftp", "root"},
		{"/srv/ftp/pub", "root"},
	};

	for (size_t i = 0; i < sizeof(homes) / sizeof(homes[0]); i++) {
		const struct passwd *user = getpwnam(homes[i][1]);
		if (user == NULL)
			return fail(player, "no user %s: not in tests/lib/sandbox?", homes[i][1]);
		if (mkdir(homes[i][0], 0755) < 0 ||
			chown(homes[i][0], user->pw_uid, user->pw_gid) < 0)
			return failed(player, homes[i][0]);
	}
	return true;
}

static bool write_config(struct player *player, const char *path)
{
	const struct script *script = player->script;
	FILE *out = fopen(path, "we");

	if (out == NULL)
		return failed(player, path);
	for (size_t i = 0; i < script->count; i++)
		if (script->items[i].section == SECTION_CONFIG)
			fprintf(out, "%s\n", script->items[i].text);
	return (fchmod(fileno(out), 0600) == 0 && fclose(out) == 0) || failed(player, path);
}

bool tree_build(struct player *player, const char *config)
{
	const int flags = FTW_DEPTH | FTW_PHYS;

	if (nftw("/srv", remove_one, 16, flags) != 0 && !remove_deep())
		return failed(player, "/srv");
	if (nftw("/var/log", remove_log, 16, flags) != 0)
		return failed(player, "/var/log");
	if (!standard_homes(player) || !play_entries(player, true))
		return false;
	if (nftw("/srv", date_one, 16, flags) != 0)
		return failed(player, "/srv");
	return play_entries(player, false) && write_config(player, config);
}

void tree_clean(void)
{
	while (outside_count > 0) {
		remove(outside[--outside_count]);
		free(outside[outside_count]);
	}
}
