#include "system/channel.h"

#include <errno.h>

#include "system/copy.h"
#include "system/io.h"
#include "system/tls.h"

ssize_t channel_receive(struct channel *channel, void *bytes, size_t size)
{
	if (channel->tls)
		return tls_receive(channel->tls, bytes, size, &channel->want);
	channel->want = IO_READ;
	return io_receive(channel->fd, bytes, size);
}

ssize_t channel_send(struct channel *channel, const void *bytes, size_t size)
{
	if (channel->tls)
		return tls_send(channel->tls, bytes, size, &channel->want);
	channel->want = IO_WRITE;
	return io_send(channel->fd, bytes, size);
}

int channel_send_all(struct channel *channel, const void *bytes, size_t size, int64_t deadline)
{
	const char *at = bytes;

	while (size > 0) {
		ssize_t sent = channel_send(channel, at, size);
		if (sent == -EAGAIN) {
			int ready = io_wait(channel->fd, channel->want, -1, deadline);
			if (ready < 0)
				return ready;
			continue;
		}
		if (sent < 0)
			return (int)sent;
		at += sent;
		size -= (size_t)sent;
	}
	return 0;
}

bool channel_has_more(const struct channel *channel)
{
	return channel->tls && tls_has_more(channel->tls);
}

bool channel_sends_files(const struct channel *channel)
{
	return !channel->tls || tls_sends_files(channel->tls);
}

ssize_t channel_send_file(struct channel *channel, int file, uint64_t offset, size_t size)
{
	if (channel->tls)
		return tls_send_file(channel->tls, file, offset, size, &channel->want);
	channel->want = IO_WRITE;
	return copy_to_socket(channel->fd, file, offset, size);
}

int channel_finish(struct channel *channel, int64_t deadline)
{
	int error = 0;

	if (!channel->tls)
		return 0;
	while ((error = tls_finish(channel->tls, &channel->want)) == -EAGAIN) {
		int ready = io_wait(channel->fd, channel->want, -1, deadline);
		if (ready < 0)
			return ready;
	}
	return error;
}

void channel_drop(struct channel *channel)
{
	tls_free(channel->tls);
	channel->tls = NULL;
}
