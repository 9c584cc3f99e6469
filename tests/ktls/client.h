/* An FTPS client that does as it is told, for the tests of kernel TLS. It speaks to 127.0.0.1 and always protects
 * both connections; what it does wrong or late is up to its caller. */
#ifndef SOLOFTPD_TESTS_KTLS_CLIENT_H
#define SOLOFTPD_TESTS_KTLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#define BYTES_MAX (9 * 1024 * 1024)

/* The one session at a time. */
struct client {
	int version;		     /* TLS1_2_VERSION or TLS1_3_VERSION */
	int small;		     /* the receive buffer of data connections; 0: the system's */
	int control, data, listener; /* descriptors; -1: none */
	int data_peer;		     /* the server's port of the last active data connection */
	SSL *control_tls, *data_tls;
	SSL_CTX *context;
	char reply[8192]; /* the last reply, whole */
	unsigned char bytes[BYTES_MAX];
	size_t size;   /* of what was received last */
	bool notified; /* and whether close_notify ended it */
};
extern struct client client;

/* Ends the case that runs, which has failed. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Connects, AUTH TLS, anonymous login, PBSZ, PROT P, TYPE I. NULL: the default ciphers. */
void client_open(int port, const char *ciphers);
void client_close(void);

/* Sends a command; hears a reply and returns its code; both, and the code must be the one expected. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int hear(void);
void expect(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
void expect_reply(int code);

/* A data connection to a passive port, or a port that the server shall connect to. */
void data_passive(void);
void data_listen(void);
/* After the mark: accepts (if listening) and does the handshake. */
void data_start(void);
/* Receives up to `most` bytes more into client.bytes; with `most` SIZE_MAX to the end. */
void data_receive(size_t most);
void data_send(const void *bytes, size_t size);
/* close_notify, then waits for the server's end. */
void data_finish(void);
/* Half of a record with these bytes, and then the end of the connection. */
void data_send_half(const void *bytes, size_t size);
/* Gone without a close_notify. */
void data_drop(void);

#endif
