/* HOST: a configuration for each name that the server has (RFC 7151). */
#include "commands/host.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "commands/configuration.h"
#include "commands/record.h"
#include "commands/table.h"
#include "system/tls.h"
#include "system/vfs.h"

/* Changes of hosts in one session. */
#define HOSTS_MOST 10

#define HOST_MAX 253 /* RFC 1035 section 2.3.4, as text */

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Copies the name in lower case; returns whether it is one: labels of letters, digits and inner hyphens
 * (RFC 1123 section 2.1). It becomes a file's name. */
static bool read_name(const char *text, char out[HOST_MAX + 1])
{
	size_t size = strlen(text);
	char before = '.';

	if (size > 0 && text[size - 1] == '.')
		size--; /* the root, as in "example.net." */
	if (size == 0 || size > HOST_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
		bool inside = is_letter_or_digit(before) || before == '-';
		if (c == '.' ? !is_letter_or_digit(before)
			     : !is_letter_or_digit(c) && !(c == '-' && inside))
			return false;
		before = out[i] = c;
	}
	out[size] = '\0';
	return is_letter_or_digit(before);
}

/* An IPv4 literal as it is, or an IPv6 one in brackets (section 3.2). */
static bool read_literal(const char *text, struct address *out_address)
{
	char inner[ADDRESS_TEXT];
	size_t size = strlen(text);

	if (text[0] != '[')
		return address_parse_host(text, out_address) == 0 &&
		       out_address->family == ADDRESS_IPV4;
	if (size < 2 || size - 2 >= sizeof(inner) || text[size - 1] != ']')
		return false;
	memcpy(inner, text + 1, size - 2);
	inner[size - 2] = '\0';
	return address_parse_host(inner, out_address) == 0 && out_address->family == ADDRESS_IPV6;
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Adds the host's file; other hosts are not its business. A client certificate was checked in the handshake, and
 * what came of it is asked when USER comes: only other authorities would need another handshake. */
static int add(struct session *session, const char *file)
{
	struct config *config = &session->config;
	const char *directory = config->host_config_dir, *authorities = config->ca_certs_file;
	bool gives = config->chown_uploads;

	config_mark_early(config);
	if (configuration_add(session, file) < 0)
		return -EINVAL;
	config->host_config_dir = directory;
	/* The privilege for it has been given up. */
	if (config->chown_uploads && !gives) {
		record_problem(session, "a host's file can't switch chown_uploads on");
		return -EINVAL;
	}
	if (!session->control.channel.tls || is_same(authorities, config->ca_certs_file))
		return 0;
	record_problem(session, "inside TLS a host's file can't change ca_certs_file");
	return -EINVAL;
}

/* Starts again from the layers there were before any HOST, with the host's file on top if it is not NULL. */
static int load(struct session *session, const char *file, const char **out_banner)
{
	if (configuration_load(session) < 0 ||
		(session->load_file && configuration_add(session, session->load_file) < 0) ||
		(file && add(session, file) < 0) || configuration_settle(session) < 0 ||
		configuration_banner(session, out_banner) < 0)
		return -EINVAL;
	record_notes(session);
	record_close(session);
	record_open(session);
	session->host_given = file != NULL;
	return 0;
}

int host_reset(struct session *session)
{
	const char *banner;

	return load(session, NULL, &banner);
}

static struct reply switch_to(struct session *session, const char *file)
{
	const char *banner = NULL;

	/* Each change reads files, and tells the syslog what is odd in them. */
	if (++session->hosts > HOSTS_MOST) {
		session->ending = "protocol";
		return reply_closing(421, "Too many hosts.");
	}
	if (load(session, file, &banner) == 0)
		return reply(220, banner ? banner : "Host accepted.");
	session->outcome = EXIT_CLASS_CONFIGURATION;
	session->ending = "configuration";
	return reply_closing(421, "Service not available.");
}

/* The name that TLS was asked for (SNI) and HOST must be the same (RFC 7151 section 3.3). */
static bool contradicts_tls(const struct session *session, const char *name)
{
	const struct tls *tls = session->control.channel.tls;
	const char *asked = tls ? tls_server_name(tls) : NULL;

	return asked && strcasecmp(asked, name) != 0;
}

struct reply cmd_host(struct session *session, const char *argument)
{
	const char *directory = session->config.host_config_dir;
	UNCLEARED char name[HOST_MAX + 1], file[PATH_TEXT];
	struct address literal;
	struct facts facts;

	if (session->user[0] || session->login.kind != LOGIN_NONE)
		return reply(503, "HOST comes before USER.");
	if (read_literal(argument, &literal))
		return address_same_host(&literal, &session->local)
			       ? switch_to(session, NULL)
			       : reply(504, "Not an address of this server.");
	if (!read_name(argument, name))
		return reply(501, "Bad host name.");
	if (contradicts_tls(session, name))
		return reply(504, "TLS was set up for another host.");
	if (path_join(directory, name, file, sizeof(file)) < 0 || vfs_stat(file, &facts) == -ENOENT)
		return reply(504, "Unknown host.");
	return switch_to(session, file);
}
