/*
 * TLS as a server (RFC 4217, RFC 8446, RFC 5246), by OpenSSL. One context a process: both connections of a
 * session use it, so that a data connection which resumes a session shows to be the same client's (tickets of
 * another process are never accepted). All waiting is the caller's.
 */
#ifndef SOLOFTPD_SYSTEM_TLS_H
#define SOLOFTPD_SYSTEM_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "text/buffer.h"

enum tls_version { TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3, TLS_VERSIONS };

struct tls_certificate {
	const char *chain; /* PEM: the certificate and those that lead to its root; NULL: none */
	const char *key;   /* PEM; NULL: in the same file */
};

/* All strings are borrowed until tls_load returns, but sni_directory and sni_only: until the handshake. */
struct tls_settings {
	struct tls_certificate certificates[2]; /* of different key types */
	const char *
		sni_directory; /* of NAME.pem, chain and key, by the server name the client asks for */
	const char *sni_only;		 /* the only server name accepted; NULL: any and none */
	const char *ca_file;		 /* that client certificates are checked against */
	const char *ciphers;		 /* up to TLS 1.2, OpenSSL's list; NULL: its default */
	const char *dh_file, *ecdh_file; /* parameters; NULL: chosen */
	bool versions[TLS_VERSIONS];
	bool request, require, validate; /* client certificates */
};

/* Loads the library, certificates and keys: as root. Further calls do nothing. Returns 0, or -EINVAL with
 * what is wrong in `problem`: -EPERM for a key that others can read. */
int tls_load(const struct tls_settings *settings, struct buffer *problem);

/* Forgets what tls_load did, when there is no connection: for the administrator's tools. */
void tls_unload(void);

/* TLS_FILES is data too, and will send files: inside the kernel if it can. Its socket can never be connected again
 * (AF_UNSPEC), and an end in the middle of what is received may look like one between two records. */
enum tls_purpose { TLS_CONTROL, TLS_DATA, TLS_FILES };

/* A connection over the nonblocking socket `fd`, which stays the caller's; NULL when memory or the few
 * connections there can be are used up. The caller must tls_free(). */
struct tls;
struct tls *tls_start(int fd, enum tls_purpose purpose);
void tls_free(struct tls *tls);

/* The following return -EAGAIN when the socket has to become ready for `out_want` (IO_READ or IO_WRITE) first,
 * and then shall be called again with the same arguments. */
int tls_handshake(struct tls *tls, unsigned *out_want);
/* 0 at the peer's close_notify; -ECONNABORTED if the data ended without one, between two records; other -errno
 * for a broken connection. */
ssize_t tls_receive(struct tls *tls, void *bytes, size_t size, unsigned *out_want);
ssize_t tls_send(struct tls *tls, const void *bytes, size_t size, unsigned *out_want);
/* Sends close_notify. */
int tls_finish(struct tls *tls, unsigned *out_want);

/* Whether something was received that tls_receive has not given yet: poll(2) would not tell. */
bool tls_has_more(const struct tls *tls);

/* Whether the kernel encrypts what is sent, so that tls_send_file works. */
bool tls_sends_files(const struct tls *tls);
ssize_t tls_send_file(struct tls *tls, int file, uint64_t offset, size_t size, unsigned *out_want);

/* Whether the handshake resumed a session of this process. */
bool tls_is_resumed(const struct tls *tls);

/* Whether both clients have shown the same certificate, or both none. */
bool tls_same_client(const struct tls *a, const struct tls *b);

/* Gives the client of a control connection a ticket for a data connection, sent with the next bytes: many use each
 * but once, as RFC 8446 section C.4 asks them to, and none lasts for ever. Called before each. */
void tls_offer_ticket(struct tls *tls);

/* The name the client asked for (SNI); NULL: none. */
const char *tls_server_name(const struct tls *tls);

/* What is known of the client's certificate, whether or not the handshake insisted on it. */
enum tls_client { TLS_CLIENT_NONE, TLS_CLIENT_UNVERIFIED, TLS_CLIENT_VERIFIED };
enum tls_client tls_client(const struct tls *tls);

/* The common name of the client's certificate. Returns 0, or -ENOENT if it has shown none, or none that fits or
 * is plain. */
int tls_client_name(const struct tls *tls, char *out, size_t capacity);

/* Appends the version and the cipher: "TLSv1.3 TLS_AES_256_GCM_SHA384". */
void tls_name(const struct tls *tls, struct buffer *b);

/* Appends "SSL version: TLSv1.3, SSL cipher: TLS_AES_256_GCM_SHA384, ..." for the log. */
void tls_describe(const struct tls *tls, struct buffer *b);

/* Why the last call failed, for the log. */
const char *tls_reason(void);

#endif
