#include "system/tlscontext.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/tls.h"
#include "text/path.h"

/* Up to TLS 1.2: forward secrecy, authenticated modes first. TLS 1.0 and 1.1 need what is below OpenSSL's usual
 * level. */
#define CIPHERS                                                                  \
	"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:" \
	"@SECLEVEL=2"
#define OLD_CIPHERS "DEFAULT:@SECLEVEL=0"

static SSL_CTX *context;
static const char *sni_directory, *sni_only;

SSL_CTX *tls_context(void)
{
	return context;
}

static int fail(struct buffer *problem, const char *file, const char *reason)
{
	if (file) {
		buffer_string(problem, file);
		buffer_string(problem, ": ");
	}
	buffer_string(problem, reason);
	return -EINVAL;
}

/* ---- keys ---- */

static int check_key_file(const struct stat *st, const char *file, struct buffer *problem)
{
	if (!S_ISREG(st->st_mode))
		return fail(problem, file, "is no file");
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return fail(problem, file, "belongs to somebody else than root");
	if (st->st_mode & (S_IROTH | S_IWOTH | S_IXOTH | S_IWGRP))
		return fail(problem, file, "holds a private key, and others may read or change it");
	return 0;
}

/* A key of a kind that is encrypted has nobody to ask. */
static int no_passphrase(char *buffer, int size, int writing, void *data)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)data;
	return 0;
}

/* The private key of the file: checked on what is opened, so that no other can take its place. */
static EVP_PKEY *read_key(const char *file, struct buffer *problem)
{
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	EVP_PKEY *key = NULL;
	struct stat st;
	BIO *bio;

	if (fd < 0 || fstat(fd, &st) < 0) {
		(void)fail(problem, file, strerror(errno));
	} else if (check_key_file(&st, file, problem) == 0) {
		bio = openssl.BIO_new_fd(fd, BIO_NOCLOSE);
		if (bio)
			key = openssl.PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
		if (!key)
			(void)fail(problem, file, openssl_reason());
		openssl.BIO_free(bio);
	}
	if (fd >= 0)
		close(fd);
	return key;
}

static int load_certificate(const struct tls_certificate *certificate, struct buffer *problem)
{
	const char *key_file = certificate->key ? certificate->key : certificate->chain;
	EVP_PKEY *key;
	int loaded;

	if (openssl.SSL_CTX_use_certificate_chain_file(context, certificate->chain) != 1)
		return fail(problem, certificate->chain, openssl_reason());
	key = read_key(key_file, problem);
	if (!key)
		return -EINVAL;
	loaded = openssl.SSL_CTX_use_PrivateKey(context, key) == 1 &&
		 openssl.SSL_CTX_check_private_key(context) == 1;
	openssl.EVP_PKEY_free(key);
	return loaded ? 0 : fail(problem, key_file, openssl_reason());
}

/* ---- what clients ask for ---- */

/* A name that can be part of a file's: of letters, digits, hyphens and dots, and no dot first. */
static bool is_host_name(const char *name)
{
	return *name && *name != '.' && strlen(name) <= 253 &&
	       name[strspn(name,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")] == '\0';
}

/* NAME.pem in place of the certificates of the same key type, in both the connection, which has copies of the
 * context's, and the context, for data connections. */
static bool use_named(SSL *ssl, const char *file)
{
	char text[512];
	struct buffer problem;
	EVP_PKEY *key;
	bool used;

	buffer_start(&problem, text, sizeof(text));
	key = read_key(file, &problem);
	used = key && openssl.SSL_CTX_use_certificate_chain_file(context, file) == 1 &&
	       openssl.SSL_CTX_use_PrivateKey(context, key) == 1 &&
	       openssl.SSL_use_certificate_chain_file(ssl, file) == 1 &&
	       openssl.SSL_use_PrivateKey(ssl, key) == 1 && openssl.SSL_check_private_key(ssl) == 1;
	if (key)
		openssl.EVP_PKEY_free(key);
	return used;
}

static int choose_certificate(SSL *ssl, const char *name)
{
	char file[PATH_TEXT], lower[256];
	struct buffer b;

	buffer_start(&b, lower, sizeof(lower));
	for (const char *at = name; *at; at++)
		buffer_byte(&b, *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at);
	if (path_join(sni_directory, buffer_text(&b), file, sizeof(file) - 5) < 0)
		return SSL_TLSEXT_ERR_NOACK;
	memcpy(file + strlen(file), ".pem", 5);
	if (access(file, F_OK) < 0)
		return SSL_TLSEXT_ERR_NOACK;
	return use_named(ssl, file) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Only the control connection chooses: data connections come after root was given up, and follow it. */
static int take_server_name(SSL *ssl, int *alert, void *data)
{
	const char *name = openssl.SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)data;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	if (tls_is_data(ssl))
		return SSL_TLSEXT_ERR_OK;
	if (sni_only && (!name || strcasecmp(name, sni_only) != 0))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	if (!sni_directory || !name || !is_host_name(name))
		return SSL_TLSEXT_ERR_NOACK;
	return choose_certificate(ssl, name);
}

static bool is_protocol(const unsigned char *list, const char *name)
{
	return list[0] == strlen(name) && memcmp(list + 1, name, list[0]) == 0;
}

/* A client that says what it speaks, and not FTP, has been led astray (ALPACA). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
	const unsigned char *offered, unsigned size, void *data)
{
	(void)data;
	for (unsigned at = 0; at < size; at += 1U + offered[at]) {
		const unsigned char *one = offered + at;
		if (at + 1U + one[0] > size)
			break;
		if (is_protocol(one, "ftp") || (tls_is_data(ssl) && is_protocol(one, "ftp-data"))) {
			*out = one + 1;
			*out_size = one[0];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int accept_any(int preverified, X509_STORE_CTX *store)
{
	(void)preverified;
	(void)store;
	return 1;
}

/* ---- the context ---- */

static void set_versions(const struct tls_settings *settings)
{
	static const uint64_t off[TLS_VERSIONS] = {
		SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1, SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3};
	static const int number[TLS_VERSIONS] = {
		TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
	int lowest = TLS1_3_VERSION;

	for (int i = TLS_VERSIONS - 1; i >= 0; i--) {
		if (settings->versions[i])
			lowest = number[i];
		else
			openssl.SSL_CTX_set_options(context, off[i]);
	}
	openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, lowest, NULL);
}

static int set_ciphers(const struct tls_settings *settings, struct buffer *problem)
{
	bool old = settings->versions[TLS_1_0] || settings->versions[TLS_1_1];
	const char *ciphers = settings->ciphers;

	if (!ciphers)
		ciphers = old ? OLD_CIPHERS : CIPHERS;
	if (openssl.SSL_CTX_set_cipher_list(context, ciphers) != 1)
		return fail(problem, ciphers, "no such ciphers");
	return 0;
}

static EVP_PKEY *read_parameters(const char *file)
{
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	BIO *bio = fd >= 0 ? openssl.BIO_new_fd(fd, BIO_CLOSE) : NULL;
	EVP_PKEY *parameters = bio ? openssl.PEM_read_bio_Parameters(bio, NULL) : NULL;

	if (bio)
		openssl.BIO_free(bio);
	else if (fd >= 0)
		close(fd);
	return parameters;
}

static int set_dh(const char *file, struct buffer *problem)
{
	EVP_PKEY *parameters;

	if (!file) {
		openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_DH_AUTO, 1, NULL);
		return 0;
	}
	parameters = read_parameters(file);
	if (parameters && openssl.SSL_CTX_set0_tmp_dh_pkey(context, parameters) == 1)
		return 0;
	openssl.EVP_PKEY_free(parameters);
	return fail(problem, file, "no Diffie-Hellman parameters");
}

static int set_curve(const char *file, struct buffer *problem)
{
	EVP_PKEY *parameters = file ? read_parameters(file) : NULL;
	char name[64];
	size_t size;
	bool set;

	if (!file)
		return 0;
	set = parameters &&
	      openssl.EVP_PKEY_get_group_name(parameters, name, sizeof(name), &size) == 1 &&
	      openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, name) == 1;
	openssl.EVP_PKEY_free(parameters);
	return set ? 0 : fail(problem, file, "no elliptic curve parameters");
}

static int set_clients(const struct tls_settings *settings, struct buffer *problem)
{
	int mode = SSL_VERIFY_NONE;

	if (settings->request || settings->require)
		mode = SSL_VERIFY_PEER;
	if (settings->require)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	openssl.SSL_CTX_set_verify(context, mode, settings->validate ? NULL : accept_any);
	if (!settings->ca_file)
		return 0;
	if (openssl.SSL_CTX_load_verify_file(context, settings->ca_file) != 1)
		return fail(problem, settings->ca_file, openssl_reason());
	openssl.SSL_CTX_set_client_CA_list(
		context, openssl.SSL_load_client_CA_file(settings->ca_file));
	return 0;
}

/* Both sides of a cast that C has no other way to write. */
static void set_server_name_callback(void)
{
	union {
		int (*typed)(SSL *, int *, void *);
		void (*plain)(void);
	} callback = {.typed = take_server_name};

	openssl.SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, callback.plain);
}

static void set_behaviour(const struct tls_settings *settings)
{
	static const unsigned char id[] = "ftp";

	openssl.SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
						     SSL_OP_CIPHER_SERVER_PREFERENCE |
						     SSL_OP_PRIORITIZE_CHACHA);
	openssl.SSL_CTX_ctrl(context, SSL_CTRL_MODE,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			SSL_MODE_RELEASE_BUFFERS,
		NULL);
	openssl.SSL_CTX_set_timeout(context, TLS_LIFETIME);
	openssl.SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1);
	openssl.SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	openssl.SSL_CTX_set_msg_callback(context, tls_count_message);
	sni_directory = settings->sni_directory;
	sni_only = settings->sni_only;
	set_server_name_callback();
}

static int load_certificates(const struct tls_settings *settings, struct buffer *problem)
{
	int error = 0;

	for (int i = 0; i < 2 && error == 0; i++)
		if (settings->certificates[i].chain)
			error = load_certificate(&settings->certificates[i], problem);
	return error;
}

int tls_load(const struct tls_settings *settings, struct buffer *problem)
{
	int error;

	if (context)
		return 0;
	if (openssl_load() < 0)
		return fail(problem, NULL, "libssl.so.3 can't be loaded");
	context = openssl.SSL_CTX_new(openssl.TLS_server_method());
	if (!context)
		return fail(problem, NULL, openssl_reason());
	set_versions(settings);
	set_behaviour(settings);
	error = set_ciphers(settings, problem);
	if (error == 0)
		error = set_dh(settings->dh_file, problem);
	if (error == 0)
		error = set_curve(settings->ecdh_file, problem);
	if (error == 0)
		error = set_clients(settings, problem);
	if (error == 0)
		error = load_certificates(settings, problem);
	if (error < 0) {
		openssl.SSL_CTX_free(context);
		context = NULL;
	}
	openssl.ERR_clear_error();
	return error;
}
