/*
 * Moving a transfer's bytes between the data connection and a file (RFC 959 3.4.1, stream mode), with
 * the control connection heard all the while.
 */
#ifndef SOLOFTPD_DATA_PUMP_H
#define SOLOFTPD_DATA_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/pace.h"
#include "data/watch.h"
#include "system/channel.h"

enum pump_result {
	PUMP_DONE,
	PUMP_NETWORK, /* the data connection failed */
	PUMP_FILE,    /* the local file failed */
	PUMP_ABORTED, /* ABOR */
	PUMP_GONE,    /* the client has gone, or SIGTERM came */
	PUMP_STALLED, /* nothing moved for `stall` seconds */
};

struct pump {
	struct channel *data; /* the data connection, borrowed */
	struct watch *watch;
	struct pace *pace;
	unsigned stall;	    /* seconds; 0: for ever */
	size_t chunk;	    /* trans_chunk_size */
	bool kernel_copies; /* sendfile and splice may be used */
	bool lenient;	    /* over TLS the end of the data needs no close_notify */
	uint64_t most;	    /* bytes that an upload may bring, unless `excess` is 0 */
	int excess;	    /* -errno: what is wrong with more */
	uint64_t moved;	    /* bytes on the data connection so far */
	uint64_t taken;	    /* bytes of the file that a download in TYPE A has read */
	bool ended;	    /* an upload's data came to their end */
	int error;	    /* -errno of PUMP_NETWORK and PUMP_FILE */
};

/* The file from `offset` to `end`, the size it had when it was announced; a file that announced none (0) is
 * read to its end. A file that has become shorter just ends: `moved` tells. */
enum pump_result pump_download(struct pump *pump, int file, uint64_t offset, uint64_t end);

/* To the file's present position, until the client ends the data. */
enum pump_result pump_upload(struct pump *pump, int file);

/* The same in TYPE A, from the file's present position; `skip` bytes of what would be sent are not. Lines grow on their
 * way: only `taken` tells of a file that has become shorter. */
enum pump_result pump_download_ascii(struct pump *pump, int file, uint64_t skip);
enum pump_result pump_upload_ascii(struct pump *pump, int file);

/* Bytes made by the caller, for listings. */
enum pump_result pump_bytes(struct pump *pump, const char *bytes, size_t size);

#endif
