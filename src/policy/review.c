/* What only the whole configuration can tell (policy/config.h). */
#include <errno.h>
#include <string.h>

#include "policy/options.h"
#include "system/process.h"
#include "text/network.h"
#include "text/pattern.h"

/* Collects what is wrong with a whole configuration. */
struct review {
	const struct config *config;
	config_sink *sink;
	void *context;
};

static void tell(const struct review *review, enum option option, const char *text)
{
	struct config_note note;

	config_blame(review->config, option, text, &note);
	review->sink(CONFIG_ERROR, &note, review->context);
}

/* Asked of every option in every session, and hardly ever answered: the note is tell's. */
static void object(const struct review *review, bool wrong, enum option option, const char *text)
{
	if (wrong)
		tell(review, option, text);
}

static bool differs_from_default(const struct config *config, enum option option)
{
	/* A refused option has one default, whatever the program is called. */
	union setting value = option_value(config, option);

	return option_rows[option].kind == OPTION_BOOL && value.truth != option_rows[option].on;
}

static void review_refused(const struct review *review)
{
	for (enum option option = 0; option < OPTION_COUNT; option++)
		object(review,
			option_rows[option].effect == OPTION_REFUSED &&
				differs_from_default(review->config, option),
			option, option_reason(option));
}

/* A pattern too long to match anything would quietly deny or hide nothing. */
static void review_patterns(const struct review *review)
{
	static const enum option patterns[] = {
		OPTION_deny_file, OPTION_hide_file, OPTION_upload_file, OPTION_download_file};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		const char *pattern = option_value(review->config, patterns[i]).string;
		object(review, pattern && strlen(pattern) > PATTERN_MAX, patterns[i],
			"pattern longer than 1024 bytes");
	}
}

static void review_networks(const struct review *review)
{
	const char *list = review->config->pasv_local_networks;

	object(review, list && network_check(list) < 0, OPTION_pasv_local_networks,
		"is not a list of networks such as 10.0.0.0/8");
}

/* Of two options the one whose value comes from the later layer: it has the last word. */
static enum option later_of(const struct config *config, enum option a, enum option b)
{
	return config->origin[b].source > config->origin[a].source ? b : a;
}

void config_review(const struct config *config, config_sink *sink, void *context)
{
	struct review review = {config, sink, context};

	review_refused(&review);
	review_patterns(&review);
	review_networks(&review);
	object(&review, !config->anonymous_enable && !config->local_enable,
		later_of(config, OPTION_local_enable, OPTION_anonymous_enable),
		"both local_enable and anonymous_enable are NO: nobody could log in");
	object(&review, config->ssl_enable && config->ssl_cert_user && !config->ca_certs_file,
		OPTION_ssl_cert_user, "needs ca_certs_file: anybody can make a certificate");
	object(&review, config->chown_uploads && !config->seccomp_sandbox, OPTION_chown_uploads,
		"needs seccomp_sandbox, which keeps the privilege to this one use");
	object(&review, config->run_as_launching_user && process_is_root(),
		OPTION_run_as_launching_user,
		"is for a user other than root: root has no jail then");
	object(&review, config->run_as_launching_user && config->local_enable,
		OPTION_run_as_launching_user,
		"local_enable needs root, which this option gives up");
}

struct first_error {
	struct config_note *note;
	bool found;
};

static void keep_first(enum config_severity severity, const struct config_note *note, void *context)
{
	struct first_error *first = context;

	(void)severity;
	if (!first->found)
		*first->note = *note;
	first->found = true;
}

int config_validate(const struct config *config, struct config_note *out_error)
{
	struct first_error first = {.note = out_error};

	config_review(config, keep_first, &first);
	return first.found ? -EINVAL : 0;
}
