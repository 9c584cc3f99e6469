#include "system/wrappers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <tcpd.h>

#include "system/net.h"
#include "system/vfs.h"

/* What tcpd.h expects of its user. */
int allow_severity = 6; /* LOG_INFO */
int deny_severity = 4;	/* LOG_WARNING */

/*
 * libwrap asks NIS for a domain name before it looks into netgroups; the archive leaves the function
 * to be found in a library of its own. Without a domain it passes NULL on to innetgr, which asks the
 * name service for any domain.
 */
int yp_get_default_domain(char **domain);

int yp_get_default_domain(char **domain)
{
	*domain = NULL;
	return -ENOENT;
}

/* libwrap takes a file that can't be read to its end for one that ends there, and lets in whom the rest turns away. */
static bool can_be_read(const char *path)
{
	static char piece[4096];
	int fd = vfs_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT;
	do {
		got = vfs_read(fd, piece, sizeof(piece));
	} while (got > 0);
	vfs_close(fd);
	return got == 0;
}

bool wrappers_admit(int socket, const char *daemon)
{
	struct request_info request;
	char name[STRING_LENGTH];
	size_t size = strlen(daemon);

	if (size >= sizeof(name))
		return false;
	memcpy(name, daemon, size + 1);
	resident = 1; /* a twist would replace this process: refuse instead */
	request_init(&request, RQ_DAEMON, name, RQ_FILE, socket, 0);
	fromhost(&request);
	return hosts_access(&request) != 0 && can_be_read(hosts_allow_table) &&
	       can_be_read(hosts_deny_table);
}

/* libwrap's switch for its own checking tools: a rule's spawn does nothing, and a twist only clears it. */
extern int dry_run;

bool wrappers_foresee(
	const struct address *client, const struct address *server, const char *daemon)
{
	static struct sockaddr_storage ends[2];
	struct request_info request;
	char name[STRING_LENGTH];
	size_t size = strlen(daemon);
	bool admitted;

	if (size >= sizeof(name))
		return false;
	memcpy(name, daemon, size + 1);
	net_endpoint(client, &ends[0]);
	request_init(&request, RQ_DAEMON, name, RQ_CLIENT_SIN, &ends[0], 0);
	if (server) {
		net_endpoint(server, &ends[1]);
		request_set(&request, RQ_SERVER_SIN, &ends[1], 0);
	}
	sock_methods(&request);
	dry_run = 1;
	admitted = hosts_access(&request) != 0;
	return admitted && dry_run != 0;
}
