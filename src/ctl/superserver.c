#include "ctl/superserver.h"

#include <stdio.h>
#include <string.h>

#include "text/address.h"

#define DIRECTORY "/usr/local/sbin/"

/* What the listener was to do. */
struct wish {
	const char *name; /* of the program */
	const char *file;
	unsigned port, clients, clients_per_host;
	const char *address; /* NULL: all */
	bool ipv6, bad_address, gives;
};

static struct wish read_wish(const struct config *config, const char *name, const char *file)
{
	struct wish wish = {.name = name,
		.file = file,
		.port = config->listen_port > 0 ? config->listen_port : 21,
		.clients = config->max_clients,
		.clients_per_host = config->max_per_ip,
		.ipv6 = config->listen_ipv6,
		.gives = config->chown_uploads};
	struct address parsed;

	wish.address = wish.ipv6 ? config->listen_address6 : config->listen_address;
	wish.bad_address = wish.address && address_parse_host(wish.address, &parsed) < 0;
	return wish;
}

static void warn_address(const struct wish *wish)
{
	if (wish->bad_address)
		printf("# %s is no address: left out, because a super-server may take it for all\n",
			wish->address);
}

static bool has_address(const struct wish *wish)
{
	return wish->address && !wish->bad_address;
}

static void print_limit(const char *name, unsigned limit)
{
	if (limit == 0)
		printf("\t%-11s = UNLIMITED\n", name);
	else
		printf("\t%-11s = %u\n", name, limit);
}

static void print_xinetd(const struct wish *wish)
{
	bool standard = wish->port == 21;

	puts("# /etc/xinetd.d/soloftpd");
	warn_address(wish);
	printf("service %s\n{\n", standard ? "ftp" : "soloftpd");
	if (!standard)
		printf("\ttype        = UNLISTED\n\tport        = %u\n", wish->port);
	if (has_address(wish))
		printf("\tbind        = %s\n", wish->address);
	puts("\tsocket_type = stream\n\tprotocol    = tcp\n\twait        = no\n"
	     "\tuser        = root");
	printf("\tserver      = " DIRECTORY "%s\n\tserver_args = %s\n", wish->name, wish->file);
	printf("\tflags       = NOLIBWRAP NODELAY KEEPALIVE %s\n", wish->ipv6 ? "IPv6" : "IPv4");
	puts("\tpassenv     =\n\tumask       = 077\n\trlimit_as   = 256M");
	print_limit("instances", wish->clients);
	print_limit("per_source", wish->clients_per_host);
	puts("\tcps         = 50 10\n\tlog_type    = SYSLOG ftp info\n"
	     "\tlog_on_success = PID HOST EXIT DURATION\n\tlog_on_failure = HOST\n"
	     "\tdisable     = no\n}");
}

static void print_inetd(const struct wish *wish)
{
	puts("# /etc/inetd.conf");
	warn_address(wish);
	printf("# inetd has no limits on sessions: max_clients=%u and max_per_ip=%u can't be "
	       "carried over\n",
		wish->clients, wish->clients_per_host);
	if (has_address(wish))
		printf("%s:", wish->address);
	if (wish->port == 21)
		fputs("ftp", stdout);
	else
		printf("%u", wish->port);
	printf(" stream %s nowait root " DIRECTORY "%s %s %s\n", wish->ipv6 ? "tcp6" : "tcp",
		wish->name, wish->name, wish->file);
}

/* The unit of docs/systemd, behind the capabilities; its reasons stand there. */
static const char service_rest[] =
	"NoNewPrivileges=yes\n"
	"ProtectSystem=strict\n"
	"# Trees of users that are elsewhere must be added:\n"
	"ReadWritePaths=-/home -/srv -/var/ftp -/var/www /var/log -/run/utmp "
	"-/run/faillock\n"
	"InaccessiblePaths=-/run/systemd/private -/run/dbus/system_bus_socket\n"
	"ProtectKernelTunables=yes\n"
	"ProtectKernelModules=yes\n"
	"ProtectKernelLogs=yes\n"
	"ProtectControlGroups=yes\n"
	"ProtectClock=yes\n"
	"ProtectHostname=yes\n"
	"PrivateDevices=yes\n"
	"LockPersonality=yes\n"
	"RestrictNamespaces=yes\n"
	"RestrictRealtime=yes\n"
	"RestrictSUIDSGID=yes\n"
	"MemoryDenyWriteExecute=yes\n"
	"SystemCallArchitectures=native\n"
	"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n"
	"LimitCORE=0\n"
	"LimitAS=256M\n"
	"TasksMax=16\n"
	"UMask=0077\n";

static void print_systemd(const struct wish *wish)
{
	bool brackets = has_address(wish) && strchr(wish->address, ':');

	puts("# /etc/systemd/system/soloftpd.socket");
	warn_address(wish);
	fputs("[Unit]\nDescription=FTP\nDocumentation=man:soloftpd(8)\n\n[Socket]\nListenStream=",
		stdout);
	if (has_address(wish))
		printf("%s%s%s:", brackets ? "[" : "", wish->address, brackets ? "]" : "");
	else if (!wish->ipv6)
		fputs("0.0.0.0:", stdout);
	printf("%u\nAccept=yes\n", wish->port);
	/* systemd has no word for "unlimited" but a number nobody reaches. */
	printf("MaxConnections=%u\n", wish->clients > 0 ? wish->clients : 65535);
	if (wish->clients_per_host > 0)
		printf("MaxConnectionsPerSource=%u\n", wish->clients_per_host);
	puts("NoDelay=yes\nKeepAlive=yes\n\n[Install]\nWantedBy=sockets.target\n\n"
	     "# /etc/systemd/system/soloftpd@.service\n[Unit]\nDescription=FTP session %i\n"
	     "Documentation=man:soloftpd(8)\n\n[Service]");
	printf("ExecStart=-" DIRECTORY "%s %s\n", wish->name, wish->file);
	printf("StandardInput=socket\nStandardError=journal\n"
	       "CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_SYS_CHROOT CAP_DAC_READ_SEARCH "
	       "CAP_AUDIT_WRITE CAP_NET_BIND_SERVICE CAP_SETPCAP%s\n",
		wish->gives ? " CAP_CHOWN" : "");
	fputs(service_rest, stdout);
}

static void print_tcpserver(const struct wish *wish)
{
	warn_address(wish);
	if (wish->ipv6)
		puts("# tcpserver knows IPv4 only: listen_ipv6 can't be carried over");
	if (wish->clients_per_host > 0)
		printf("# tcpserver does not count sessions by address: max_per_ip=%u can't be "
		       "carried over\n",
			wish->clients_per_host);
	fputs("tcpserver -H -R -l0 ", stdout);
	printf("-c %u ", wish->clients > 0 ? wish->clients : 65535);
	printf("%s %u " DIRECTORY "%s %s\n", has_address(wish) ? wish->address : "0", wish->port,
		wish->name, wish->file);
}

static const struct {
	const char *kind;
	void (*print)(const struct wish *wish);
} printers[] = {{"xinetd", print_xinetd}, {"inetd", print_inetd}, {"systemd", print_systemd},
	{"tcpserver", print_tcpserver}};

bool superserver_is_known(const char *kind)
{
	for (size_t i = 0; i < sizeof(printers) / sizeof(printers[0]); i++)
		if (strcmp(kind, printers[i].kind) == 0)
			return true;
	return false;
}

void superserver_print(
	const char *kind, const struct config *config, const char *name, const char *file)
{
	struct wish wish = read_wish(config, name, file);

	for (size_t i = 0; i < sizeof(printers) / sizeof(printers[0]); i++)
		if (strcmp(kind, printers[i].kind) == 0)
			printers[i].print(&wish);
}
