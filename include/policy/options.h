/* The rows of options.def as a table: policy/config's own, and the administrator's tools'. */
#ifndef SOLOFTPD_POLICY_OPTIONS_H
#define SOLOFTPD_POLICY_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "policy/config.h"

enum option_kind { OPTION_BOOL, OPTION_NUMBER, OPTION_OCTAL, OPTION_STRING };
enum option_effect { OPTION_LIVE, OPTION_TLS, OPTION_MOOT, OPTION_REFUSED };
enum option_reach { OPTION_START, OPTION_SESSION };

union setting {
	bool truth;
	unsigned number;
	const char *string;
};

/* Without pointers, which would have to be relocated at every start. */
struct option_row {
	char name[27];
	bool on;		     /* soloftpd's default of a BOOL */
	uint8_t kind, effect, reach; /* enum option_kind and so on */
	uint16_t offset;	     /* of the value in struct config */
	unsigned min, max;
};

extern const struct option_row option_rows[OPTION_COUNT];

/* Where the option's value is kept; each for options of that kind alone. */
bool *option_truth(struct config *config, enum option option);
unsigned *option_number(struct config *config, enum option option);
const char **option_string(struct config *config, enum option option);

/* The option's present value. */
union setting option_value(const struct config *config, enum option option);

/* Facts of a row. */
const char *config_name(enum option option);
enum option_kind config_kind(enum option option);
enum option_effect config_effect(enum option option);
enum option_reach config_reach(enum option option);

/* Why an option is refused; NULL if it is not. */
const char *option_reason(enum option option);

/* The row's line of help: for the administrator's tools, which alone link it. */
const char *config_help(enum option option);

#endif
