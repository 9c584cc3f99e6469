/*
 * The data connection (RFC 959 3.2, 3.3; RFC 2428): what PORT, EPRT, PASV or EPSV prepared, and the
 * one connection made of it. A preparation serves one transfer.
 */
#ifndef SOLOFTPD_DATA_CONNECTION_H
#define SOLOFTPD_DATA_CONNECTION_H

#include <stdbool.h>

#include "data/watch.h"
#include "policy/config.h"
#include "system/channel.h"
#include "text/address.h"

enum data_state { DATA_NONE, DATA_LISTENING, DATA_TARGET, DATA_OPEN };

struct data {
	enum data_state state;
	int fd;			  /* listener or connection, owned; -1 otherwise */
	struct channel channel;	  /* the connection as a stream; its TLS is owned */
	int lingering;		  /* a TLS connection that has ended, owned; -1: none */
	struct address target;	  /* of DATA_TARGET */
	struct address announced; /* by PASV; its port does not count */
	struct address local;	  /* the control connection's own address, port 0 */
	struct address peer;	  /* the control connection's client */
	int reserved; /* a socket bound to ftp_data_port while that was allowed, owned; -1: none */
	bool on_reserved; /* the connection uses it */
	bool draining;	  /* its last connection may still have bytes on the way */
	bool waited;	  /* in vain for that to end */
};

void data_start(struct data *data, const struct address *local, const struct address *peer);

/* Settles the address that PASV announces: pasv_address (resolved if pasv_addr_resolve says so), or the
 * control connection's own. Returns 0, or -EINVAL with `out_error` when it is not an IPv4 address. */
int data_announce(struct data *data, const struct config *config, struct config_note *out_error);

/* Binds the reserved socket for active connections from ftp_data_port: needs root. 0 or -errno. */
int data_reserve(struct data *data, const struct config *config);

/* Listens for a passive connection in place of whatever was prepared. Sets the address and port. */
int data_listen(struct data *data, const struct config *config, struct address *out_address);

/* Remembers where an active connection shall go. -EACCES when policy forbids the place: another host
 * than the client, or a port below 1024 (RFC 2577 section 3), unless port_promiscuous. */
int data_target(struct data *data, const struct config *config, const struct address *target);

/* Makes the connection: accepts or connects. Connections from other hosts than the client are closed
 * and waited past (unless pasv_promiscuous); `out_intruder` then says there was one. Returns 0, or
 * -errno with nothing prepared any more: -ENOTCONN when nothing had been, -ETIMEDOUT, what the watch
 * said, or the network's error. */
int data_open(
	struct data *data, const struct config *config, struct watch *watch, bool *out_intruder);

/* The handshake of a protected connection: the server is TLS's server, whoever has connected (RFC 4217 section 7).
 * `sends_file`: pump_download follows, and the kernel may encrypt what it sends. Returns 0, -EPROTO if the
 * handshake failed, -ENOMEM, -ETIMEDOUT, or what the watch said. */
int data_secure(struct data *data, struct watch *watch, bool sends_file, int64_t deadline);

/* Tells the client that nothing more is sent, as TLS does; nothing to do without. With `await` the client's own
 * close_notify has to come. Returns 0, or -errno: -ECONNABORTED if it did not, or what the watch said. */
int data_finish(struct data *data, struct watch *watch, bool await, int64_t deadline);

/* Ends the connection in order, or forgets the preparation. */
void data_close(struct data *data);

/* Ends the connection so that the client can tell it from the end of the data. */
void data_abort(struct data *data);

/* Closes everything this module owns. */
void data_end(struct data *data);

#endif
