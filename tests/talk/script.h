/* A talk as read from its file: docs/testing.md. */
#ifndef TALK_SCRIPT_H
#define TALK_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

enum section { SECTION_HEAD, SECTION_CONFIG, SECTION_TREE, SECTION_TALK, SECTION_AFTER };

/* One line, with the "| " lines under it. */
struct item {
	enum section section;
	unsigned int line;
	char *text;
	char **under;
	size_t under_count;
};

enum mode { MODE_INPROCESS = 1, MODE_XINETD = 2 };

enum { SETTINGS_MAX = 16 };

struct script {
	const char *path;
	struct item *items; /* owned, with all they point to */
	size_t count;
	/* from the head */
	unsigned int modes;
	unsigned int patience; /* seconds a step */
	const char *daemon;
	const char *from; /* the client's address */
	const char *to;	  /* the server's; NULL: loopback of the client's family */
	bool mapped;	  /* an IPv4 client at an IPv6 socket */
	int exit_status;  /* -1: 0 or 1 */
	const char *settings[SETTINGS_MAX];
	size_t setting_count;
	const char *load; /* a file named by the environment; NULL: none */
};

/* False, after saying why on standard output, when it cannot be read. */
bool script_read(struct script *script, const char *path);
void script_free(struct script *script);

#endif
