#include "system/tls.h"

#include <errno.h>
#include <string.h>

#include "system/io.h"
#include "system/tlscontext.h"

/* Handshake messages that a peer may send after the handshake (KeyUpdate): no client needs a fraction. */
#define MESSAGES_MAX 256

/* What an upload receives in one system call: several records of 16 KiB. */
#define READ_AHEAD (128 * 1024)

struct tls {
	SSL *ssl; /* owned; NULL: the place is free */
	int fd;	  /* the caller's */
	enum tls_purpose purpose;
	bool established;
	bool flooded;	   /* the peer sends too many handshake messages */
	unsigned messages; /* received since the handshake */
	int held; /* an error that came behind the bytes of the last tls_receive; 0: none */
};

/* One control connection and one for data. */
static struct tls places[2];

/* OpenSSL sends each record of 16 KiB by itself. Those of a transfer are gathered here, and sent by one system call;
 * this many bytes are still in the processor's cache then. */
#define GATHERED ((size_t)128 * 1024)
#define RECORD_MOST ((size_t)17 * 1024)

static struct {
	struct tls *tls; /* whose records */
	BIO_METHOD *method;
	size_t held, sent; /* bytes in the buffer, and those of them that the socket has taken */
	size_t told; /* bytes given to tls_send that they were made of: it has not owned to them yet */
	char bytes[GATHERED + RECORD_MOST];
} outbox;

/* The kernel's own TLS is tried with the first connection that sends files; most kernels have none. */
static enum { KERNEL_UNTRIED, KERNEL_HAS, KERNEL_LACKS } kernel;

static struct tls *find(const SSL *ssl)
{
	return places[0].ssl == ssl ? &places[0] : &places[1];
}

bool tls_is_data(const SSL *ssl)
{
	return find(ssl)->purpose != TLS_CONTROL;
}

/* A copy of the control connection's: OpenSSL forgets a session whose connection has ended by an error, or by no
 * close_notify of ours, and the next data connections could not resume it. */
SSL_SESSION *tls_find_session(SSL *ssl, const unsigned char *id, int size, int *copy)
{
	SSL_SESSION *ours = NULL;
	const unsigned char *our_id;
	unsigned our_size = 0;

	*copy = 0;
	if (tls_is_data(ssl) && places[0].ssl)
		ours = openssl.SSL_get_session(places[0].ssl);
	if (!ours)
		return NULL;
	our_id = openssl.SSL_SESSION_get_id(ours, &our_size);
	if (our_size == 0 || our_size != (unsigned)size || memcmp(our_id, id, our_size) != 0)
		return NULL;
	return openssl.SSL_SESSION_dup(ours);
}

void tls_count_message(
	int written, int version, int type, const void *bytes, size_t size, SSL *ssl, void *data)
{
	struct tls *tls = find(ssl);

	(void)version;
	(void)bytes;
	(void)size;
	(void)data;
	if (!written && type == SSL3_RT_HANDSHAKE && tls->established)
		tls->flooded |= ++tls->messages > MESSAGES_MAX;
}

static bool prepare(struct tls *tls, int fd)
{
	if (openssl.SSL_set_fd(tls->ssl, fd) != 1)
		return false;
	openssl.SSL_set_accept_state(tls->ssl);
	if (tls->purpose == TLS_CONTROL)
		return true;
	/* A client that only sends would never read a ticket, and closing with it unread is a reset,
	 * which takes bytes with it that have not been received yet. */
	openssl.SSL_set_num_tickets(tls->ssl, 0);
	/* Its buffers are in use as long as it lives: only a connection that waits for commands gives them back. */
	openssl.SSL_ctrl(tls->ssl, SSL_CTRL_CLEAR_MODE, SSL_MODE_RELEASE_BUFFERS, NULL);
	if (tls->purpose == TLS_FILES && kernel != KERNEL_LACKS) {
		openssl.SSL_set_options(tls->ssl, SSL_OP_ENABLE_KTLS);
	} else {
		openssl.SSL_set_default_read_buffer_len(tls->ssl, READ_AHEAD);
		openssl.SSL_set_read_ahead(tls->ssl, 1);
	}
	return true;
}

/* ---- the outbox ---- */

/* Sends what is gathered, as far as the socket takes it. Returns 0 when nothing is left, or -errno. */
static int outbox_send(struct tls *tls, unsigned *out_want)
{
	while (outbox.sent < outbox.held) {
		ssize_t sent =
			io_send(tls->fd, outbox.bytes + outbox.sent, outbox.held - outbox.sent);
		*out_want = IO_WRITE;
		if (sent < 0)
			return (int)sent;
		outbox.sent += (size_t)sent;
	}
	outbox.held = outbox.sent = 0;
	return 0;
}

static int outbox_take(BIO *bio, const char *bytes, int size)
{
	openssl.BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
	if ((size_t)size > sizeof(outbox.bytes) - outbox.held) {
		openssl.BIO_set_flags(bio, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY);
		return -1;
	}
	memcpy(outbox.bytes + outbox.held, bytes, (size_t)size);
	outbox.held += (size_t)size;
	return size;
}

static long outbox_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH; /* tls_send and tls_finish do that */
}

static BIO_METHOD *outbox_method(void)
{
	if (!outbox.method)
		outbox.method = openssl.BIO_meth_new(BIO_TYPE_SOURCE_SINK, "outbox");
	if (outbox.method) {
		openssl.BIO_meth_set_write(outbox.method, outbox_take);
		openssl.BIO_meth_set_ctrl(outbox.method, outbox_control);
	}
	return outbox.method;
}

/* From now on what the connection writes goes there. Without memory for it records are sent one by one. */
static void outbox_open(struct tls *tls)
{
	BIO_METHOD *method = outbox_method();
	BIO *bio = method ? openssl.BIO_new(method) : NULL;

	if (!bio)
		return;
	openssl.BIO_set_init(bio, 1);
	openssl.SSL_set0_wbio(tls->ssl, bio);
	outbox.held = outbox.sent = outbox.told = 0;
	outbox.tls = tls;
}

struct tls *tls_start(int fd, enum tls_purpose purpose)
{
	struct tls *tls = &places[purpose != TLS_CONTROL];

	if (tls->ssl || !tls_context())
		return NULL;
	*tls = (struct tls){.fd = fd, .purpose = purpose, .ssl = openssl.SSL_new(tls_context())};
	if (tls->ssl && purpose != TLS_CONTROL)
		tlscontext_follow(tls->ssl);
	if (tls->ssl && prepare(tls, fd))
		return tls;
	tls_free(tls);
	return NULL;
}

void tls_free(struct tls *tls)
{
	if (tls && tls->ssl)
		openssl.SSL_free(tls->ssl);
	if (tls)
		tls->ssl = NULL;
	if (outbox.tls == tls)
		outbox.tls = NULL;
}

/* An end there is no end of anything: "RB", read body, stands behind a record's header. */
static bool is_inside_record(const struct tls *tls)
{
	return openssl.SSL_has_pending(tls->ssl) == 1 ||
	       strcmp(openssl.SSL_rstate_string(tls->ssl), "RB") == 0;
}

/* What OpenSSL's verdict on a call means. The queue of errors is emptied before each, as it asks for. */
static int outcome(struct tls *tls, int returned, unsigned *out_want)
{
	switch (openssl.SSL_get_error(tls->ssl, returned)) {
	case SSL_ERROR_WANT_READ:
		*out_want = IO_READ;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*out_want = IO_WRITE;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return errno > 0 ? -errno : -ECONNRESET;
	default:
		break;
	}
	if (ERR_GET_REASON(openssl.ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING &&
		!is_inside_record(tls))
		return -ECONNABORTED;
	return -EPROTO;
}

static void begin(void)
{
	openssl.ERR_clear_error();
	errno = 0;
}

int tls_handshake(struct tls *tls, unsigned *out_want)
{
	int done, error;

	begin();
	done = openssl.SSL_do_handshake(tls->ssl);
	if (done != 1) {
		error = outcome(tls, done, out_want);
		return error == 0 || error == -ECONNABORTED ? -ECONNRESET : error;
	}
	tls->established = true;
	if (tls->purpose == TLS_FILES && kernel == KERNEL_UNTRIED)
		kernel = tls_sends_files(tls) ? KERNEL_HAS : KERNEL_LACKS;
	return 0;
}

ssize_t tls_receive(struct tls *tls, void *bytes, size_t size, unsigned *out_want)
{
	char *at = bytes;
	ssize_t total = 0;
	int got;

	if (tls->held != 0) {
		got = tls->held;
		tls->held = 0;
		return got;
	}
	if (size > INT32_MAX)
		size = INT32_MAX;
	/* One call of OpenSSL gives one record; those that have arrived behind it are taken at once. */
	do {
		if (tls->flooded)
			return -EPROTO;
		begin();
		got = openssl.SSL_read(tls->ssl, at, (int)(size - (size_t)total));
		if (got <= 0)
			break;
		at += got;
		total += got;
	} while ((size_t)total < size && openssl.SSL_has_pending(tls->ssl) == 1);
	if (got > 0)
		return total;
	got = outcome(tls, got, out_want);
	if (total == 0)
		return got;
	/* What there is comes first. */
	tls->held = got < 0 && got != -EAGAIN ? got : 0;
	return total;
}

/* Makes records of what is sent until enough are gathered. Returns the bytes that are in them, or -errno. */
static ssize_t gather(struct tls *tls, const char *bytes, size_t size, unsigned *out_want)
{
	size_t done = 0;
	int sent = 1;

	while (sent > 0 && done < size && outbox.held < GATHERED) {
		size_t left = size - done;
		begin();
		sent = openssl.SSL_write(
			tls->ssl, bytes + done, left < INT32_MAX ? (int)left : INT32_MAX);
		done += sent > 0 ? (size_t)sent : 0;
	}
	if (sent <= 0) {
		sent = outcome(tls, sent, out_want);
		if (sent != -EAGAIN || done == 0)
			return sent == 0 ? -EPIPE : sent;
	}
	return (ssize_t)done;
}

static ssize_t send_gathered(struct tls *tls, const void *bytes, size_t size, unsigned *out_want)
{
	size_t told;
	int error;

	if (outbox.told == 0) {
		ssize_t made = gather(tls, bytes, size, out_want);
		if (made < 0)
			return made;
		outbox.told = (size_t)made;
	}
	error = outbox_send(tls, out_want);
	if (error < 0)
		return error;
	told = outbox.told;
	outbox.told = 0;
	return (ssize_t)told;
}

ssize_t tls_send(struct tls *tls, const void *bytes, size_t size, unsigned *out_want)
{
	int sent;

	if (tls->flooded)
		return -EPROTO;
	if (outbox.tls != tls && tls->purpose != TLS_CONTROL && size > SSL3_RT_MAX_PLAIN_LENGTH &&
		!tls_sends_files(tls))
		outbox_open(tls);
	if (outbox.tls == tls)
		return send_gathered(tls, bytes, size, out_want);
	begin();
	sent = openssl.SSL_write(tls->ssl, bytes, size < INT32_MAX ? (int)size : INT32_MAX);
	if (sent > 0)
		return sent;
	sent = outcome(tls, sent, out_want);
	return sent == 0 ? -EPIPE : sent;
}

int tls_finish(struct tls *tls, unsigned *out_want)
{
	int done;

	if (!tls->established)
		return -ENOTCONN;
	if (outbox.tls != tls || outbox.held == 0) {
		begin();
		done = openssl.SSL_shutdown(tls->ssl);
		if (done < 0)
			return outcome(tls, done, out_want);
	}
	return outbox.tls == tls ? outbox_send(tls, out_want) : 0;
}

bool tls_has_more(const struct tls *tls)
{
	/* Not SSL_has_pending: the beginning of a record, too, would count, and nothing to read comes of it. */
	return openssl.SSL_pending(tls->ssl) > 0;
}

bool tls_sends_files(const struct tls *tls)
{
	return openssl.BIO_ctrl(openssl.SSL_get_wbio(tls->ssl), BIO_CTRL_GET_KTLS_SEND, 0, NULL) ==
	       1;
}

ssize_t tls_send_file(struct tls *tls, int file, uint64_t offset, size_t size, unsigned *out_want)
{
	ossl_ssize_t sent;
	int failed, error;

	begin();
	sent = openssl.SSL_sendfile(tls->ssl, file, (off_t)offset, size, 0);
	if (sent >= 0)
		return (ssize_t)sent;
	/* OpenSSL's own words for the system's errors say nothing. */
	failed = errno;
	error = outcome(tls, (int)sent, out_want);
	return error == -EPROTO && failed > 0 ? -failed : error;
}

bool tls_is_resumed(const struct tls *tls)
{
	return openssl.SSL_session_reused(tls->ssl) == 1;
}

bool tls_same_client(const struct tls *a, const struct tls *b)
{
	X509 *of_a = openssl.SSL_get1_peer_certificate(a->ssl);
	X509 *of_b = openssl.SSL_get1_peer_certificate(b->ssl);
	bool same = of_a && of_b ? openssl.X509_cmp(of_a, of_b) == 0 : of_a == of_b;

	openssl.X509_free(of_a);
	openssl.X509_free(of_b);
	return same;
}

void tls_offer_ticket(struct tls *tls)
{
	(void)openssl.SSL_new_session_ticket(
		tls->ssl); /* not before TLS 1.3: a session lasts there */
}

const char *tls_server_name(const struct tls *tls)
{
	return openssl.SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
}

enum tls_client tls_client(const struct tls *tls)
{
	X509 *certificate = openssl.SSL_get1_peer_certificate(tls->ssl);

	if (!certificate)
		return TLS_CLIENT_NONE;
	openssl.X509_free(certificate);
	return openssl.SSL_get_verify_result(tls->ssl) == X509_V_OK ? TLS_CLIENT_VERIFIED
								    : TLS_CLIENT_UNVERIFIED;
}

int tls_client_name(const struct tls *tls, char *out, size_t capacity)
{
	X509 *certificate = openssl.SSL_get1_peer_certificate(tls->ssl);
	int size = -1;

	if (certificate)
		size = openssl.X509_NAME_get_text_by_NID(openssl.X509_get_subject_name(certificate),
			NID_commonName, out, (int)capacity);
	openssl.X509_free(certificate);
	/* Cut names, and names with a NUL in them, are nobody's. */
	if (size <= 0 || (size_t)size >= capacity - 1 || strlen(out) != (size_t)size)
		return -ENOENT;
	return 0;
}

void tls_name(const struct tls *tls, struct buffer *b)
{
	buffer_string(b, openssl.SSL_get_version(tls->ssl));
	buffer_byte(b, ' ');
	buffer_string(b, openssl.SSL_CIPHER_get_name(openssl.SSL_get_current_cipher(tls->ssl)));
}

void tls_describe(const struct tls *tls, struct buffer *b)
{
	const char *name = tls_server_name(tls);

	buffer_string(b, "SSL version: ");
	buffer_string(b, openssl.SSL_get_version(tls->ssl));
	buffer_string(b, ", SSL cipher: ");
	buffer_string(b, openssl.SSL_CIPHER_get_name(openssl.SSL_get_current_cipher(tls->ssl)));
	buffer_string(b, tls_is_resumed(tls) ? ", reused" : ", not reused");
	if (name) {
		buffer_string(b, ", server name: ");
		buffer_string(b, name);
	}
}

const char *tls_reason(void)
{
	return openssl_reason();
}
