#include "policy/protection.h"

#include <string.h>

#include "policy/options.h"

/* vsftpd's default list fits RSA keys alone, and Fedora's names what only its own OpenSSL knows: neither is what
 * somebody asked for. */
static const char *ciphers(const struct config *config)
{
	const char *list = config->ssl_ciphers;

	if (!list || config->origin[OPTION_ssl_ciphers].source == 0 ||
		strncmp(list, "PROFILE=", 8) == 0)
		return NULL;
	return list;
}

void protection_versions(const struct config *config, bool out_versions[TLS_VERSIONS])
{
	out_versions[TLS_1_0] = config->ssl_tlsv1;
	out_versions[TLS_1_1] = config->ssl_tlsv11 || config->ssl_tlsv1_1;
	out_versions[TLS_1_2] = config->ssl_tlsv12 && config->ssl_tlsv1_2;
	out_versions[TLS_1_3] = config->ssl_tlsv13 && config->ssl_tlsv1_3;
}

int protection_load(const struct config *config, struct buffer *problem)
{
	struct tls_settings settings = {
		.certificates = {{config->rsa_cert_file, config->rsa_private_key_file},
			{config->dsa_cert_file, config->dsa_private_key_file}},
		.sni_directory = config->ssl_sni_dir,
		.sni_only = config->ssl_sni_hostname,
		.ca_file = config->ca_certs_file,
		.ciphers = ciphers(config),
		.dh_file = config->dh_param_file,
		.ecdh_file = config->ecdh_param_file,
		/* A name counts only in a certificate that somebody answers for. */
		.request = config->ssl_request_cert || config->ssl_cert_user,
		.require = config->require_cert,
		.validate = config->validate_cert || config->ssl_cert_user,
	};

	protection_versions(config, settings.versions);
	return tls_load(&settings, problem);
}
