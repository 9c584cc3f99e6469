/* The process as the super-server leaves it to us: descriptors, environment, title. */
#ifndef SOLOFTPD_SYSTEM_PROCESS_H
#define SOLOFTPD_SYSTEM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/address.h"

/* Takes the socket that is descriptor 0: moves it to a descriptor above 2, closes all others the
 * parent left open, and points 0, 1 and 2 at /dev/null, so that nothing a library prints can reach
 * the client. Returns the new descriptor, which the caller owns, or -errno. */
int process_take_socket(void);

/* Empties the environment (the super-server's own comes with it), sets the umask to 077, leaves the
 * parent's session and forbids core dumps: from here on a password may be in memory. */
void process_clean(void);

/* Lets the process make no other process, and hold no more descriptors than a session needs. Returns 0 or -errno. */
int process_restrict(void);

/* Gives back to the kernel what is free in the heap, and the stack below the caller: what a login took, and the secrets that were
 * there. */
void process_shed_memory(void);

/* A variable of the environment, or NULL. The text stays valid until process_clean. */
const char *process_variable(const char *name);

/* The configuration file that the environment names: SOLOFTPD_LOAD_CONF's, or else VSFTPD_LOAD_CONF's;
 * NULL if neither is set. Valid as process_variable's text is. */
const char *process_load_file(void);

/* A copy of it, cut to PATH_TEXT, which outlives the environment. */
const char *process_keep_load_file(void);

bool process_is_root(void);

/* Whether standard output is a terminal. */
bool process_on_terminal(void);

int process_id(void);

/* The processor time that this process has used, in milliseconds. */
int64_t process_milliseconds(void);

/* Fills `bytes` with randomness nobody can foresee (at most 256 bytes). Returns 0 or -errno. */
int process_random(void *bytes, size_t size);

/* Remembers the memory behind main's argv and environment for process_title, which overwrites it:
 * nothing may point into it any more by then. Called before process_clean. */
void process_title_start(int argc, char **argv);

/* Shows "soloftpd: <text>" in the process list, as far as that memory reaches. */
void process_title(const char *text);

#endif
