/*
 * A session without its network, for the tests of commands: logged in, in a directory of its own, as an
 * ordinary user also where root runs the tests. Included once, behind cmocka.h.
 */
#ifndef SOLOFTPD_TESTS_UNIT_SESSION_FIXTURE_H
#define SOLOFTPD_TESTS_UNIT_SESSION_FIXTURE_H

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/dispatch.h"
#include "system/vfs.h"
#include "text/factline.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOBODY_ID 65534

static struct session session;
static struct config *const config = &session.config;
static int client;
static char directory[256];
static char received[1 << 17];

static inline void become(bool root)
{
	if (getuid() == 0 &&
		(seteuid(0) < 0 || setgroups(0, NULL) < 0 || setegid(root ? 0 : NOBODY_ID) < 0 ||
			seteuid(root ? 0 : NOBODY_ID) < 0))
		fail_msg("can't become another user");
}

static inline int session_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path) || chdir(path) < 0 || !getcwd(directory, sizeof(directory)))
		return -1;
	if (getuid() == 0 && chown(".", NOBODY_ID, NOBODY_ID) < 0)
		return -1;
	become(false);
	umask(022);
	return 0;
}

static inline int session_remove_directory(void **state)
{
	(void)state;
	become(true);
	return chdir("/") < 0 || rmdir(directory) < 0 ? -1 : 0;
}

static inline int session_start(void **state)
{
	static const struct address here = {.family = ADDRESS_IPV4, .host = {127, 0, 0, 1}};
	struct config_note note;
	int ends[2];

	(void)state;
	memset(&session, 0, sizeof(session));
	if (chdir(directory) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -1;
	config_defaults(config, "soloftpd");
	config->anonymous_enable = config->local_enable = config->write_enable = true;
	control_start(&session.control, ends[0], 5);
	client = ends[1];
	session.local = session.peer = here;
	data_start(&session.data, &here, &here);
	if (data_announce(&session.data, config, &note) < 0)
		return -1;
	strcpy(session.peer_text, "127.0.0.1");
	strcpy(session.home, directory);
	session.native_log = session.transfer_log = session.event_log = -1;
	session.facts = FACTS_DEFAULT;
	session.hash = DIGEST_SHA256;
	session.login.kind = LOGIN_LOCAL;
	strcpy(session.login.name, "bob");
	strcpy(session.user, "bob");
	return 0;
}

/* Ends the session and removes the files that tests make, of which directories are the last. */
static inline int session_end(void **state)
{
	static const char *const names[] = {"sub/a", "a", "b", "a b", "a 1", "a 1 2", "link",
		"dangling", "empty", "large", "host", "sub", "made"};

	(void)state;
	data_end(&session.data);
	control_close(&session.control);
	close(client);
	if (chdir(directory) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(names); i++)
		if (unlink(names[i]) < 0)
			rmdir(names[i]);
	return 0;
}

static inline void make(const char *name, const char *content)
{
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1000000000, .tv_nsec = 250000000}};
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

/* Runs one line; what the client was told is in `received`, each line end as LF. Returns the final code. */
static inline int run(const char *text)
{
	static char line[LINE_MAX_SIZE + 1];
	size_t size = strlen(text), kept = 0;
	const char *last = received;
	ssize_t got;

	memcpy(line, text, size + 1);
	dispatch_line(&session, line, size);
	assert_int_equal(control_flush(&session.control), 0);
	got = recv(client, received, sizeof(received) - 1, MSG_DONTWAIT);
	for (ssize_t i = 0; i < got; i++)
		if (received[i] != '\r')
			received[kept++] = received[i];
	assert_true(kept > 4 && received[kept - 1] == '\n');
	received[kept - 1] = '\0'; /* of the last line */
	for (const char *at = received; at; at = strchr(at, '\n'))
		last = at = *at == '\n' ? at + 1 : at;
	assert_int_equal(last[3], ' ');
	return atoi(last);
}

/* Runs one line; the whole reply must be this. */
static inline void check(const char *text, const char *expected)
{
	(void)run(text);
	if (strcmp(received, expected) != 0)
		fail_msg("%s: %s", text, received);
}

#endif
