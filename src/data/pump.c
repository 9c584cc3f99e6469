#include "data/pump.h"

#include <errno.h>

#include "data/batch.h"
#include "system/copy.h"
#include "system/io.h"
#include "system/net.h"
#include "system/vfs.h"
#include "text/ascii.h"

/* One call's worth of read: large enough that calls cost little, small enough that the bytes are still in the processor's
 * cache when the network takes them. */
#define CHUNK ((size_t)256 * 1024)

/* One call's worth of sendfile, which reads nothing: as much as sockets hold by default. */
#define FILE_CHUNK ((size_t)4 * 1024 * 1024)

/* An upload starts through memory; past this size a pipe pays for itself. */
#define SPLICE_AFTER ((uint64_t)512 * 1024)

/* Chunks between two glances at the control connection while the data never have to wait. */
#define GLANCE_EVERY 16

/* Lines are converted in pieces of which a few fit into that cache. */
#define TEXT_CHUNK ((size_t)128 * 1024)

static char memory[CHUNK];
static char converted[2 * TEXT_CHUNK];

static enum pump_result network_error(struct pump *pump, int error)
{
	pump->error = error;
	switch (error) {
	case -ECANCELED:
		return PUMP_ABORTED;
	case -ETIMEDOUT:
		return PUMP_STALLED;
	case -EINTR:
	case -EPIPE:
		return PUMP_GONE;
	default:
		return PUMP_NETWORK;
	}
}

/* What the socket itself said: EPIPE there is the data connection's, not the client's end. */
static enum pump_result socket_error(struct pump *pump, int error)
{
	pump->error = error;
	return PUMP_NETWORK;
}

static enum pump_result file_error(struct pump *pump, int error)
{
	pump->error = error;
	return PUMP_FILE;
}

/* Waits for what the channel's last call could not do without. */
static enum pump_result wait_ready(struct pump *pump)
{
	int ready =
		watch_wait(pump->watch, pump->data->fd, pump->data->want, io_deadline(pump->stall));

	return ready < 0 ? network_error(pump, ready) : PUMP_DONE;
}

/* Whether a call that sent less than it was asked to shows that the socket's buffer is full: the next would be in vain. TLS
 * sends in pieces of its own. */
static bool is_full(const struct pump *pump, size_t sent, size_t asked)
{
	return sent < asked && !pump->data->tls;
}

/* Whether `bytes` are more than an upload may bring behind those that it has written. */
static bool is_too_much(const struct pump *pump, uint64_t written, size_t bytes)
{
	return pump->excess != 0 && bytes > pump->most - written;
}

/* Counts bytes moved. */
static void account_for(struct pump *pump, size_t bytes)
{
	pump->moved += bytes;
	if (pump->pace->rate > 0)
		(void)pace_charge(pump->pace, io_now(), bytes);
}

/* Waits until what was moved so far is paid for. Called before a piece is moved: the last piece's debt is
 * left to the next transfer, so that no client waits for a reply that could be given. */
static enum pump_result pay(struct pump *pump)
{
	int64_t until;
	int heard;

	if (pump->pace->rate == 0)
		return PUMP_DONE;
	until = pace_charge(pump->pace, io_now(), 0);
	if (until <= io_now())
		return PUMP_DONE;
	heard = watch_wait(pump->watch, -1, 0, until);
	return heard == -ETIMEDOUT ? PUMP_DONE : network_error(pump, heard);
}

static enum pump_result glance(struct pump *pump)
{
	int heard = watch_glance(pump->watch);

	return heard < 0 ? network_error(pump, heard) : PUMP_DONE;
}

static enum pump_result glance_at_times(struct pump *pump, unsigned *count)
{
	return ++*count % GLANCE_EVERY == 0 ? glance(pump) : PUMP_DONE;
}

/* How much to move at once: `most`, or less to keep a limit to the rate. */
static size_t chunk_size(const struct pump *pump, size_t most)
{
	return pace_chunk(pump->pace, pump->chunk, most);
}

/* ---- out ---- */

enum pump_result pump_bytes(struct pump *pump, const char *bytes, size_t size)
{
	enum pump_result result = PUMP_DONE;

	while (size > 0 && result == PUMP_DONE) {
		size_t piece = chunk_size(pump, CHUNK);
		ssize_t sent;
		piece = size < piece ? size : piece;
		result = pay(pump);
		if (result != PUMP_DONE)
			return result;
		sent = channel_send(pump->data, bytes, piece);
		if (sent == -EAGAIN) {
			result = wait_ready(pump);
			continue;
		}
		if (sent < 0)
			return socket_error(pump, (int)sent);
		bytes += sent;
		size -= (size_t)sent;
		account_for(pump, (size_t)sent);
		if (is_full(pump, (size_t)sent, piece))
			result = wait_ready(pump);
	}
	return result;
}

/* How much of the next `most` bytes lies before `end` (0: not known). */
static size_t up_to(uint64_t offset, uint64_t end, size_t most)
{
	return end > 0 && end - offset < most ? (size_t)(end - offset) : most;
}

static enum pump_result read_and_send(struct pump *pump, int file, uint64_t offset, uint64_t end)
{
	enum pump_result result = PUMP_DONE;
	unsigned count = 0;

	while (result == PUMP_DONE && (end == 0 || offset < end)) {
		ssize_t got = vfs_read(file, memory, up_to(offset, end, sizeof(memory)));
		if (got <= 0)
			return got < 0 ? file_error(pump, (int)got) : PUMP_DONE;
		offset += (uint64_t)got;
		result = pump_bytes(pump, memory, (size_t)got);
		if (result == PUMP_DONE)
			result = glance_at_times(pump, &count);
	}
	return result;
}

/* sendfile does not say which side failed, but the errors of connections are few. */
static enum pump_result sendfile_error(struct pump *pump, int error)
{
	switch (error) {
	case -EPIPE:
	case -ECONNRESET:
	case -ECONNABORTED:
	case -ENOTCONN:
	case -ETIMEDOUT:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -ENETDOWN:
		return socket_error(pump, error);
	default:
		return file_error(pump, error);
	}
}

/* How much may still be on its way when a download counts as done. */
#define LEFT_MOST 65536

/* How often it is seen whether anything goes on at all. */
#define PROGRESS_MS 20

/* Waits until the client's side has taken most of what was sent: a large send buffer must not make a transfer
 * look done, and fast, before it has begun. A connection that breaks until then is a failure. */
static enum pump_result settle(struct pump *pump)
{
	int64_t deadline = io_deadline(pump->stall);
	/* What has not been sent can't be on its way. */
	int unsent = pump->moved > LEFT_MOST ? net_unsent(pump->data->fd) : 0, least = unsent;
	unsigned want = IO_WRITE;

	if (unsent > LEFT_MOST)
		net_hold_at_most(pump->data->fd, LEFT_MOST);
	while (unsent > LEFT_MOST) {
		int heard = watch_wait(
			pump->watch, want ? pump->data->fd : -1, want, io_now() + PROGRESS_MS);
		if (heard < 0 && heard != -ETIMEDOUT)
			return network_error(pump, heard);
		/* Then that event tells nothing, and time has to. */
		if (heard > 0)
			want = 0;
		heard = net_connect_result(pump->data->fd);
		if (heard < 0)
			return socket_error(pump, heard);
		unsent = net_unsent(pump->data->fd);
		if (unsent < least)
			deadline = io_deadline(pump->stall);
		else if (io_now() >= deadline)
			return PUMP_STALLED;
		least = unsent < least ? unsent : least;
	}
	return PUMP_DONE;
}

/* Sends by sendfile until the end (known if `end` is not 0) or until that turns out not to work. */
static enum pump_result send_inside(struct pump *pump, int file, uint64_t *offset, uint64_t end)
{
	enum pump_result result = PUMP_DONE;

	while (result == PUMP_DONE) {
		size_t size = up_to(*offset, end, chunk_size(pump, FILE_CHUNK));
		ssize_t sent;
		result = pay(pump);
		if (result != PUMP_DONE)
			return result;
		sent = channel_send_file(pump->data, file, *offset, size);
		if (sent == -EAGAIN) {
			result = wait_ready(pump);
			continue;
		}
		if (sent == -EINVAL || sent == -ENOSYS)
			pump->kernel_copies = false;
		if (sent == 0 || !pump->kernel_copies)
			return PUMP_DONE;
		if (sent < 0)
			return sendfile_error(pump, (int)sent);
		*offset += (uint64_t)sent;
		account_for(pump, (size_t)sent);
		if (end > 0 && *offset >= end)
			return PUMP_DONE;
		result = is_full(pump, (size_t)sent, size) ? wait_ready(pump) : glance(pump);
	}
	return result;
}

static enum pump_result send_file(struct pump *pump, int file, uint64_t offset, uint64_t end)
{
	enum pump_result result;
	int error;

	if (end > 0 && offset >= end)
		return PUMP_DONE;
	if (pump->kernel_copies && channel_sends_files(pump->data)) {
		result = send_inside(pump, file, &offset, end);
		if (result != PUMP_DONE || pump->kernel_copies)
			return result;
	}
	error = vfs_seek(file, offset);
	return error < 0 ? file_error(pump, error) : read_and_send(pump, file, offset, end);
}

static enum pump_result send_ascii(struct pump *pump, int file, uint64_t skip)
{
	struct ascii state = {.after_cr = false};
	enum pump_result result = PUMP_DONE;
	unsigned count = 0;

	while (result == PUMP_DONE) {
		ssize_t got = vfs_read(file, memory, TEXT_CHUNK);
		if (got <= 0)
			return got < 0 ? file_error(pump, (int)got) : PUMP_DONE;
		pump->taken += (uint64_t)got;
		size_t size = ascii_to_wire(&state, memory, (size_t)got, converted);
		size_t left_out = skip < size ? (size_t)skip : size;
		skip -= left_out;
		result = pump_bytes(pump, converted + left_out, size - left_out);
		if (result == PUMP_DONE)
			result = glance_at_times(pump, &count);
	}
	return result;
}

enum pump_result pump_download(struct pump *pump, int file, uint64_t offset, uint64_t end)
{
	enum pump_result result = send_file(pump, file, offset, end);

	return result == PUMP_DONE ? settle(pump) : result;
}

enum pump_result pump_download_ascii(struct pump *pump, int file, uint64_t skip)
{
	enum pump_result result = send_ascii(pump, file, skip);

	return result == PUMP_DONE ? settle(pump) : result;
}

/* ---- in ---- */

/* A client that was killed ends both connections, and in stream mode its last bytes look like the end
 * of the file: only the control connection can tell. Its end may come a moment after the data's, so
 * an upload that took a while is given a fiftieth of its time, 5 ms at most. */
static enum pump_result check_end(struct pump *pump, int64_t started)
{
	int64_t now = io_now(), grace = (now - started) / 50;
	int heard;

	pump->ended = true;
	heard = grace > 0 ? watch_wait(pump->watch, -1, 0, now + (grace < 5 ? grace : 5))
			  : watch_hear(pump->watch);
	if (heard == 0)
		return PUMP_DONE;
	/* An ABOR behind the end of the data comes too late. */
	if (heard == -ETIMEDOUT || heard == -ECANCELED)
		return PUMP_DONE;
	return network_error(pump, heard);
}

/* Waits for bytes and receives them; sets 0 at the end of the data. */
static enum pump_result receive(struct pump *pump, size_t size, size_t *out_got)
{
	/* At the end there is nothing more to slow down. */
	bool ended = pump->pace->rate > 0 && io_at_end(pump->data->fd);
	enum pump_result result = ended ? PUMP_DONE : pay(pump);

	while (result == PUMP_DONE) {
		ssize_t got = channel_receive(pump->data, memory, size);
		if (got == -ECONNABORTED && pump->lenient)
			got = 0;
		if (got >= 0) {
			*out_got = (size_t)got;
			return PUMP_DONE;
		}
		if (got != -EAGAIN)
			return socket_error(pump, (int)got);
		result = wait_ready(pump);
	}
	return result;
}

/* What the pipe holds but the file system won't take by splice goes through memory. */
static enum pump_result drain(struct pump *pump, struct copy_pipe *pipe, int file)
{
	int error = copy_to_file(pipe, file);

	if (error != -EINVAL && error != -ENOSYS)
		return error < 0 ? file_error(pump, error) : PUMP_DONE;
	pump->kernel_copies = false;
	while (pipe->held > 0) {
		ssize_t got = copy_take(pipe, memory, sizeof(memory));
		if (got < 0)
			return file_error(pump, (int)got);
		error = vfs_write_all(file, memory, (size_t)got);
		if (error < 0)
			return file_error(pump, error);
	}
	return PUMP_DONE;
}

/* splice never passes urgent data: before them it finds nothing, though bytes wait, and once the client has closed it
 * finds an end that is none. What looks like either goes on through memory, where recv tells. */
static enum pump_result splice_in(struct pump *pump, struct copy_pipe *pipe, int file)
{
	enum pump_result result = PUMP_DONE;
	/* With a limit to the rate it is that which is waited for. */
	struct batch batch = {
		.fd = pump->data->fd, .bytes = 1, .again = pump->pace->rate > 0 ? UINT64_MAX : 0};
	unsigned count = 0;
	bool waited = false;

	while (result == PUMP_DONE && pump->kernel_copies) {
		size_t size = pump->pace->rate > 0 ? chunk_size(pump, CHUNK) : pipe->size;
		ssize_t got;
		result = pay(pump);
		if (result != PUMP_DONE)
			return result;
		got = copy_from_socket(pipe, pump->data->fd, size);
		if (got == -EAGAIN && !waited) {
			int ready = batch_wait(
				&batch, pump->watch, pump->moved, io_deadline(pump->stall));
			if (ready < 0)
				result = network_error(pump, ready);
			waited = ready > 0;
			continue;
		}
		if (got == 0 || got == -EAGAIN || got == -EINVAL || got == -ENOSYS) {
			pump->kernel_copies = false;
			break;
		}
		if (got < 0)
			return socket_error(pump, (int)got);
		waited = false;
		if (is_too_much(pump, pump->moved, (size_t)got))
			return file_error(pump, pump->excess);
		result = drain(pump, pipe, file);
		account_for(pump, (size_t)got);
		if (result == PUMP_DONE)
			result = glance_at_times(pump, &count);
	}
	batch_end(&batch);
	return result;
}

/* The large remainder of an upload, inside the kernel as far as that works. */
static enum pump_result splice_rest(struct pump *pump, int file)
{
	struct copy_pipe pipe;
	enum pump_result result;

	if (copy_open(&pipe) < 0) {
		pump->kernel_copies = false;
		return PUMP_DONE;
	}
	result = splice_in(pump, &pipe, file);
	copy_close(&pipe);
	return result;
}

static enum pump_result receive_and_write(struct pump *pump, int file, bool *out_ended)
{
	size_t got;
	enum pump_result result = receive(pump, chunk_size(pump, CHUNK), &got);
	int error;

	if (result != PUMP_DONE)
		return result;
	*out_ended = got == 0;
	if (is_too_much(pump, pump->moved, got))
		return file_error(pump, pump->excess);
	error = vfs_write_all(file, memory, got);
	account_for(pump, got);
	return error < 0 ? file_error(pump, error) : PUMP_DONE;
}

enum pump_result pump_upload(struct pump *pump, int file)
{
	enum pump_result result = PUMP_DONE;
	int64_t started = io_now();
	unsigned count = 0;
	bool ended = false;

	while (result == PUMP_DONE && !ended) {
		if (pump->kernel_copies && !pump->data->tls && pump->moved >= SPLICE_AFTER)
			result = splice_rest(pump, file);
		else
			result = receive_and_write(pump, file, &ended);
		if (result == PUMP_DONE)
			result = glance_at_times(pump, &count);
	}
	return result == PUMP_DONE ? check_end(pump, started) : result;
}

enum pump_result pump_upload_ascii(struct pump *pump, int file)
{
	struct ascii state = {.after_cr = false};
	int64_t started = io_now();
	uint64_t written = 0; /* what came is longer */
	size_t piece = chunk_size(pump, TEXT_CHUNK);
	unsigned count = 0;

	for (;;) {
		size_t got, size;
		enum pump_result result = receive(pump, piece, &got);
		int error;
		if (result != PUMP_DONE)
			return result;
		size = got > 0 ? ascii_from_wire(&state, memory, got, converted)
			       : ascii_finish(&state, converted);
		if (is_too_much(pump, written, size))
			return file_error(pump, pump->excess);
		error = vfs_write_all(file, converted, size);
		if (error < 0)
			return file_error(pump, error);
		written += size;
		if (got == 0)
			return check_end(pump, started);
		account_for(pump, got);
		result = glance_at_times(pump, &count);
		if (result != PUMP_DONE)
			return result;
	}
}
