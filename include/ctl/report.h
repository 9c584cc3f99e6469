/* Problems as the administrator reads them: lines for people, or JSON for programs. */
#ifndef SOLOFTPD_CTL_REPORT_H
#define SOLOFTPD_CTL_REPORT_H

#include <stdbool.h>

#include "policy/config.h"

struct report {
	bool json;
	bool colour;
	unsigned errors, warnings;
};

/* Starts a report on standard output; `json` chooses the form, colours are used on a terminal. */
void report_start(struct report *report, bool json);

/* A config_sink: prints one problem. `context` is the report. A misspelt option is answered with the
 * name that was probably meant. */
config_sink report_problem;

/* A warning about the present value of `option`. */
void report_warning(
	struct report *report, const struct config *config, enum option option, const char *text);

/* Ends the report. Returns the exit status: 0 nothing, 1 warnings only, 2 errors. */
int report_end(struct report *report);

#endif
