/* The help of options.def's rows, which sessions have no use for. */
#include "policy/options.h"

static const char *const help[OPTION_COUNT] = {
#define BOOL(name, solo, vs, effect, reach, text) text,
#define NUMBER(name, solo, vs, min, max, effect, reach, text) text,
#define OCTAL(name, solo, vs, min, max, effect, reach, text) text,
#define STRING(name, solo, vs, effect, reach, text) text,
#include "options.def"
#undef BOOL
#undef NUMBER
#undef OCTAL
#undef STRING
};

const char *config_help(enum option option)
{
	return help[option];
}
