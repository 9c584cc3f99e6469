/*
 * Certificates as the administrator's tools look at them: what stands in the files, and how a handshake with them
 * turns out. Needs OpenSSL, as system/openssl loads it. Nothing of it is in the server.
 */
#ifndef SOLOFTPD_SYSTEM_CERTIFICATE_H
#define SOLOFTPD_SYSTEM_CERTIFICATE_H

#include <stdbool.h>

#include "system/tls.h"
#include "text/buffer.h"

#define CERTIFICATES_MAX 16

struct certificate {
	bool begun, ended;   /* its time, by the clock now */
	int days_left;	     /* until it ends, rounded down */
	char key[16];	     /* "RSA", "EC", "ED25519" ... */
	int bits;	     /* of the key */
	bool self_issued;    /* a root, or self-made */
	bool authority;	     /* may issue others */
	bool weak_digest;    /* signed with SHA-1 or MD5 */
	bool by_next;	     /* the next one of the file has issued it */
	bool by_another;     /* some other one of the file has */
	bool issuer_trusted; /* its issuer is among those that this system trusts */
};

struct certificate_file {
	struct certificate
		chain[CERTIFICATES_MAX]; /* as they stand in the file: the server's own first */
	unsigned count;
	bool more;	     /* there are more than CERTIFICATES_MAX */
	bool named;	     /* the first has a subjectAltName */
	bool for_servers;    /* its extensions permit a server */
	struct x509_st *own; /* the first, owned */
};

/* Reads a PEM file. Returns 0, -ENOENT if OpenSSL is not there, or -EINVAL, with what is wrong in `problem`.
 * What was read must be let go of by certificate_close. */
int certificate_read(const char *file, struct certificate_file *out, struct buffer *problem);
void certificate_close(struct certificate_file *file);

/* Whether a client that asked for `name` would take the certificate for it (RFC 6125). */
bool certificate_has_name(const struct certificate_file *file, const char *name);

/* Whether a session could use the private key in `key_file` with it: owner, mode and all. Returns 0, or -EINVAL
 * with `problem`. */
int certificate_check_key(
	const struct certificate_file *file, const char *key_file, struct buffer *problem);

struct certificate_trial {
	enum tls_version version;
	const char *key;  /* the client knows this type alone; NULL: all */
	const char *name; /* the server name it asks for; NULL: none */
	bool mutual; /* the server wants a certificate: the client has none, and that is no failure */
};

/* A handshake with what tls_load has loaded, without a network. Returns 0, or -EPROTO with `problem`. */
int certificate_try(const struct certificate_trial *trial, struct buffer *problem);

#endif
