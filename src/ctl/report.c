#include "ctl/report.h"

#include <stdio.h>
#include <string.h>

#include "policy/options.h"
#include "system/process.h"
#include "text/distance.h"

void report_start(struct report *report, bool json)
{
	*report = (struct report){.json = json, .colour = !json && process_on_terminal()};
	if (json)
		fputs("[", stdout);
}

static void print_json_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte == '"' || byte == '\\')
			putchar('\\');
		/* Bytes that may be no UTF-8 are given one by one. */
		if (byte < 0x20 || byte >= 0x7f)
			printf("\\u%04x", byte);
		else
			putchar(byte);
	}
	putchar('"');
}

static void print_json(const char *severity, const struct config_note *note, bool first)
{
	printf("%s\n {\"file\": ", first ? "" : ",");
	print_json_text(note->file);
	printf(", \"line\": %u, \"column\": %u, \"severity\": \"%s\", \"text\": ", note->line,
		note->column, severity);
	print_json_text(note->text);
	putchar('}');
}

/* A file's text must not steer the terminal. */
static void print_plain(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void print_line(
	const struct report *report, const char *severity, const struct config_note *note)
{
	bool error = strcmp(severity, "error") == 0;
	const char *on = error ? "\033[1;31m" : "\033[1;33m";

	print_plain(note->file);
	putchar(':');
	if (note->line > 0)
		printf("%u:", note->line);
	if (note->column > 0)
		printf("%u:", note->column);
	printf(" %s%s:%s ", report->colour ? on : "", severity, report->colour ? "\033[0m" : "");
	print_plain(note->text);
	putchar('\n');
}

/* The option whose name is nearest to a misspelt one, if it is near enough to be meant. */
static const char *probable_name(const char *wrong)
{
	const char *best = NULL;
	unsigned least = 4;

	for (enum option option = 0; option < OPTION_COUNT; option++) {
		unsigned distance = distance_between(wrong, config_name(option));
		if (distance < least && distance < strlen(wrong)) {
			least = distance;
			best = config_name(option);
		}
	}
	return best;
}

/* What vsftpd makes of a line that soloftpd puts up with. */
static const char *vsftpd_would(const char *text)
{
	static const char *const dies[] = {
		"blanks or a carriage return", "an indented comment", "a byte order mark"};

	for (size_t i = 0; i < sizeof(dies) / sizeof(dies[0]); i++)
		if (strncmp(text, dies[i], strlen(dies[i])) == 0)
			return " (vsftpd would refuse every client)";
	return "";
}

static void add_hint(struct config_note *note)
{
	static const char start[] = "unrecognised variable in config file: ";
	const char *name = NULL, *more = vsftpd_would(note->text);
	struct buffer b;

	if (strncmp(note->text, start, sizeof(start) - 1) == 0)
		name = probable_name(note->text + sizeof(start) - 1);
	buffer_start(&b, note->text, sizeof(note->text));
	b.size = strlen(note->text);
	buffer_string(&b, more);
	if (name) {
		buffer_string(&b, " (did you mean ");
		buffer_string(&b, name);
		buffer_string(&b, "?)");
	}
	buffer_text(&b);
}

void report_problem(enum config_severity severity, const struct config_note *note, void *context)
{
	struct report *report = context;
	const char *word = severity == CONFIG_ERROR ? "error" : "warning";
	struct config_note copy = *note;

	add_hint(&copy);
	if (report->json)
		print_json(word, &copy, report->errors + report->warnings == 0);
	else
		print_line(report, word, &copy);
	if (severity == CONFIG_ERROR)
		report->errors++;
	else
		report->warnings++;
}

void report_warning(
	struct report *report, const struct config *config, enum option option, const char *text)
{
	struct config_note note;

	config_blame(config, option, text, &note);
	report_problem(CONFIG_WARNING, &note, report);
}

int report_end(struct report *report)
{
	if (report->json)
		fputs("\n]\n", stdout);
	else if (report->errors + report->warnings == 0)
		puts("no problems found");
	else
		printf("%u errors, %u warnings\n", report->errors, report->warnings);
	if (report->errors > 0)
		return 2;
	return report->warnings > 0 ? 1 : 0;
}
