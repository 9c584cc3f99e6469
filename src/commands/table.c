#include "commands/table.h"

#include <string.h>

const struct command command_table[] = {
#define COMMAND(verb, handle, argument, phase, class, after, feature, syntax)                      \
	{#verb, ARGUMENT_##argument, PHASE_##phase, CLASS_##class, AFTER_##after, handle, feature, \
		syntax},
#include "commands.def"
#undef COMMAND
};

const size_t command_count = sizeof(command_table) / sizeof(command_table[0]);

const struct command *command_find(const char *verb)
{
	size_t low = 0, high = command_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(verb, command_table[middle].verb);
		if (order == 0)
			return &command_table[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
