#include "ctl/encryption.h"

#include <errno.h>
#include <string.h>

#include "ctl/certificates.h"
#include "policy/options.h"
#include "policy/protection.h"
#include "system/certificate.h"
#include "system/directory.h"
#include "text/path.h"

/* ---- those of the options ---- */

struct slot {
	enum option certificate, key;
};

static const struct slot slots[2] = {
	{OPTION_rsa_cert_file, OPTION_rsa_private_key_file},
	{OPTION_dsa_cert_file, OPTION_dsa_private_key_file},
};

typedef char key_types[2][CERTIFICATES_KEY];

static void check_slots(const struct config *config, struct report *report, key_types out_types)
{
	for (int i = 0; i < 2; i++) {
		const char *file = option_value(config, slots[i].certificate).string;
		const char *key = option_value(config, slots[i].key).string;
		struct certificates_subject subject = {config, report, slots[i].certificate, file};
		out_types[i][0] = '\0';
		if (file)
			certificates_check_file(&subject, key ? slots[i].key : slots[i].certificate,
				key ? key : file, config->ssl_sni_hostname, out_types[i]);
		else if (key)
			report_warning(report, config, slots[i].key,
				"has no effect without a certificate");
	}
	if (out_types[0][0] && strcmp(out_types[0], out_types[1]) == 0) {
		struct certificates_subject subject = {config, report, OPTION_dsa_cert_file, NULL};
		certificates_tell_about(&subject, CONFIG_ERROR, "has a key of the same type (",
			out_types[0], ") as rsa_cert_file's, and replaces it");
		out_types[1][0] = '\0';
	}
	if (!config->rsa_cert_file && !config->dsa_cert_file) {
		struct certificates_subject subject = {config, report, OPTION_ssl_enable, NULL};
		certificates_tell(&subject, CONFIG_ERROR, "there is no certificate");
	}
}

/* What a session would say that loads all this, unless it is about a certificate or key and something has been
 * told of these. The first words of a problem are the value of the option to blame. */
static bool check_loading(const struct config *config, struct report *report, bool told)
{
	static const enum option options[] = {OPTION_rsa_cert_file, OPTION_rsa_private_key_file,
		OPTION_dsa_cert_file, OPTION_dsa_private_key_file, OPTION_ca_certs_file,
		OPTION_dh_param_file, OPTION_ecdh_param_file, OPTION_ssl_ciphers};
	struct certificates_subject subject = {config, report, OPTION_ssl_enable, NULL};
	bool is_certificate = false;
	char text[256];
	struct buffer problem;

	buffer_start(&problem, text, sizeof(text));
	if (protection_load(config, &problem) == 0)
		return true;
	(void)buffer_text(&problem);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *value = option_value(config, options[i]).string;
		size_t size = value ? strlen(value) : 0;
		if (size > 0 && strncmp(text, value, size) == 0 && text[size] == ':') {
			subject.option = options[i];
			is_certificate = i < 4;
		}
	}
	if (!told || !is_certificate)
		certificates_tell(&subject, CONFIG_ERROR, text);
	return false;
}

/* ---- trials ---- */

static const char *const version_names[TLS_VERSIONS] = {"TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"};

static void tell_trial(const struct config *config, struct report *report,
	const struct certificate_trial *trial, enum config_severity severity, const char *reason)
{
	bool ciphers = config->ssl_ciphers && config->origin[OPTION_ssl_ciphers].source > 0 &&
		       (trial->version != TLS_1_3 || strcmp(reason, "no ciphers available") == 0);
	struct certificates_subject subject = {
		config, report, ciphers ? OPTION_ssl_ciphers : OPTION_rsa_cert_file, NULL};
	char before[64];
	struct buffer b;

	buffer_start(&b, before, sizeof(before));
	buffer_string(&b, version_names[trial->version]);
	if (trial->key) {
		buffer_string(&b, " with the ");
		buffer_string(&b, trial->key);
		buffer_string(&b, " key");
	}
	buffer_string(&b, " does not work: ");
	certificates_tell_about(&subject, severity, buffer_text(&b), reason, "");
}

/* What works with one of two keys, and an old version that does not, could be better; a new one that works with
 * none is of no use. */
static void try_version(const struct config *config, struct report *report,
	enum tls_version version, key_types types)
{
	char text[2][192];
	int failed[2] = {0, 0};
	bool bearable = version < TLS_1_2;

	for (int i = 0; i < 2; i++) {
		struct certificate_trial trial = {
			version, types[i], config->ssl_sni_hostname, config->require_cert};
		struct buffer problem;
		buffer_start(&problem, text[i], sizeof(text[i]));
		if (types[i][0])
			failed[i] = certificate_try(&trial, &problem);
		bearable |= types[i][0] && failed[i] == 0;
		(void)buffer_text(&problem);
	}
	for (int i = 0; i < 2; i++) {
		struct certificate_trial trial = {version, types[i], NULL, false};
		if (failed[i] < 0)
			tell_trial(config, report, &trial, bearable ? CONFIG_WARNING : CONFIG_ERROR,
				text[i]);
	}
}

/* ---- versions, clients ---- */

struct spelling {
	enum option one, other;
};

static const struct spelling spellings[] = {{OPTION_ssl_tlsv11, OPTION_ssl_tlsv1_1},
	{OPTION_ssl_tlsv12, OPTION_ssl_tlsv1_2}, {OPTION_ssl_tlsv13, OPTION_ssl_tlsv1_3}};

static void check_versions(
	const struct config *config, struct report *report, const bool versions[TLS_VERSIONS])
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		const struct spelling *s = &spellings[i];
		if (config->origin[s->one].source > 0 && config->origin[s->other].source > 0 &&
			option_value(config, s->one).truth !=
				option_value(config, s->other).truth) {
			struct certificates_subject subject = {config, report, s->other, NULL};
			certificates_tell_about(&subject, CONFIG_WARNING, "contradicts ",
				config_name(s->one), ", another spelling of it");
		}
	}
	if (versions[TLS_1_0] || versions[TLS_1_1])
		report_warning(report, config,
			versions[TLS_1_0]    ? OPTION_ssl_tlsv1
			: config->ssl_tlsv11 ? OPTION_ssl_tlsv11
					     : OPTION_ssl_tlsv1_1,
			"TLS 1.0 and 1.1 are broken (RFC 8996), and need weak ciphers");
}

static void check_clients(const struct config *config, struct report *report)
{
	struct certificates_subject anonymous = {config, report, OPTION_allow_anon_ssl, NULL};
	bool asked = config->require_cert || config->ssl_request_cert || config->ssl_cert_user;
	bool checked = config->validate_cert || config->ssl_cert_user;

	if (config->require_cert && !checked)
		report_warning(report, config, OPTION_require_cert,
			"any certificate will do while validate_cert is NO");
	if ((config->require_cert || config->ssl_cert_user) && config->local_enable &&
		!config->force_local_logins_ssl)
		report_warning(report, config, OPTION_force_local_logins_ssl,
			"who logs in without TLS needs no certificate");
	if (config->validate_cert && !asked)
		report_warning(report, config, OPTION_validate_cert,
			"has no effect: clients are not asked for a certificate");
	else if (config->validate_cert && !config->ca_certs_file)
		report_warning(report, config, OPTION_validate_cert,
			"no client certificate is valid without ca_certs_file");
	if (config->anonymous_enable && !config->allow_anon_ssl &&
		(config->implicit_ssl || config->force_anon_logins_ssl))
		certificates_tell(&anonymous, CONFIG_ERROR,
			"anonymous users must use TLS, and may not: none can log in");
}

/* ---- ssl_sni_dir ---- */

static bool is_entry(const char *name, const void *context)
{
	(void)context;
	return name[0] != '.';
}

/* Whether a session would look for a file of this name. */
static bool is_found(const char *entry)
{
	size_t size = strlen(entry);

	if (size <= 4 || strcmp(entry + size - 4, ".pem") != 0)
		return false;
	return entry[strspn(entry, "abcdefghijklmnopqrstuvwxyz0123456789-.")] == '\0';
}

/* What a session would make of the file is only known when it is asked for. */
static void try_named(
	const struct certificates_subject *subject, enum tls_version version, const char *name)
{
	struct certificate_trial trial = {version, NULL, name, subject->config->require_cert};
	char text[192];
	struct buffer problem;

	buffer_start(&problem, text, sizeof(text));
	if (certificate_try(&trial, &problem) < 0)
		certificates_tell_about(
			subject, CONFIG_ERROR, "does not work: ", buffer_text(&problem), "");
}

static void check_named(const struct config *config, struct report *report, const char *file,
	const enum tls_version *version)
{
	char name[256], type[CERTIFICATES_KEY];
	struct certificates_subject subject = {config, report, OPTION_COUNT, file};
	struct buffer b;
	unsigned errors = report->errors, warnings = report->warnings;

	if (!is_found(path_last(file))) {
		certificates_tell(&subject, CONFIG_WARNING,
			"is looked up by nobody: its name is to be a server's in lower case, and "
			".pem");
		return;
	}
	buffer_start(&b, name, sizeof(name));
	buffer_bytes(&b, path_last(file), strlen(path_last(file)) - 4);
	certificates_check_file(&subject, OPTION_COUNT, file, buffer_text(&b), type);
	if (version && errors == report->errors &&
		(warnings == report->warnings || !certificates_is_hidden(file)))
		try_named(&subject, *version, name);
}

/* `version`: one that works; NULL if nothing could be loaded. */
static void check_names_directory(
	const struct config *config, struct report *report, const enum tls_version *version)
{
	struct directory directory;
	struct certificates_subject subject = {
		config, report, OPTION_ssl_sni_dir, config->ssl_sni_dir};
	char file[PATH_TEXT];
	int error = config->ssl_sni_dir
			    ? directory_read(config->ssl_sni_dir, is_entry, NULL, &directory)
			    : -ENOENT;

	if (config->ssl_sni_dir && error < 0)
		certificates_tell(&subject, CONFIG_ERROR, strerror(-error));
	if (error < 0)
		return;
	certificates_check_writable(&subject);
	(void)directory_sort(&directory, DIRECTORY_BY_NAME, false);
	for (size_t i = 0; i < directory.count; i++)
		if (path_join(config->ssl_sni_dir, directory_name(&directory, i), file,
			    sizeof(file)) == 0)
			check_named(config, report, file, version);
	directory_free(&directory);
}

/* ---- all of it ---- */

/* What its author may take for protection. */
static void check_disabled(const struct config *config, struct report *report)
{
	static const enum option options[] = {OPTION_force_local_logins_ssl,
		OPTION_force_local_data_ssl, OPTION_force_anon_logins_ssl,
		OPTION_force_anon_data_ssl, OPTION_implicit_ssl, OPTION_require_cert,
		OPTION_ssl_cert_user};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (config->origin[options[i]].source > 0 && option_value(config, options[i]).truth)
			report_warning(
				report, config, options[i], "has no effect while ssl_enable is NO");
}

static bool is_any_hidden(const struct config *config)
{
	bool hidden = false;

	for (int i = 0; i < 2; i++) {
		const char *file = option_value(config, slots[i].certificate).string;
		const char *key = option_value(config, slots[i].key).string;
		hidden |= file && certificates_is_hidden(key ? key : file);
	}
	return hidden;
}

void encryption_check(const struct config *config, struct report *report)
{
	bool versions[TLS_VERSIONS], loaded = false;
	enum tls_version best = TLS_VERSIONS;
	key_types types;
	unsigned errors;

	if (!config->ssl_enable) {
		check_disabled(config, report);
		return;
	}
	protection_versions(config, versions);
	check_versions(config, report, versions);
	check_clients(config, report);
	errors = report->errors;
	check_slots(config, report, types);
	if (!is_any_hidden(config))
		loaded = check_loading(config, report, report->errors > errors);
	for (int version = 0; version < TLS_VERSIONS; version++) {
		if (loaded && versions[version])
			try_version(config, report, (enum tls_version)version, types);
		if (versions[version])
			best = (enum tls_version)version;
	}
	if (best == TLS_VERSIONS) {
		struct certificates_subject subject = {config, report, OPTION_ssl_enable, NULL};
		certificates_tell(&subject, CONFIG_ERROR, "no version of TLS is left");
	}
	check_names_directory(config, report, loaded && best != TLS_VERSIONS ? &best : NULL);
	tls_unload();
}
