/* The rows of commands.def as a table. */
#ifndef SOLOFTPD_COMMANDS_TABLE_H
#define SOLOFTPD_COMMANDS_TABLE_H

#include <stddef.h>

#include "control/reply.h"
#include "policy/access.h"
#include "session.h"

enum argument {
	ARGUMENT_NONE,
	ARGUMENT_WORD,
	ARGUMENT_NUMBER,
	ARGUMENT_PATH,
	ARGUMENT_TEXT,
	ARGUMENT_OPTIONAL,
	ARGUMENT_OPTPATH
};

enum phase { PHASE_ANY, PHASE_IN };
enum after { AFTER_CLEAR, AFTER_RESTART, AFTER_RENAME };

/* A handler is called with a permitted, well-shaped call and returns its one final reply; the
 * argument, "" if there is none, lives until it returns. */
typedef struct reply handler(struct session *session, const char *argument);

struct command {
	char verb[8];
	enum argument argument;
	enum phase phase;
	enum access_class class;
	enum after after;
	handler *handle;
	const char *feature; /* for FEAT, or NULL */
	const char *syntax;
};

extern const struct command command_table[];
extern const size_t command_count;

/* The row of an upper-case verb, or NULL; command_of: of one that is filled up with NULs, as rows are. */
const struct command *command_find(const char *verb);
const struct command *command_of(const char verb[8]);

#define COMMAND(verb, handle, argument, phase, class, after, feature, syntax) handler handle;
#include "commands.def"
#undef COMMAND

#endif
