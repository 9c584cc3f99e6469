/* What a configuration that is not wrong may still get wrong: settings without effect, files that are
 * missing or not what they seem. */
#ifndef SOLOFTPD_CTL_ADVICE_H
#define SOLOFTPD_CTL_ADVICE_H

#include "ctl/report.h"

/* Tells `report` all that is worth a warning, or an error where a login would fail. `daemon` is the name
 * the program would be called by. */
void advice_give(const struct config *config, const char *daemon, struct report *report);

#endif
