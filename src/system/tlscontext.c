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

/* Certificates between a client's and its root's. */
#define VERIFY_DEPTH 9

static SSL_CTX *context; /* the session's: tickets are its */
static SSL_CTX
	*named; /* with the certificate of the name that the client has asked for; NULL: none */

/* For the context of a name; its strings are good until the handshake. */
static struct tls_settings kept;

SSL_CTX *tls_context(void)
{
	return context;
}

void tlscontext_follow(SSL *ssl)
{
	if (named)
		openssl.SSL_set_SSL_CTX(ssl, named);
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

/* Checked on what is opened, so that no other can take its place. */
EVP_PKEY *tls_read_key(const char *file, struct buffer *problem)
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

static int load_certificate(
	SSL_CTX *to, const struct tls_certificate *certificate, struct buffer *problem)
{
	const char *key_file = certificate->key ? certificate->key : certificate->chain;
	EVP_PKEY *key;
	int loaded;

	if (openssl.SSL_CTX_use_certificate_chain_file(to, certificate->chain) != 1)
		return fail(problem, certificate->chain, openssl_reason());
	key = tls_read_key(key_file, problem);
	if (!key)
		return -EINVAL;
	loaded = openssl.SSL_CTX_use_PrivateKey(to, key) == 1 &&
		 openssl.SSL_CTX_check_private_key(to) == 1;
	openssl.EVP_PKEY_free(key);
	return loaded ? 0 : fail(problem, key_file, openssl_reason());
}

/* ---- what clients ask for ---- */

/* A name that can be part of a file's: of letters, digits, hyphens and dots, and no dot first. */
static bool is_host_name(const char *name)
{
	return *name && *name != '.' && strlen(name) <= 240 &&
	       name[strspn(name,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")] == '\0';
}

static SSL_CTX *make_context(const struct tls_settings *settings, struct buffer *problem);

/* A context with NAME.pem alone; the tickets remain the first one's. */
static int use_named(SSL *ssl, const char *file)
{
	struct tls_settings settings = kept;
	char text[512];
	struct buffer problem;

	buffer_start(&problem, text, sizeof(text));
	settings.certificates[0] = (struct tls_certificate){.chain = file};
	settings.certificates[1] = (struct tls_certificate){.chain = NULL};
	openssl.SSL_CTX_free(named);
	named = make_context(&settings, &problem);
	if (!named || !openssl.SSL_set_SSL_CTX(ssl, named))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static int choose_certificate(SSL *ssl, const char *name)
{
	UNCLEARED char file[PATH_TEXT], lower[256];
	struct buffer b;

	buffer_start(&b, lower, sizeof(lower));
	for (const char *at = name; *at; at++)
		buffer_byte(&b, *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at);
	buffer_string(&b, ".pem");
	if (path_join(kept.sni_directory, buffer_text(&b), file, sizeof(file)) < 0 ||
		access(file, F_OK) < 0)
		return SSL_TLSEXT_ERR_NOACK;
	return use_named(ssl, file);
}

/* Only the control connection chooses: data connections come after root was given up, and follow it. */
static int take_server_name(SSL *ssl, int *alert, void *data)
{
	const char *name = openssl.SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)data;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	if (tls_is_data(ssl))
		return SSL_TLSEXT_ERR_OK;
	if (kept.sni_only && (!name || strcasecmp(name, kept.sni_only) != 0))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	if (!kept.sni_directory || !name || !is_host_name(name))
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

static void set_versions(SSL_CTX *to, const struct tls_settings *settings)
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
			openssl.SSL_CTX_set_options(to, off[i]);
	}
	openssl.SSL_CTX_ctrl(to, SSL_CTRL_SET_MIN_PROTO_VERSION, lowest, NULL);
}

static int set_ciphers(SSL_CTX *to, const struct tls_settings *settings, struct buffer *problem)
{
	bool old = settings->versions[TLS_1_0] || settings->versions[TLS_1_1];
	const char *ciphers = settings->ciphers;

	if (!ciphers)
		ciphers = old ? OLD_CIPHERS : CIPHERS;
	if (openssl.SSL_CTX_set_cipher_list(to, ciphers) != 1)
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

static int set_dh(SSL_CTX *to, const char *file, struct buffer *problem)
{
	EVP_PKEY *parameters;

	if (!file) {
		openssl.SSL_CTX_ctrl(to, SSL_CTRL_SET_DH_AUTO, 1, NULL);
		return 0;
	}
	parameters = read_parameters(file);
	if (parameters && openssl.SSL_CTX_set0_tmp_dh_pkey(to, parameters) == 1)
		return 0;
	openssl.EVP_PKEY_free(parameters);
	return fail(problem, file, "no Diffie-Hellman parameters");
}

static int set_curve(SSL_CTX *to, const char *file, struct buffer *problem)
{
	EVP_PKEY *parameters = file ? read_parameters(file) : NULL;
	char name[64];
	size_t size;
	bool set;

	if (!file)
		return 0;
	set = parameters &&
	      openssl.EVP_PKEY_get_group_name(parameters, name, sizeof(name), &size) == 1 &&
	      openssl.SSL_CTX_ctrl(to, SSL_CTRL_SET_GROUPS_LIST, 0, name) == 1;
	openssl.EVP_PKEY_free(parameters);
	return set ? 0 : fail(problem, file, "no elliptic curve parameters");
}

static int set_clients(SSL_CTX *to, const struct tls_settings *settings, struct buffer *problem)
{
	int mode = SSL_VERIFY_NONE;

	if (settings->request || settings->require)
		mode = SSL_VERIFY_PEER;
	if (settings->require)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	openssl.SSL_CTX_set_verify(to, mode, settings->validate ? NULL : accept_any);
	/* Nobody's chain is longer, and each link costs. */
	openssl.SSL_CTX_set_verify_depth(to, VERIFY_DEPTH);
	if (!settings->ca_file)
		return 0;
	if (openssl.SSL_CTX_load_verify_file(to, settings->ca_file) != 1)
		return fail(problem, settings->ca_file, openssl_reason());
	openssl.SSL_CTX_set_client_CA_list(to, openssl.SSL_load_client_CA_file(settings->ca_file));
	return 0;
}

/* Both sides of a cast that C has no other way to write. */
static void set_server_name_callback(SSL_CTX *to)
{
	union {
		int (*typed)(SSL *, int *, void *);
		void (*plain)(void);
	} callback = {.typed = take_server_name};

	openssl.SSL_CTX_callback_ctrl(to, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, callback.plain);
}

static void set_behaviour(SSL_CTX *to)
{
	static const unsigned char id[] = "ftp";

	openssl.SSL_CTX_set_options(to, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
						SSL_OP_CIPHER_SERVER_PREFERENCE |
						SSL_OP_PRIORITIZE_CHACHA);
	openssl.SSL_CTX_ctrl(to, SSL_CTRL_MODE,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			SSL_MODE_RELEASE_BUFFERS,
		NULL);
	openssl.SSL_CTX_set_timeout(to, TLS_LIFETIME);
	/* Data connections resume the control connection's session; there is no other to keep. */
	openssl.SSL_CTX_ctrl(to, SSL_CTRL_SET_SESS_CACHE_MODE,
		SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL, NULL);
	openssl.SSL_CTX_sess_set_get_cb(to, tls_find_session);
	openssl.SSL_CTX_set_session_id_context(to, id, sizeof(id) - 1);
	openssl.SSL_CTX_set_alpn_select_cb(to, choose_protocol, NULL);
	openssl.SSL_CTX_set_msg_callback(to, tls_count_message);
	set_server_name_callback(to);
}

static int load_certificates(
	SSL_CTX *to, const struct tls_settings *settings, struct buffer *problem)
{
	int error = 0;

	for (int i = 0; i < 2 && error == 0; i++)
		if (settings->certificates[i].chain)
			error = load_certificate(to, &settings->certificates[i], problem);
	return error;
}

/* NULL with what is wrong in `problem`. */
static SSL_CTX *make_context(const struct tls_settings *settings, struct buffer *problem)
{
	SSL_CTX *made = openssl.SSL_CTX_new(openssl.TLS_server_method());
	int error;

	if (!made) {
		(void)fail(problem, NULL, openssl_reason());
		return NULL;
	}
	set_versions(made, settings);
	set_behaviour(made);
	error = set_ciphers(made, settings, problem);
	if (error == 0)
		error = set_dh(made, settings->dh_file, problem);
	if (error == 0)
		error = set_curve(made, settings->ecdh_file, problem);
	if (error == 0)
		error = set_clients(made, settings, problem);
	if (error == 0)
		error = load_certificates(made, settings, problem);
	if (error == 0)
		return made;
	openssl.SSL_CTX_free(made);
	return NULL;
}

int tls_load(const struct tls_settings *settings, struct buffer *problem)
{
	if (context)
		return 0;
	if (openssl_load() < 0)
		return fail(problem, NULL, "libssl.so.3 can't be loaded");
	kept = *settings;
	context = make_context(settings, problem);
	openssl.ERR_clear_error();
	return context ? 0 : -EINVAL;
}

void tls_unload(void)
{
	if (context) {
		openssl.SSL_CTX_free(context);
		openssl.SSL_CTX_free(named);
	}
	context = named = NULL;
}
