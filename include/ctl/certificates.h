/* A file of certificates, and its key, as soloftpctl check looks at them. */
#ifndef SOLOFTPD_CTL_CERTIFICATES_H
#define SOLOFTPD_CTL_CERTIFICATES_H

#include <stdbool.h>

#include "ctl/report.h"

/* What is being looked at: the blame goes to an option, or to a file that no option names. */
struct certificates_subject {
	const struct config *config;
	struct report *report;
	enum option option; /* OPTION_COUNT: none */
	const char *file;
};

void certificates_tell(const struct certificates_subject *subject, enum config_severity severity,
	const char *text);

/* The same, in three parts. */
void certificates_tell_about(const struct certificates_subject *subject,
	enum config_severity severity, const char *before, const char *name, const char *after);

/* Bytes for a type of key. */
#define CERTIFICATES_KEY 16

/* Tells all that is wrong with a file of certificates, or about to be: times, strength, order, names, and the key in
 * `key_file`, for which `key_option` is blamed. `name` is what clients call the server, or NULL. Leaves the type of
 * the key in `out_type`, an empty string where the file has no certificate. */
void certificates_check_file(const struct certificates_subject *subject, enum option key_option,
	const char *key_file, const char *name, char *out_type);

/* Whether this process may not read the key, and root might: then a session's view can't be had. */
bool certificates_is_hidden(const char *key_file);

/* Whether others than its owner may change the file: a warning. */
void certificates_check_writable(const struct certificates_subject *subject);

#endif
