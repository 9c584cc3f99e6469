/* Sockets, each wait with an end. */
#ifndef TALK_WIRE_H
#define TALK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct end {
	struct sockaddr_storage address;
	socklen_t size;
};

enum wire { WIRE_OK, WIRE_EOF, WIRE_RESET, WIRE_TIMEOUT, WIRE_ERROR };

bool end_of(struct end *end, const char *address, unsigned int port);
unsigned int end_port(const struct end *end);
/* A listening socket on an address, any port; or -1. */
int wire_listen(const struct end *at, bool dual);
/* A connection from an address (NULL: any) to another; -1 with errno. */
int wire_connect(const struct end *from, const struct end *to, unsigned int seconds);
int wire_accept(int listener, unsigned int seconds);
/* Up to size bytes, at least one when WIRE_OK. */
enum wire wire_receive(
	int from, void *out, size_t size, unsigned int milliseconds, size_t *out_got);
enum wire wire_send(int to, const void *data, size_t size, int flags, unsigned int seconds);
void wire_reset(int *fd);
void wire_close(int *fd);
const char *wire_text(enum wire wire);

#endif
