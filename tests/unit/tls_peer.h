/* The other side of system/tls, made with libssl, and certificates for both. */
#ifndef TESTS_UNIT_TLS_PEER_H
#define TESTS_UNIT_TLS_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/tls.h"

static char peer_folder[128];

static inline void peer_make_folder(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(peer_folder, sizeof(peer_folder), "%s/soloftpd-tls.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(peer_folder));
}

static inline const char *peer_path(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", peer_folder, name);
	return path;
}

static inline void peer_remove_folder(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		unlink(peer_path(names[i]));
	assert_int_equal(rmdir(peer_folder), 0);
}

/* A key and its self-made certificate in one file, which only its owner can read. */
static inline void peer_make_certificate(const char *file, bool rsa, const char *name)
{
	EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *made = X509_new();
	FILE *out = fopen(peer_path(file), "w");

	assert_non_null(key);
	assert_non_null(made);
	assert_non_null(out);
	X509_set_version(made, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
	X509_gmtime_adj(X509_getm_notBefore(made), -3600);
	X509_gmtime_adj(X509_getm_notAfter(made), 3600);
	X509_set_pubkey(made, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
		(const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(made, X509_get_subject_name(made));
	assert_true(X509_sign(made, key, EVP_sha256()) > 0);
	assert_int_equal(fchmod(fileno(out), 0600), 0);
	assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(PEM_write_X509(out, made), 1);
	assert_int_equal(fclose(out), 0);
	X509_free(made);
	EVP_PKEY_free(key);
}

/* ---- the client ---- */

static SSL_CTX *peer_context;
static unsigned peer_tickets; /* that came */

static inline int peer_count_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	(void)session;
	peer_tickets++;
	return 0;
}

/* All clients from now on know this version alone. */
static inline void peer_start(int version)
{
	peer_context = SSL_CTX_new(TLS_client_method());
	assert_non_null(peer_context);
	assert_int_equal(SSL_CTX_set_min_proto_version(peer_context, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(peer_context, version), 1);
	SSL_CTX_set_session_cache_mode(
		peer_context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(peer_context, peer_count_ticket);
	peer_tickets = 0;
}

static inline void peer_stop(void)
{
	SSL_CTX_free(peer_context);
	peer_context = NULL;
}

/* One connection: a socket for each side, and what they make of it. */
struct pair {
	int ends[2]; /* the server's, the client's */
	struct tls *tls;
	SSL *client;
};

static inline void pair_connect(struct pair *pair, enum tls_purpose purpose)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair->ends), 0);
	pair->tls = tls_start(pair->ends[0], purpose);
	assert_non_null(pair->tls);
	pair->client = SSL_new(peer_context);
	assert_non_null(pair->client);
	assert_int_equal(SSL_set_fd(pair->client, pair->ends[1]), 1);
	SSL_set_connect_state(pair->client);
}

/* Both sides in turn. Returns what the server says in the end: 0, or -errno. */
static inline int pair_shake_hands(struct pair *pair)
{
	int server = -EAGAIN, client = 0;
	unsigned want;

	for (int turn = 0; turn < 20 && (server == -EAGAIN || client != 1); turn++) {
		if (client != 1)
			client = SSL_do_handshake(pair->client);
		if (server == -EAGAIN)
			server = tls_handshake(pair->tls, &want);
		if (server < 0 && server != -EAGAIN)
			break;
	}
	return server == 0 && client != 1 ? -EPROTO : server;
}

static inline void pair_close(struct pair *pair)
{
	tls_free(pair->tls);
	/* Or libssl would forget the client's session. */
	SSL_set_shutdown(pair->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(pair->client);
	close(pair->ends[0]);
	if (pair->ends[1] >= 0)
		close(pair->ends[1]);
}

static inline void pair_open(struct pair *pair, enum tls_purpose purpose)
{
	pair_connect(pair, purpose);
	assert_int_equal(pair_shake_hands(pair), 0);
}

/* ---- one server, one connection ---- */

static inline int server_make_files(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	peer_make_folder();
	peer_make_certificate("server.pem", false, "ftp.example.net");
	return 0;
}

static inline int server_remove_files(void **state)
{
	static const char *const files[] = {"server.pem"};

	(void)state;
	peer_remove_folder(files, 1);
	return 0;
}

static inline void server_open(struct pair *pair, enum tls_purpose purpose)
{
	struct tls_settings settings = {.certificates = {{peer_path("server.pem"), NULL}},
		.versions = {false, false, true, true}};
	char text[512];
	struct buffer problem;

	buffer_start(&problem, text, sizeof(text));
	assert_int_equal(tls_load(&settings, &problem), 0);
	peer_start(TLS1_3_VERSION);
	pair_open(pair, purpose);
}

static inline void server_close(struct pair *pair)
{
	pair_close(pair);
	peer_stop();
	tls_unload();
}

#endif
