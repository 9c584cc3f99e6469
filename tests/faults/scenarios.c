/* What is done, to which files; and whether what came of it may be. */
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OLD 3000
#define NEW 2000
#define SMALL 5000
#define ALICE 1801

#define UPLOAD(title, line, file, ...)                                                   \
	{                                                                                \
		.name = title, .effect = EFFECT_UPLOAD, .command = line, .target = file, \
		__VA_ARGS__                                                              \
	}

const struct scenario scenarios[] = {
	{.name = "login-anonymous", .effect = EFFECT_LOGIN, .anonymous = true},
	{.name = "login-local", .effect = EFFECT_LOGIN},
	{.name = "list", .effect = EFFECT_LISTING, .anonymous = true, .command = "LIST list"},
	{.name = "list-active",
		.effect = EFFECT_LISTING,
		.anonymous = true,
		.active = true,
		.command = "LIST list"},
	{.name = "mlsd", .effect = EFFECT_LISTING, .anonymous = true, .command = "MLSD list"},
	{.name = "retr", .effect = EFFECT_DOWNLOAD, .anonymous = true, .command = "RETR small"},
	{.name = "retr-active",
		.effect = EFFECT_DOWNLOAD,
		.anonymous = true,
		.active = true,
		.command = "RETR small"},
	{.name = "retr-large",
		.effect = EFFECT_DOWNLOAD,
		.anonymous = true,
		.command = "RETR large"},
	UPLOAD("stor-new", "STOR n", "n", .sent = NEW),
	UPLOAD("stor-over", "STOR f", "f", .old_size = OLD, .sent = NEW),
	UPLOAD("stor-active", "STOR f", "f", .old_size = OLD, .sent = NEW, .active = true),
	UPLOAD("stor-large", "STOR f", "f", .old_size = OLD, .sent = LARGE),
	UPLOAD("stor-rest", "STOR f", "f", .old_size = OLD, .sent = NEW, .start = 1500,
		.before = {"REST 1500"}),
	UPLOAD("stor-resumed", "STOR n", "n", .sent = NEW, .start = 1500, .kept = true,
		.before = {"REST 1500"}),
	UPLOAD("appe", "APPE f", "f", .old_size = OLD, .sent = NEW, .start = OLD),
	UPLOAD("stou", "STOU u", NULL, .sent = NEW),
	UPLOAD("stor-new-in-place", "STOR n", "n", .sent = NEW, .in_place = true),
	UPLOAD("stor-over-in-place", "STOR f", "f", .old_size = OLD, .sent = NEW, .in_place = true),
	UPLOAD("stor-rest-in-place", "STOR f", "f", .old_size = OLD, .sent = NEW, .start = 1500,
		.in_place = true, .before = {"REST 1500"}),
	UPLOAD("appe-in-place", "APPE f", "f", .old_size = OLD, .sent = NEW, .start = OLD,
		.in_place = true),
	UPLOAD("stou-in-place", "STOU u", NULL, .sent = NEW, .in_place = true),
	{.name = "rename",
		.effect = EFFECT_RENAME,
		.before = {"RNFR g"},
		.command = "RNTO f",
		.target = "f",
		.old_size = OLD},
	{.name = "quit", .effect = EFFECT_QUIT, .command = "QUIT"},
};
const size_t scenario_count = sizeof(scenarios) / sizeof(*scenarios);

char old_byte(size_t at)
{
	return (char)('a' + (at * 7 + at / 251) % 26);
}

char new_byte(size_t at)
{
	return (char)('A' + (at * 11 + at / 241) % 26);
}

/* ---- places ---- */

static void must(bool done, const char *what)
{
	if (done)
		return;
	perror(what);
	exit(2);
}

static void put(const char *directory, const char *name, size_t size, char (*byte)(size_t))
{
	static char content[LARGE];
	char path[256];
	int fd;

	for (size_t i = 0; i < size; i++)
		content[i] = byte(i);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	must(fd >= 0 && write(fd, content, size) == (ssize_t)size && fchown(fd, ALICE, ALICE) == 0,
		path);
	close(fd);
}

static void make_listed(const char *pub)
{
	static const char *const listed[] = {"one", "two words", "three", "fünf", "."};
	static const struct timespec times[2] = {{.tv_sec = 1577836800}, {.tv_sec = 1577836800}};
	char path[256];

	snprintf(path, sizeof(path), "%s/list", pub);
	must(mkdir(path, 0755) == 0, path);
	for (size_t i = 0; i < 4; i++)
		put(path, listed[i], 100 * i, old_byte);
	snprintf(path, sizeof(path), "%s/list/link", pub);
	must(symlink("one", path) == 0, path);
	must(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0, path);
	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/list/%s", pub, listed[i]);
		must(utimensat(AT_FDCWD, path, times, 0) == 0, path);
	}
}

static void write_config(struct place *place, unsigned number, bool atomic)
{
	char *path = place->config[atomic];
	FILE *out;

	snprintf(path, sizeof(place->config[0]), "/run/faults-%u/%s.conf", number,
		atomic ? "atomic" : "plain");
	out = fopen(path, "we");
	must(out != NULL, path);
	fprintf(out,
		"anonymous_enable=YES\nlocal_enable=YES\nwrite_enable=YES\nanon_root=%s\nlocal_"
		"root=%s\n"
		"chroot_local_user=YES\nallow_writeable_chroot=YES\ndelay_failed_login=0\n"
		"xferlog_enable=YES\ndual_log_enable=YES\n"
		"vsftpd_log_file=/run/faults-%u/vsftpd.log\nxferlog_file=/run/faults-%u/xferlog\n"
		"local_umask=022\nupload_sync=YES\nupload_atomic=%s\n",
		place->pub, place->home, number, number, atomic ? "YES" : "NO");
	must(fclose(out) == 0, path);
}

void place_make(struct place *place, unsigned number)
{
	char path[64];

	snprintf(place->pub, sizeof(place->pub), "/srv/pub");
	snprintf(place->home, sizeof(place->home), "/srv/home-%u", number);
	snprintf(path, sizeof(path), "/run/faults-%u", number);
	must(mkdir(path, 0755) == 0, path);
	must(mkdir(place->home, 0755) == 0 && chown(place->home, ALICE, ALICE) == 0, place->home);
	if (number == 0) {
		must(mkdir(place->pub, 0755) == 0, place->pub);
		put(place->pub, "small", SMALL, old_byte);
		put(place->pub, "large", LARGE, old_byte);
		make_listed(place->pub);
	}
	write_config(place, number, true);
	write_config(place, number, false);
	place->listener = new_listener(&place->port);
	place->received = malloc((size_t)2 * LARGE);
	must(place->received != NULL, "memory");
}

void scenario_prepare(const struct scenario *scenario, const struct place *place)
{
	DIR *stream = opendir(place->home);
	struct dirent *entry;

	must(stream != NULL, place->home);
	while ((entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			must(unlinkat(dirfd(stream), entry->d_name, 0) == 0, entry->d_name);
	closedir(stream);
	if (scenario->old_size > 0)
		put(place->home, scenario->target, scenario->old_size, old_byte);
	if (scenario->effect == EFFECT_RENAME)
		put(place->home, "g", NEW, new_byte);
	if (scenario->kept)
		put(place->home, ".soloftpd-part-n", scenario->start, old_byte);
}

/* ---- files afterwards ---- */

struct content {
	char bytes[LARGE + OLD + 1];
	ssize_t size; /* -1: there is no file */
};

static void read_content(const struct place *place, const char *name, struct content *out)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", place->home, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	out->size = fd < 0 ? -1 : read(fd, out->bytes, sizeof(out->bytes));
	if (fd >= 0)
		close(fd);
}

static bool is(const struct content *c, size_t size, char (*byte)(size_t))
{
	if (c->size != (ssize_t)size)
		return false;
	for (size_t i = 0; i < size; i++)
		if (c->bytes[i] != byte(i))
			return false;
	return true;
}

/* What was there before; a kept upload is under its own name. */
static bool is_old(const struct scenario *scenario, const struct content *c)
{
	return scenario->old_size == 0 ? c->size < 0 : is(c, scenario->old_size, old_byte);
}

/* The bytes up to `size` as they are when so many of the upload have come. */
static bool has_upload(const struct scenario *scenario, const struct content *c, size_t come)
{
	for (size_t i = 0; i < (size_t)c->size; i++) {
		bool sent = i >= scenario->start && i - scenario->start < come;
		if (c->bytes[i] != (sent ? new_byte(i - scenario->start) : old_byte(i)))
			return false;
	}
	return true;
}

static bool is_new(const struct scenario *scenario, const struct content *c)
{
	size_t whole = scenario->start + scenario->sent;

	if (scenario->start > 0 && whole < scenario->old_size)
		whole = scenario->old_size;
	return c->size == (ssize_t)whole && has_upload(scenario, c, scenario->sent);
}

/* A beginning of the upload, behind or over what was there: what upload_atomic=NO may leave, and what is kept. */
static bool is_part(const struct scenario *scenario, const struct content *c)
{
	size_t come = 0;

	if (c->size < 0)
		return scenario->old_size == 0;
	while (come < scenario->sent && scenario->start + come < (size_t)c->size &&
		c->bytes[scenario->start + come] == new_byte(come))
		come++;
	return has_upload(scenario, c, come);
}

static bool struck_removal(const struct session *s)
{
	const struct fault *f = &s->tracee.fault;

	return f->kind == KIND_ERROR &&
	       (f->call == call_number("unlink") || f->call == call_number("unlinkat"));
}

/* A lock that someone else has is on their file. */
static bool may_stay_untold(const struct session *s)
{
	const struct fault *f = &s->tracee.fault;

	return s->tracee.hit_control || (f->error == EAGAIN && f->call == call_number("fcntl")) ||
	       f->call == call_number("unlink");
}

static void judge_name(struct session *s, const char *name)
{
	static struct content kept;
	const struct scenario *scenario = s->scenario;

	if ((scenario->target && strcmp(name, scenario->target) == 0) ||
		strcmp(name, s->unique) == 0 ||
		(scenario->effect == EFFECT_RENAME && strcmp(name, "g") == 0))
		return;
	/* The client may not have been told, and then the upload goes its way all the same. */
	if (!scenario->target && !s->unique[0] && strncmp(name, "u.", 2) == 0 &&
		may_stay_untold(s)) {
		snprintf(s->unique, sizeof(s->unique), "%.200s", name);
		return;
	}
	if (strncmp(name, ".soloftpd-part-", 15) == 0 && scenario->effect == EFFECT_UPLOAD) {
		read_content(s->place, name, &kept);
		if (scenario->in_place || s->code == 226 ? !struck_removal(s)
							 : !is_part(scenario, &kept))
			wrong(s, "kept: %s, %zd bytes", name, kept.size);
	} else if (!struck_removal(s) || strncmp(name, ".soloftpd-", 10) != 0) {
		wrong(s, "left behind: %s", name);
	}
}

static void judge_names(struct session *s)
{
	DIR *stream = opendir(s->place->home);
	struct dirent *entry;

	while (stream && (entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			judge_name(s, entry->d_name);
	if (stream)
		closedir(stream);
}

static void judge_upload(struct session *s)
{
	static struct content c;
	const struct scenario *scenario = s->scenario;
	const char *name = scenario->target ? scenario->target : s->unique;

	c.size = -1;
	if (*name)
		read_content(s->place, name, &c);
	if (s->code == 226 && !is_new(scenario, &c))
		wrong(s, "226, but %s has %zd bytes and is not what was sent", name, c.size);
	else if (s->code != 226 && scenario->in_place && !is_old(scenario, &c) &&
		 !is_part(scenario, &c))
		wrong(s, "%d, and %s has %zd bytes, none of them known", s->code, name, c.size);
	else if (s->code != 226 && !scenario->in_place && !is_old(scenario, &c) &&
		 !is_new(scenario, &c))
		wrong(s, "%d, and %s has %zd bytes: torn or missing", s->code, name, c.size);
}

static void judge_rename(struct session *s)
{
	static struct content f, g;
	bool done, undone;

	read_content(s->place, "f", &f);
	read_content(s->place, "g", &g);
	done = is(&f, NEW, new_byte) && g.size < 0;
	undone = is(&f, OLD, old_byte) && is(&g, NEW, new_byte);
	/* Without a reply, either. */
	if (s->code == 250 ? !done : s->code == 0 ? !done && !undone : !undone)
		wrong(s, "%d, and f has %zd bytes, g has %zd", s->code, f.size, g.size);
}

/* ---- the rest ---- */

static void judge_download(struct session *s)
{
	size_t whole = strstr(s->scenario->command, "large") ? LARGE : SMALL;

	for (size_t i = 0; i < s->received.size; i++)
		if (i >= whole || s->received.at[i] != old_byte(i)) {
			wrong(s, "byte %zu of %zu is not the file's", i, s->received.size);
			return;
		}
	if (s->code == 226 && s->received.size != whole)
		wrong(s, "226, but %zu bytes of %zu came", s->received.size, whole);
}

static void judge_listing(struct session *s, const struct baseline *b)
{
	if (s->code == 226 &&
		(s->received.size != b->received.size ||
			memcmp(s->received.at, b->received.at, b->received.size) != 0))
		wrong(s, "226, but another listing:\n%.*s",
			(int)(s->received.size < 300 ? s->received.size : 300), s->received.at);
}

/* A kernel that does not have it at all is put up with, unless sandbox_required=YES. */
static bool is_without(const struct session *s, const char *call)
{
	const struct fault *f = &s->tracee.fault;

	return f->calls && f->error == ENOSYS && strcmp(call_name(f->call), call) == 0;
}

static void judge_login(struct session *s, const struct baseline *b)
{
	const char *filters = strstr(b->walls, "Seccomp_filters:");
	size_t compared = is_without(s, "seccomp") && filters ? (size_t)(filters - b->walls)
							      : sizeof(b->walls);

	/* One that has ended behind its 230 has none. */
	if (s->code != 230 || (!s->walls[0] && s->tracee.hit_control))
		return;
	if (strncmp(s->walls, b->walls, compared) != 0)
		wrong(s, "230 with other walls: %s\n    instead of %s", s->walls, b->walls);
	if (s->tracee.walls != b->landlocks &&
		!(is_without(s, "landlock_create_ruleset") && s->tracee.walls == 0))
		wrong(s, "230 with %u of Landlock's walls, not %u", s->tracee.walls, b->landlocks);
}

/* What may say EINTR, by signal(7) and the calls' own manual pages, is made again; other calls never do, and EINTR there is
 * an error like others. */
static bool is_interruptible(int call)
{
	static const char *const these[] = {"accept4", "close", "connect", "copy_file_range",
		"fcntl", "fstatfs", "fsync", "ftruncate", "getrandom", "open", "openat", "poll",
		"ppoll", "pread64", "pwrite64", "read", "recvfrom", "recvmsg", "sendfile",
		"sendmsg", "sendto", "splice", "statfs", "write", "writev"};

	for (size_t i = 0; i < sizeof(these) / sizeof(*these); i++)
		if (strcmp(these[i], call_name(call)) == 0)
			return true;
	return false;
}

/* No fault at all, to those who can try again. */
static bool must_be_the_same(const struct session *s)
{
	const struct fault *f = &s->tracee.fault;

	if (!s->tracee.hit || f->kind == KIND_SHORT)
		return true;
	/* What libc and PAM's modules do in a login, they do once. */
	return f->kind == KIND_ERROR && f->error == EINTR && s->scenario->effect != EFFECT_LOGIN &&
	       is_interruptible(f->call) &&
	       (f->call != call_number("fcntl") || s->tracee.second == F_SETLK);
}

/* The reply says what has failed, where something says what that must be. */
static void judge_code(struct session *s, const struct baseline *b)
{
	const unsigned short *codes = s->tracee.fault.codes;

	if (must_be_the_same(s) && s->code != b->code)
		wrong(s, "%d instead of %d", s->code, b->code);
	if (codes[0] == 0 || s->code == b->code)
		return;
	for (size_t i = 0; i < 4; i++)
		if (codes[i] == s->code)
			return;
	wrong(s, "%d instead of %d", s->code, codes[0]);
}

void judge(struct session *s, const struct baseline *b)
{
	judge_code(s, b);
	judge_names(s);
	switch (s->scenario->effect) {
	case EFFECT_LOGIN:
		judge_login(s, b);
		break;
	case EFFECT_LISTING:
		judge_listing(s, b);
		break;
	case EFFECT_DOWNLOAD:
		judge_download(s);
		break;
	case EFFECT_UPLOAD:
		judge_upload(s);
		break;
	case EFFECT_RENAME:
		judge_rename(s);
		break;
	case EFFECT_QUIT:
		break;
	}
}
