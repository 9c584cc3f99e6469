#include "system/wrappers.h"

#include <errno.h>
#include <string.h>
#include <tcpd.h>

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

/* libwrap's switch for its own checking tools: a rule's spawn and twist do nothing. */
extern int dry_run;

bool wrappers_foresee(const char *address, const char *daemon)
{
	struct request_info request;
	char name[STRING_LENGTH], host[STRING_LENGTH];
	size_t size = strlen(daemon), host_size = strlen(address);

	if (size >= sizeof(name) || host_size >= sizeof(host))
		return false;
	memcpy(name, daemon, size + 1);
	memcpy(host, address, host_size + 1);
	dry_run = 1;
	request_init(&request, RQ_DAEMON, name, RQ_CLIENT_ADDR, host, 0);
	return hosts_access(&request) != 0;
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
	return hosts_access(&request) != 0;
}
