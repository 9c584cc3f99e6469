/*
 * One JSON object in one line (RFC 8259), made member by member in a bounded storage. Whatever the values are, the
 * object is valid: a member that does not fit is left out, a long text is cut, and either is said by a last member,
 * "cut":true.
 */
#ifndef SOLOFTPD_TEXT_JSON_H
#define SOLOFTPD_TEXT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/buffer.h"

struct json {
	struct buffer b;
	bool cut;
};

/* The smallest storage that an object can be begun in. */
#define JSON_LEAST 32

void json_start(struct json *json, char *storage, size_t capacity);

/* Adds a text, of which at most `limit` bytes are written; NULL adds nothing. Quotation marks, backslashes, control
 * characters (also U+007F to U+009F), line separators and marks of direction are escaped; all other UTF-8 stands
 * as it is. Each byte that is not UTF-8 becomes U+FFFD, and the member `key`_hex behind it has all bytes of the
 * text, as far as it was written. Keys are plain words. */
void json_string(struct json *json, const char *key, const char *text, size_t limit);

void json_number(struct json *json, const char *key, uint64_t value);
void json_truth(struct json *json, const char *key, bool value);

/* Microseconds, written as seconds with six digits behind the point; less than none are none. */
void json_seconds(struct json *json, const char *key, int64_t microseconds);

/* Ends the object with its LF: json->b has the line. */
void json_end(struct json *json);

#endif
