/* With TLS, and then with a C library and OpenSSL: see limit.h.
 *
 *	limit-tls DIRECTORY CERTIFICATE
 *
 * CERTIFICATE is a file with the key in it. */
#include "limit.h"

#include <openssl/ssl.h>

enum { READ_AHEAD = 131072 };

static SSL_CTX *context;
static SSL *control, *protected;

static SSL *accept_on(long fd)
{
	SSL *tls = SSL_new(context);

	if (tls && SSL_set_fd(tls, (int)fd) == 1 && SSL_accept(tls) == 1)
		return tls;
	SSL_free(tls);
	return NULL;
}

bool secure(const char *certificate)
{
	static const unsigned char name[] = "limit";

	context = SSL_CTX_new(TLS_server_method());
	if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
		SSL_CTX_use_PrivateKey_file(context, certificate, SSL_FILETYPE_PEM) != 1)
		return false;
	(void)SSL_CTX_set_session_id_context(context, name, sizeof name - 1);
	(void)SSL_CTX_set_num_tickets(context, 1);
	(void)SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
	control = accept_on(0);
	return control;
}

long control_read(char *to, size_t count)
{
	if (control)
		return SSL_read(control, to, (int)count);
	return call(SYS_read, 0, (long)to, (long)count, 0, 0, 0);
}

void control_write(const char *data, size_t count)
{
	if (!control)
		put(1, data, count);
	else if (count > 0)
		(void)SSL_write(control, data, (int)count);
}

void data_begin(long data, bool wanted)
{
	protected = wanted ? accept_on(data) : NULL;
}

bool data_plain(void)
{
	return !protected;
}

long data_read(long data, char *to, size_t count)
{
	if (protected)
		return SSL_read(protected, to, (int)count);
	return call(SYS_read, data, (long)to, (long)count, 0, 0, 0);
}

void data_write(long data, const char *from, size_t count)
{
	if (!protected)
		put(data, from, count);
	else if (count > 0)
		(void)SSL_write(protected, from, (int)count);
}

void data_end(void)
{
	if (!protected)
		return;
	(void)SSL_shutdown(protected);
	SSL_free(protected);
	protected = NULL;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	session(argv[1], argv[2]);
	if (control)
		(void)SSL_shutdown(control);
	call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}
