/* Sockets: the control connection's ends, and making data connections. */
#ifndef SOLOFTPD_SYSTEM_NET_H
#define SOLOFTPD_SYSTEM_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "text/address.h"

/* The two ends of a connected TCP socket; IPv4-mapped addresses come out as IPv4. Return 0 or -errno:
 * -ENOTSOCK, -ENOTCONN, or -EAFNOSUPPORT for a socket that is not TCP over IP. */
int net_local(int socket, struct address *out_address);
int net_peer(int socket, struct address *out_address);

/* The address as the kernel's structure. */
struct sockaddr_storage;
void net_endpoint(const struct address *address, struct sockaddr_storage *out_endpoint);

/* What the control connection wants of TCP: no delay, keepalive, urgent data in line (RFC 1123
 * 4.1.2.10 asks that Synch be seen in sequence). */
void net_tune_control(int socket);

/* How long a receiving call on `socket` may wait, in seconds; 0: for ever. Returns 0 or -errno. */
int net_set_timeout(int socket, int64_t seconds);

/* A listening socket on `address`: on a port between `low` and `high`, of which at most `tries` are tried, from a random one
 * on and none twice, or on one the kernel chooses when both are 0. Sets the port. Returns a descriptor the caller owns, or
 * -errno. */
int net_listen(struct address *address, unsigned low, unsigned high, unsigned tries);

/* Accepts without waiting: a nonblocking descriptor the caller owns and its peer, or -errno. */
int net_accept(int listener, struct address *out_peer);

/* A nonblocking stream socket bound to `from` (its port may be 0). Returns a descriptor or -errno. */
int net_bind(const struct address *from);

/* Starts connecting; returns 0, -EINPROGRESS, or another -errno. */
int net_connect(int socket, const struct address *to);

/* The outcome of a connect that was in progress: 0 or -errno. */
int net_connect_result(int socket);

/* Makes a socket that was connected free to connect again from the same local port. 0 or -errno. */
int net_disconnect(int socket);

/* Sends small pieces at once (TCP_NODELAY). */
void net_no_delay(int socket);

/* Acknowledges at once what has come (TCP_QUICKACK): a client whose next small piece waits for that is not held
 * up. Lasts for a while only. */
void net_quick_ack(int socket);

/* Lets waiting for bytes to read end when so many have come (SO_RCVLOWAT), or the end or an error, or when the buffer is full. */
void net_wake_at(int socket, int bytes);

/* Lets a TCP socket become writable when no more than so many bytes of what it was given are yet to be acknowledged. */
void net_hold_at_most(int socket, int bytes);

/* Makes calls on the socket return instead of wait. */
void net_set_nonblocking(int socket);

/* Bytes handed to the socket that the peer has not acknowledged, or -errno. */
int net_unsent(int socket);

/* Resolves a host name to its first IPv4 address. Returns 0 or -ENOENT. */
int net_resolve(const char *host, struct address *out_address);

/* Ends what is sent (FIN), leaving reading open. */
void net_finish(int socket);

/* Makes close() reset the connection, so that the peer can't take what it got for the whole. */
void net_reset_on_close(int socket);

#endif
