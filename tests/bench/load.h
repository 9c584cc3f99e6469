/* FTP clients that make load: tests/bench/load.c has the modes, load_ftp.c the connections. */
#ifndef LOAD_H
#define LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct options {
	const char *mode, *user, *pass, *file, *command, *type, *cipher, *usage, *unlink, *source;
	long n, parallel, port, size, expect, lines, seconds;
	bool tls, epsv, discard;
};

extern struct options options;

struct ftp {
	int fd;
	SSL *tls;
	size_t begin, end;
	char buffer[65536];
	char line[1024];
	char fault[256]; /* the first thing that went wrong */
	double aside;	 /* seconds of preparations, which do not count */
};

double now(void);
void ftp_prepare(void);
bool ftp_open(struct ftp *ftp);
bool ftp_login(struct ftp *ftp);
bool ftp_quit(struct ftp *ftp);
void ftp_close(struct ftp *ftp);
bool ftp_fault(struct ftp *ftp, const char *what);

/* Sends a line, and wants a reply whose first digit is `kind`. */
bool ftp_command(struct ftp *ftp, const char *command, char kind);

/* A transfer, from PASV to the last reply; the bytes and lines that came. */
bool ftp_receive(struct ftp *ftp, const char *command, bool count_lines, long *bytes, long *lines);
bool ftp_send(struct ftp *ftp, const char *command, long bytes);

#endif
