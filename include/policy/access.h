/* What a session may do: the command classes, command lists, and patterns of names. */
#ifndef SOLOFTPD_POLICY_ACCESS_H
#define SOLOFTPD_POLICY_ACCESS_H

#include <stdbool.h>

#include "policy/config.h"

enum access_class {
	CLASS_SESSION,	/* always */
	CLASS_LIST,	/* read directories */
	CLASS_DOWNLOAD, /* read files */
	CLASS_UPLOAD,	/* make files */
	CLASS_MKDIR,	/* make directories */
	CLASS_MODIFY,	/* change or remove what is there */
	CLASS_SITE,	/* SITE, for sessions that are not anonymous */
	CLASS_CHMOD,	/* SITE CHMOD */
	CLASS_TIMES,	/* set times of files */
	CLASS_PASSIVE,	/* PASV, EPSV */
	CLASS_ACTIVE,	/* PORT, EPRT */
	CLASS_HASH,	/* digests of files */
	CLASS_HOST,	/* HOST */
	CLASS_TLS,	/* AUTH, PBSZ, PROT */
};

/* Whether the class is open to an anonymous or another session (guests without
 * virtual_use_local_privs count as anonymous). */
bool access_permits(const struct config *config, bool anonymous, enum access_class class);

/* Whether the server has what the class is for at all: what it has not is not implemented, and never forbidden. */
static inline bool access_offers(const struct config *config, enum access_class class)
{
	return (class != CLASS_HOST && class != CLASS_TLS) || access_permits(config, false, class);
}

/* Whether cmds_allowed and cmds_denied let the verb (upper case) pass after login. */
bool access_permits_verb(const struct config *config, const char *verb);

/* Whether deny_file forbids the name: `path` is absolute, and every one of its components counts. */
bool access_denies(const struct config *config, const char *path);

/* Whether hide_file keeps a directory entry out of listings. */
bool access_hides(const struct config *config, const char *name);

/* Whether upload_file (or download_file) admits the last component of `path`. */
bool access_permits_transfer(const struct config *config, const char *path, bool upload);

#endif
