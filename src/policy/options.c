#include "policy/options.h"

#include <string.h>

#define FACTS(name, on, kind, effect, reach) \
#name, on, OPTION_##kind, OPTION_##effect, OPTION_##reach, offsetof(struct config, name)

const struct option_row option_rows[OPTION_COUNT] = {
#define BOOL(name, solo, vs, effect, reach, help) {FACTS(name, solo, BOOL, effect, reach), 0, 1},
#define NUMBER(name, solo, vs, min, max, effect, reach, help) \
	{FACTS(name, false, NUMBER, effect, reach), min, max},
#define OCTAL(name, solo, vs, min, max, effect, reach, help) \
	{FACTS(name, false, OCTAL, effect, reach), min, max},
#define STRING(name, solo, vs, effect, reach, help) \
	{FACTS(name, false, STRING, effect, reach), 0, 0},
#include "options.def"
#undef BOOL
#undef NUMBER
#undef OCTAL
#undef STRING
};

_Static_assert(offsetof(struct config, strings) <= UINT16_MAX, "offsets of options");

/* Few have one. */
const char *option_reason(enum option option)
{
#define SAY(name, effect, help)                                           \
	if (option == OPTION_##name && OPTION_##effect == OPTION_REFUSED) \
		return help;
#define BOOL(name, solo, vs, effect, reach, help) SAY(name, effect, help)
#define NUMBER(name, solo, vs, min, max, effect, reach, help) SAY(name, effect, help)
#define OCTAL(name, solo, vs, min, max, effect, reach, help) SAY(name, effect, help)
#define STRING(name, solo, vs, effect, reach, help) SAY(name, effect, help)
#include "options.def"
#undef BOOL
#undef NUMBER
#undef OCTAL
#undef STRING
	return NULL;
}

bool *option_truth(struct config *config, enum option option)
{
	return (bool *)((char *)config + option_rows[option].offset);
}

unsigned *option_number(struct config *config, enum option option)
{
	return (unsigned *)(void *)((char *)config + option_rows[option].offset);
}

const char **option_string(struct config *config, enum option option)
{
	return (const char **)(void *)((char *)config + option_rows[option].offset);
}

union setting option_value(const struct config *config, enum option option)
{
	const char *at = (const char *)config + option_rows[option].offset;
	union setting value = {.string = NULL};

	switch (option_rows[option].kind) {
	case OPTION_BOOL:
		value.truth = *(const bool *)at;
		break;
	case OPTION_NUMBER:
	case OPTION_OCTAL:
		value.number = *(const unsigned *)(const void *)at;
		break;
	case OPTION_STRING:
		value.string = *(const char *const *)(const void *)at;
		break;
	}
	return value;
}

void config_defaults(struct config *config, const char *daemon)
{
	bool vsftpd = strcmp(daemon, "vsftpd") == 0;

	config->string_size = 0;
	config->note_count = 0;
	config->sources[0] = "default";
	config->source_count = 1;
	memset(config->origin, 0, sizeof(config->origin));
#define BOOL(name, solo, vs, effect, reach, help) config->name = vsftpd ? vs : solo;
#define NUMBER(name, solo, vs, min, max, effect, reach, help) config->name = vsftpd ? vs : solo;
#define OCTAL(name, solo, vs, min, max, effect, reach, help) config->name = vsftpd ? vs : solo;
#define STRING(name, solo, vs, effect, reach, help) config->name = vsftpd ? vs : solo;
#include "options.def"
#undef BOOL
#undef NUMBER
#undef OCTAL
#undef STRING
}

enum option config_option(const char *name)
{
	int low = 0, high = OPTION_COUNT;

	while (low < high) {
		int middle = (low + high) / 2;
		int order = strcmp(name, option_rows[middle].name);
		if (order == 0)
			return (enum option)middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return OPTION_COUNT;
}

const char *config_name(enum option option)
{
	return option_rows[option].name;
}

enum option_kind config_kind(enum option option)
{
	return option_rows[option].kind;
}

enum option_effect config_effect(enum option option)
{
	return option_rows[option].effect;
}

enum option_reach config_reach(enum option option)
{
	return option_rows[option].reach;
}

void config_print(const struct config *config, enum option option, struct buffer *b)
{
	union setting value = option_value(config, option);

	switch (option_rows[option].kind) {
	case OPTION_BOOL:
		buffer_string(b, value.truth ? "YES" : "NO");
		break;
	case OPTION_NUMBER:
		buffer_number(b, value.number);
		break;
	case OPTION_OCTAL:
		buffer_byte(b, '0');
		if (value.number > 0)
			buffer_octal(b, value.number);
		break;
	case OPTION_STRING:
		if (value.string)
			buffer_string(b, value.string);
		break;
	}
}
