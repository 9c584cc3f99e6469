/* What all TLS connections of a process share. For system/tls and system/certificate alone. */
#ifndef SOLOFTPD_SYSTEM_TLSCONTEXT_H
#define SOLOFTPD_SYSTEM_TLSCONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "system/openssl.h"
#include "text/buffer.h"

/* Seconds that a ticket, and a session, can be resumed. */
#define TLS_LIFETIME 86400

/* The context that tls_load made; NULL before. Owned here, to the end. */
SSL_CTX *tls_context(void);

/* Gives a data connection the certificate that the control connection's client has asked for. */
void tlscontext_follow(SSL *ssl);

/* The private key of a file that nobody else can read or change; NULL with `problem`. */
EVP_PKEY *tls_read_key(const char *file, struct buffer *problem);

/* Of system/tls: whether the connection is for data, and OpenSSL's calls for each
 * session that a number stands for (TLS 1.2 without tickets) and each message. */
bool tls_is_data(const SSL *ssl);
SSL_SESSION *tls_find_session(SSL *ssl, const unsigned char *id, int size, int *copy);
void tls_count_message(
	int written, int version, int type, const void *bytes, size_t size, SSL *ssl, void *data);

#endif
