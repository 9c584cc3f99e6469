#include "commands/table.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

const struct command command_table[] = {
#define COMMAND(verb, handle, argument, phase, class, after, feature, syntax)                      \
	{#verb, ARGUMENT_##argument, PHASE_##phase, CLASS_##class, AFTER_##after, handle, feature, \
		syntax},
#include "commands.def"
#undef COMMAND
};

const size_t command_count = sizeof(command_table) / sizeof(command_table[0]);

/* A verb as a number, so that one comparison takes the place of a call. */
static uint64_t number_of(const char verb[8])
{
	uint64_t number;

	memcpy(&number, verb, sizeof(number));
	return be64toh(number);
}

const struct command *command_find(const char *verb)
{
	char eight[sizeof(uint64_t)] = {0};

	memcpy(eight, verb, strnlen(verb, sizeof(eight)));
	return command_of(eight);
}

const struct command *command_of(const char verb[8])
{
	const uint64_t wanted = number_of(verb);
	size_t low = 0, high = command_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		uint64_t number = number_of(command_table[middle].verb);
		if (number == wanted)
			return &command_table[middle];
		if (wanted < number)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
