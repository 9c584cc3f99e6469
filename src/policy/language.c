#include "policy/language.h"

#include <errno.h>

#include "system/charset.h"

int language_settle(const struct config *config, struct config_note *out_error)
{
	int error = charset_open(config->client_charset);

	if (error == 0)
		return 0;
	config_blame(config, OPTION_client_charset,
		error == -EPROTO ? "is a character set without ASCII"
				 : "is no character set that iconv knows",
		out_error);
	return -EINVAL;
}
