#include "data/connection.h"

#include <errno.h>
#include <unistd.h>

#include "policy/passive.h"
#include "system/io.h"
#include "system/net.h"
#include "system/tls.h"
#include "text/path.h"

/* How long a transfer waits for the reserved socket to come free of the one before. */
#define RESERVED_WAIT_MS 500

void data_start(struct data *data, const struct address *local, const struct address *peer)
{
	*data = (struct data){.state = DATA_NONE, .fd = -1, .reserved = -1, .lingering = -1};
	data->local = *local;
	data->local.port = 0;
	data->peer = *peer;
}

int data_announce(struct data *data, const struct config *config, struct config_note *out_error)
{
	data->announced = data->local;
	return passive_address(config, &data->peer, &data->announced, out_error);
}

int data_reserve(struct data *data, const struct config *config)
{
	struct address from = data->local;

	from.port = (uint16_t)config->ftp_data_port;
	data->reserved = net_bind(&from);
	return data->reserved < 0 ? data->reserved : 0;
}

/* A TLS client answers close_notify with its own, and would be sent a reset if nobody were there to take it: the
 * connection stays open until the next one ends. */
static void linger(struct data *data, int fd)
{
	char ignored[256];

	if (data->lingering >= 0) {
		(void)io_receive(data->lingering, ignored, sizeof(ignored));
		close(data->lingering);
	}
	data->lingering = fd;
}

static void forget(struct data *data)
{
	channel_drop(&data->channel);
	if (data->fd >= 0 && !data->on_reserved)
		close(data->fd);
	data->fd = -1;
	data->on_reserved = false;
	data->state = DATA_NONE;
}

int data_listen(struct data *data, const struct config *config, struct address *out_address)
{
	struct address address = data->local;
	unsigned low, high;

	data_close(data);
	passive_range(config, &low, &high);
	data->fd = net_listen(&address, low, high, config->bind_retries);
	if (data->fd < 0) {
		int error = data->fd;
		forget(data);
		return error;
	}
	data->state = DATA_LISTENING;
	*out_address = address;
	return 0;
}

int data_target(struct data *data, const struct config *config, const struct address *target)
{
	data_close(data);
	if (!config->port_promiscuous &&
		(!address_same_host(target, &data->peer) || target->port < 1024))
		return -EACCES;
	data->target = *target;
	data->target.scope = data->peer.scope;
	data->state = DATA_TARGET;
	return 0;
}

static int accept_client(
	struct data *data, const struct config *config, struct watch *watch, bool *out_intruder)
{
	int64_t deadline = io_deadline(config->accept_timeout);

	for (;;) {
		struct address peer;
		/* Most clients have connected before they send the command. */
		int fd = net_accept(data->fd, &peer), ready;
		if (fd >= 0 && (config->pasv_promiscuous || address_same_host(&peer, &data->peer)))
			return fd;
		if (fd >= 0) {
			*out_intruder = true;
			close(fd);
		} else if (fd != -EAGAIN && fd != -ECONNABORTED && fd != -EINTR) {
			return fd;
		}
		ready = watch_wait(watch, data->fd, IO_READ, deadline);
		if (ready < 0)
			return ready;
	}
}

static int finish_connect(int fd, const struct config *config, struct watch *watch, int started)
{
	if (started == -EINPROGRESS) {
		int ready = watch_wait(watch, fd, IO_WRITE, io_deadline(config->connect_timeout));
		return ready < 0 ? ready : net_connect_result(fd);
	}
	return started;
}

/* Takes what the last client of the reserved socket still sends, up to its end: 0 when that has come, or
 * -errno: -ETIMEDOUT while it has not. */
static int await_end(struct data *data, struct watch *watch)
{
	int64_t deadline = io_now() + (data->waited ? 0 : RESERVED_WAIT_MS);
	UNCLEARED char ignored[4096];

	for (;;) {
		ssize_t got = io_receive(data->reserved, ignored, sizeof(ignored));
		int ready = 0;
		if (got == 0 || (got < 0 && got != -EAGAIN))
			return 0; /* an end, or a reset: nothing is on its way any more */
		if (got == -EAGAIN)
			ready = watch_wait(watch, data->reserved, IO_READ, deadline);
		if (ready < 0)
			return ready;
		if (io_now() > deadline)
			return -ETIMEDOUT;
	}
}

/* Makes the reserved socket ready to connect again: its last client must have taken all bytes and closed its
 * side too. Before that, letting go of the connection would cut off what is still on its way. Returns
 * -ETIMEDOUT when it is not to be had, or what the watch said. */
static int recover_reserved(struct data *data, struct watch *watch)
{
	int error;

	if (!data->draining)
		return 0;
	error = await_end(data, watch);
	data->waited = error == -ETIMEDOUT; /* not every transfer shall wait for it */
	if (error < 0)
		return error;
	if (net_unsent(data->reserved) > 0 || net_disconnect(data->reserved) < 0)
		return -ETIMEDOUT;
	data->draining = false;
	return 0;
}

static int connect_reserved(struct data *data, const struct config *config, struct watch *watch)
{
	int started, error = recover_reserved(data, watch);

	/* Another port will do as well while this one, or its pair of addresses, is still in use. */
	if (error < 0)
		return error == -ETIMEDOUT ? -EADDRNOTAVAIL : error;
	started = net_connect(data->reserved, &data->target);
	if (started == -EADDRNOTAVAIL || started == -EADDRINUSE)
		return -EADDRNOTAVAIL;
	error = finish_connect(data->reserved, config, watch, started);
	if (error < 0) {
		(void)net_disconnect(data->reserved);
		return error;
	}
	data->on_reserved = true;
	return data->reserved;
}

static int connect_client(struct data *data, const struct config *config, struct watch *watch)
{
	int fd, error;

	if (data->reserved >= 0) {
		fd = connect_reserved(data, config, watch);
		if (fd != -EADDRNOTAVAIL)
			return fd;
	}
	fd = net_bind(&data->local);
	if (fd < 0)
		return fd;
	error = finish_connect(fd, config, watch, net_connect(fd, &data->target));
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

int data_open(
	struct data *data, const struct config *config, struct watch *watch, bool *out_intruder)
{
	int fd = -ENOTCONN;

	*out_intruder = false;
	if (data->state == DATA_LISTENING)
		fd = accept_client(data, config, watch, out_intruder);
	else if (data->state == DATA_TARGET)
		fd = connect_client(data, config, watch);
	if (data->fd >= 0)
		close(data->fd); /* the listener */
	data->fd = fd < 0 ? -1 : fd;
	data->state = fd < 0 ? DATA_NONE : DATA_OPEN;
	data->channel = (struct channel){.fd = data->fd};
	return fd < 0 ? fd : 0;
}

int data_secure(struct data *data, struct watch *watch, bool sends_file, int64_t deadline)
{
	struct channel *channel = &data->channel;
	/* The reserved socket will be connected again. */
	bool inside = sends_file && !data->on_reserved;
	int error;

	/* The handshake's flights are small, and each waits for the other's. */
	net_no_delay(channel->fd);
	channel->tls = tls_start(channel->fd, inside ? TLS_FILES : TLS_DATA);
	if (!channel->tls)
		return -ENOMEM;
	while ((error = tls_handshake(channel->tls, &channel->want)) == -EAGAIN) {
		/* The client's next piece can wait for this one's acknowledgement. */
		net_quick_ack(channel->fd);
		int ready = watch_wait(watch, channel->fd, channel->want, deadline);
		if (ready < 0)
			return ready;
	}
	net_quick_ack(channel->fd); /* and so can its first bytes */
	return error < 0 ? -EPROTO : 0;
}

int data_finish(struct data *data, struct watch *watch, bool await, int64_t deadline)
{
	struct channel *channel = &data->channel;
	UNCLEARED char ignored[4096];
	ssize_t got = 0;
	int error;

	if (!channel->tls)
		return 0;
	while ((error = tls_finish(channel->tls, &channel->want)) == -EAGAIN) {
		int ready = watch_wait(watch, channel->fd, channel->want, deadline);
		if (ready < 0)
			return ready;
	}
	while (error == 0 && await) {
		got = channel_receive(channel, ignored, sizeof(ignored));
		if (got == 0 || (got < 0 && got != -EAGAIN))
			return (int)got;
		if (got == -EAGAIN)
			error = watch_wait(watch, channel->fd, channel->want, deadline);
		error = error < 0 ? error : 0;
	}
	return error;
}

void data_close(struct data *data)
{
	bool secured = data->channel.tls != NULL;

	if (data->on_reserved) {
		net_finish(data->reserved);
		data->draining = true;
	} else if (secured) {
		net_finish(data->fd);
		linger(data, data->fd);
		data->fd = -1;
	}
	forget(data);
}

void data_abort(struct data *data)
{
	if (data->on_reserved)
		(void)net_disconnect(data->reserved);
	else if (data->fd >= 0)
		net_reset_on_close(data->fd);
	forget(data);
}

void data_end(struct data *data)
{
	forget(data);
	linger(data, -1);
	if (data->reserved >= 0)
		close(data->reserved);
	data->reserved = -1;
}
