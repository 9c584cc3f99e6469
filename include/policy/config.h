/*
 * What the administrator decided: vsftpd.conf's language, in layers. Every value keeps its origin, so that a problem
 * can be reported as file:line. Later layers win: built-in defaults, the files of the command line, its -o settings,
 * the file of the server's address, the file TCP wrappers chose, the user's file.
 */
#ifndef SOLOFTPD_POLICY_CONFIG_H
#define SOLOFTPD_POLICY_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/buffer.h"
#include "text/path.h"

/* The option's number is its row's place in options.def. */
enum option {
#define BOOL(name, solo, vs, effect, reach, help) OPTION_##name,
#define NUMBER(name, solo, vs, min, max, effect, reach, help) OPTION_##name,
#define OCTAL(name, solo, vs, min, max, effect, reach, help) OPTION_##name,
#define STRING(name, solo, vs, effect, reach, help) OPTION_##name,
#include "options.def"
#undef BOOL
#undef NUMBER
#undef OCTAL
#undef STRING
	OPTION_COUNT
};

/* Where a value came from. */
struct origin {
	uint16_t source; /* index into config.sources; 0 is "default" */
	uint32_t line;	 /* from 1; 0 where the source has no lines */
};

/* A problem, or something tolerated, with its place. */
struct config_note {
	char file[256];
	unsigned line;	 /* from 1; 0: the file as a whole */
	unsigned column; /* from 1; 0: the line as a whole */
	char text[256];
};

#define CONFIG_SOURCES 72
#define CONFIG_NOTES 8
#define CONFIG_STRINGS 262144

/* The largest configuration or list file, in bytes (vsftpd stops reading there; this is an error). */
#define CONFIG_FILE_MAX 100000

struct config {
#define BOOL(name, solo, vs, effect, reach, help) bool name;
#define NUMBER(name, solo, vs, min, max, effect, reach, help) unsigned name;
#define OCTAL(name, solo, vs, min, max, effect, reach, help) unsigned name;
#define STRING(name, solo, vs, effect, reach, help) const char *name;
#include "options.def"
#undef BOOL
#undef NUMBER
#undef OCTAL
#undef STRING
	struct origin origin[OPTION_COUNT];
	const char *sources[CONFIG_SOURCES]; /* names of the layers read so far */
	unsigned source_count;
	unsigned early_sources; /* those read before the client could say anything; 0: all */
	unsigned note_count;	/* may exceed CONFIG_NOTES: the rest was dropped */
	/* What is large comes last. All string values and source names; behind them the file being read, with its name. */
	size_t string_size;
	char strings[CONFIG_STRINGS + PATH_TEXT + CONFIG_FILE_MAX + 1];
	struct config_note notes[CONFIG_NOTES]; /* tolerated where vsftpd would have died */
};

/* Marks all layers so far as early, once: later ones can't open the walls that stand by then. A late file does it. */
void config_mark_early(struct config *config);

/* Starts with the defaults of the program called `daemon` ("vsftpd" has its own). */
void config_defaults(struct config *config, const char *daemon);

/* Reads a file on top. `late` marks the user's own file: options of reach START are not changed by it,
 * and a note says so. The file must be a regular file of the effective user's, or of root's, that no
 * one else may write to. Returns 0; -ENOENT if there is no such file; -EINVAL for any other problem.
 * `out_error` is filled in for both. */
int config_file(struct config *config, const char *file, bool late, struct config_note *out_error);

/* For tools: `sink` is told every problem, and reading goes on. Its note lives until it returns. */
enum config_severity { CONFIG_ERROR, CONFIG_WARNING };
typedef void config_sink(
	enum config_severity severity, const struct config_note *note, void *context);

/* config_file that way. Returns -ENOENT or -EINVAL when the file can't be read at all, else 0. */
int config_file_all(
	struct config *config, const char *file, bool late, config_sink *sink, void *context);

/* One KEY=VALUE of the command line on top. Returns 0 or -EINVAL with `out_error`. */
int config_setting(struct config *config, const char *setting, struct config_note *out_error);

/* Checks what only the whole can tell: refused options, contradictions, ranges. Returns 0 or -EINVAL
 * with `out_error` at the origin of the value to blame. */
int config_validate(const struct config *config, struct config_note *out_error);

/* config_validate for the administrator's tools: tells everything. */
void config_review(const struct config *config, config_sink *sink, void *context);

/* The option called `name`, or OPTION_COUNT. */
enum option config_option(const char *name);

/* Appends the option's present value as the language writes it (nothing for an unset string). */
void config_print(const struct config *config, enum option option, struct buffer *b);

/* Fills in a note that blames the present value of `option`. */
void config_blame(const struct config *config, enum option option, const char *text,
	struct config_note *out_note);

/* Appends a note as "file:line:column: text", leaving out what is 0. */
void config_append_note(struct buffer *b, const struct config_note *note);

/* Whether `word` (any case) is an element of `list`, which commas and blanks separate; NULL has none. */
bool config_lists(const char *list, const char *word);

#endif
