/* A connected socket with or without TLS, as one stream of bytes. */
#ifndef SOLOFTPD_SYSTEM_CHANNEL_H
#define SOLOFTPD_SYSTEM_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls;

struct channel {
	int fd;		 /* borrowed or owned, as who has the channel says */
	struct tls *tls; /* owned; NULL: none */
	unsigned
		want; /* after -EAGAIN: IO_READ or IO_WRITE, what to wait for before the next try */
};

/* Without waiting: bytes moved (0 at the end of input), or -errno; -EAGAIN: not now. With TLS, -ECONNABORTED is
 * an end of input without close_notify. */
ssize_t channel_receive(struct channel *channel, void *bytes, size_t size);
ssize_t channel_send(struct channel *channel, const void *bytes, size_t size);

/* Sends all, waiting as long as `deadline` allows. Returns 0 or -errno. */
int channel_send_all(struct channel *channel, const void *bytes, size_t size, int64_t deadline);

/* Whether bytes have arrived that poll(2) does not tell of. */
bool channel_has_more(const struct channel *channel);

/* Whether the kernel can send a file by itself, and that: as copy_to_socket. */
bool channel_sends_files(const struct channel *channel);
ssize_t channel_send_file(struct channel *channel, int file, uint64_t offset, size_t size);

/* Tells the peer, by close_notify, that nothing more is sent; waits as long as `deadline` allows. Nothing to do
 * without TLS. Returns 0 or -errno. */
int channel_finish(struct channel *channel, int64_t deadline);

/* Ends TLS, but not the connection. */
void channel_drop(struct channel *channel);

#endif
