/* The files and logs after a talk. */
#include "player.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char syslog_path[] = "/run/syslog.txt";

static bool read_file(const char *path, struct bytes *out)
{
	char piece[8192];
	size_t got = 0;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return false;
	while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
		bytes_add(out, piece, got);
	fclose(file);
	return true;
}

/* ---- the syslog ---- */

static bool syslog_send(const char *text)
{
	const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good = sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&to, sizeof(to)) > 0;

	close(fd);
	return good;
}

bool syslog_mark(struct player *player, size_t *out_before, size_t *out_after)
{
	static unsigned int marks;
	char mark[64];
	struct bytes log = {0};
	const unsigned char *found = NULL;

	snprintf(mark, sizeof(mark), "talk-runner %d mark %u\n", (int)getpid(), ++marks);
	if (!syslog_send(mark))
		return fail(player, "/dev/log: %s", strerror(errno));
	for (int tries = 0; found == NULL && tries < 2000; tries++) {
		bytes_free(&log);
		if (read_file(syslog_path, &log) && log.size > 0)
			found = memmem(log.data, log.size, mark, strlen(mark));
		if (found == NULL)
			usleep(1000);
	}
	if (found != NULL) {
		*out_before = (size_t)(found - log.data);
		*out_after = *out_before + strlen(mark);
	}
	bytes_free(&log);
	return found != NULL || fail(player, "%s does not grow", syslog_path);
}

/* The syslog of this talk. */
static bool syslog_read(struct player *player, struct bytes *log)
{
	size_t before = 0;
	size_t after = 0;

	if (!syslog_mark(player, &before, &after) || !read_file(syslog_path, log))
		return fail(player, "no syslog");
	log->size = before;
	bytes_cut(log, player->syslog_start);
	return true;
}

static bool check_syslog(struct player *player)
{
	struct bytes log = {0};
	bool good = syslog_read(player, &log) && lines_match(player, &log, "\n");

	bytes_free(&log);
	return good;
}

/* Every talk is a test of the filter as well: what a session needs must be in it. */
static bool check_filter(struct player *player)
{
	static const char words[] = "stopped by seccomp_sandbox";
	struct bytes log = {0};
	bool good = syslog_read(player, &log);

	if (good && log.size > 0 && memmem(log.data, log.size, words, strlen(words)) != NULL)
		good = fail(player, "the filter has stopped a session");
	bytes_free(&log);
	return good;
}

void syslog_print(struct player *player)
{
	struct bytes log = {0};

	if (player->syslog_start > 0 && syslog_read(player, &log) && log.size > 0)
		printf("    syslog:\n%s", log.data);
	bytes_free(&log);
}

/* ---- files ---- */

static bool check_status(struct player *player, const struct stat *is, const struct attributes *of)
{
	if (of->has_mode && (is->st_mode & 07777) != of->mode)
		return fail(player, "the mode is %04o", is->st_mode & 07777);
	if (of->has_owner && (is->st_uid != of->user || is->st_gid != of->group))
		return fail(player, "the owner is %u:%u", is->st_uid, is->st_gid);
	if (of->has_time && is->st_mtim.tv_sec != of->time.tv_sec)
		return fail(player, "the time is %jd seconds off",
			(intmax_t)(is->st_mtim.tv_sec - of->time.tv_sec));
	if (of->has_size && is->st_size != (off_t)of->size)
		return fail(player, "the size is %jd", (intmax_t)is->st_size);
	return true;
}

static bool check_text(struct player *player, const struct bytes *data, const char *text)
{
	struct bytes expected = {0};
	bool good = expanded(player, text, &expected);

	if (good && (data->size != expected.size ||
			    (data->size > 0 && memcmp(data->data, expected.data, data->size) != 0)))
		good = mismatch(player, text, data->data, data->size);
	bytes_free(&expected);
	return good;
}

static bool check_pattern(struct player *player, const struct bytes *data)
{
	unsigned char wanted[512];

	for (size_t at = 0; at < data->size; at += sizeof(wanted)) {
		size_t now = data->size - at < sizeof(wanted) ? data->size - at : sizeof(wanted);
		pattern_fill(wanted, now, at);
		if (memcmp(data->data + at, wanted, now) != 0)
			return fail(player, "other data near byte %zu", at);
	}
	return true;
}

static bool check_content(struct player *player, const char *path, const struct attributes *of)
{
	struct bytes data = {0};
	bool good = true;

	if (of->text == NULL && !of->is_pattern && player->item->under_count == 0)
		return true;
	if (!read_file(path, &data))
		return fail(player, "%s: %s", path, strerror(errno));
	if (of->text != NULL)
		good = check_text(player, &data, of->text);
	if (good && of->is_pattern)
		good = check_pattern(player, &data);
	if (good && player->item->under_count > 0)
		good = lines_match(player, &data, "\n");
	bytes_free(&data);
	return good;
}

static bool check_target(struct player *player, const char *path, const struct attributes *of)
{
	char target[PATH_MAX] = "";
	ssize_t size = readlink(path, target, sizeof(target) - 1);

	if (size < 0 || of->target == NULL)
		return fail(player, "link PATH -> TARGET");
	return check_text(player,
		&(struct bytes){.data = (unsigned char *)target, .size = (size_t)size}, of->target);
}

static const struct {
	const char *kind;
	mode_t type;
} kinds[] = {
	{"file", S_IFREG},
	{"dir", S_IFDIR},
	{"link", S_IFLNK},
	{"fifo", S_IFIFO},
};

static bool check_file(struct player *player, const char *kind, char *rest)
{
	char path[PATH_MAX] = "";
	struct attributes of;
	struct stat is;

	if (!tree_path(player, next_word(&rest), path) || !attributes_read(player, rest, &of))
		return false;
	bool there = lstat(path, &is) == 0;
	if (strcmp(kind, "absent") == 0)
		return !there || fail(player, "%s is there", path);
	if (!there)
		return fail(player, "%s: %s", path, strerror(errno));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].kind, kind) != 0)
			continue;
		if ((is.st_mode & S_IFMT) != kinds[i].type)
			return fail(player, "%s is something else", path);
		if (kinds[i].type == S_IFLNK && !check_target(player, path, &of))
			return false;
		return check_status(player, &is, &of) && check_content(player, path, &of);
	}
	return fail(player, "not an assertion: %s", kind);
}

static bool check_item(struct player *player)
{
	char *copy = strdup(player->item->text);
	char *rest = copy;
	const char *kind = next_word(&rest);
	bool good = true;

	if (kind == NULL)
		good = fail(player, "an empty line with | lines");
	else if (strcmp(kind, "syslog") == 0)
		good = check_syslog(player);
	else
		good = check_file(player, kind, rest);
	free(copy);
	return good;
}

bool after_check(struct player *player)
{
	const struct script *script = player->script;

	for (size_t i = 0; i < script->count; i++) {
		player->item = &script->items[i];
		if (player->item->section == SECTION_AFTER && !check_item(player))
			return false;
	}
	player->item = NULL;
	return check_filter(player);
}
