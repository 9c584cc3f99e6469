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

/* A verb as a number, so that one comparison takes the place of a call. Rows end with a NUL among their eight bytes. */
static uint64_t row_number(const struct command *row)
{
	uint64_t number;

	memcpy(&number, row->verb, sizeof(number));
	return be64toh(number);
}

/* The same of any text; a longer one has the number of no row. */
static uint64_t number_of(const char *verb)
{
	uint64_t number = 0;

	for (unsigned shift = 64; shift > 0 && *verb; verb++) {
		shift -= 8;
		number |= (uint64_t)(unsigned char)*verb << shift;
	}
	return number;
}

const struct command *command_find(const char *verb)
{
	const uint64_t wanted = number_of(verb);
	size_t low = 0, high = command_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		uint64_t number = row_number(&command_table[middle]);
		if (number == wanted)
			return &command_table[middle];
		if (wanted < number)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
