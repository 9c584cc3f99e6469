/* Stand-in for libwrap, whose archive is glibc's: everybody is admitted. */
#include <stdio.h>
#include <tcpd.h>

int resident;
static char nowhere[] = "/nonexistent";
char *hosts_allow_table = nowhere, *hosts_deny_table = nowhere;
extern int dry_run; /* libwrap has it, tcpd.h does not tell of it */
int dry_run;

struct request_info *request_init(struct request_info *request, ...)
{
	return request;
}

struct request_info *request_set(struct request_info *request, ...)
{
	return request;
}

int hosts_access(struct request_info *request)
{
	(void)request;
	return 1;
}

void sock_host(struct request_info *request)
{
	(void)request;
}

void sock_hostname(struct host_info *host)
{
	(void)host;
}

void sock_hostaddr(struct host_info *host)
{
	(void)host;
}
