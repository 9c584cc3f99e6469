#include "policy/config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "policy/options.h"
#include "system/file.h"

/* ---- notes ---- */

static void set_note(struct config_note *note, const char *file, unsigned line, unsigned column,
	const char *text, const char *subject)
{
	struct buffer b;

	buffer_start(&b, note->file, sizeof(note->file));
	buffer_string(&b, file);
	buffer_text(&b);
	buffer_start(&b, note->text, sizeof(note->text));
	buffer_string(&b, text);
	if (subject) {
		buffer_string(&b, ": ");
		buffer_string(&b, subject);
	}
	buffer_text(&b);
	note->line = line;
	note->column = column;
}

void config_blame(const struct config *config, enum option option, const char *text,
	struct config_note *out_note)
{
	struct origin origin = config->origin[option];

	set_note(out_note, config->sources[origin.source], origin.line, 0, option_rows[option].name,
		text);
}

void config_append_note(struct buffer *b, const struct config_note *note)
{
	buffer_string(b, note->file);
	buffer_byte(b, ':');
	if (note->line > 0) {
		buffer_number(b, note->line);
		buffer_byte(b, ':');
	}
	if (note->column > 0) {
		buffer_number(b, note->column);
		buffer_byte(b, ':');
	}
	buffer_byte(b, ' ');
	buffer_string(b, note->text);
}

/* ---- reading ---- */

/* One line being read. */
struct place {
	struct config *config;
	struct config_note *error;
	const char *file;
	uint16_t source;
	unsigned line;
	unsigned value_column; /* of the setting being read, from 1 */
	bool late;
	config_sink *sink; /* NULL: the first error ends the reading */
	void *context;
};

static void tolerate(struct place *at, const char *text, const char *subject)
{
	struct config *config = at->config;
	struct config_note note;

	if (at->sink) {
		set_note(&note, at->file, at->line, at->value_column, text, subject);
		at->sink(CONFIG_WARNING, &note, at->context);
		return;
	}
	if (config->note_count < CONFIG_NOTES)
		set_note(&config->notes[config->note_count], at->file, at->line, 0, text, subject);
	config->note_count++;
}

static int refuse(struct place *at, size_t column, const char *text, const char *subject)
{
	set_note(at->error, at->file, at->line, (unsigned)column, text, subject);
	return -EINVAL;
}

/* Keeps a copy of `text` for as long as the configuration lives; NULL when the space is used up. */
static const char *keep_string(struct config *config, const char *text)
{
	size_t size = strlen(text) + 1;
	char *kept = config->strings + config->string_size;

	if (size > CONFIG_STRINGS - config->string_size)
		return NULL;
	memmove(kept, text, size);
	config->string_size += size;
	return kept;
}

static bool is_word(const char *text, const char *a, const char *b, const char *c)
{
	return strcasecmp(text, a) == 0 || strcasecmp(text, b) == 0 || strcmp(text, c) == 0;
}

static int read_bool(struct place *at, enum option option, const char *value)
{
	if (is_word(value, "YES", "TRUE", "1"))
		*option_truth(at->config, option) = true;
	else if (is_word(value, "NO", "FALSE", "0"))
		*option_truth(at->config, option) = false;
	else
		return refuse(at, at->value_column, "bad bool value in config file for",
			option_rows[option].name);
	return 0;
}

/* vsftpd takes any number; one that can't be meant becomes the nearest that can. */
static unsigned into_range(struct place *at, const struct option_row *row, uint64_t number)
{
	if (number >= row->min && number <= row->max)
		return (unsigned)number;
	if (row->kind == OPTION_OCTAL) {
		tolerate(at, "out of range, the upper bits are ignored", row->name);
		return (unsigned)number & row->max;
	}
	tolerate(at, "out of range, the nearest value is used", row->name);
	return number < row->min ? row->min : row->max;
}

/* vsftpd's reading of a number: a leading 0 means octal, a minus sign wraps, and what follows the
 * digits is ignored; a value with trailing text is worth a note. */
static int read_number(struct place *at, enum option option, const char *value)
{
	const struct option_row *row = &option_rows[option];
	unsigned base = value[0] == '0' ? 8 : 10;
	bool negative = value[0] == '-';
	const char *digit = value + (negative || value[0] == '+');
	uint64_t number = 0;

	if (*digit < '0' || *digit > '9')
		return refuse(at, at->value_column, "bad number in config file for", row->name);
	for (; *digit >= '0' && *digit < (char)('0' + base); digit++)
		if (number <= UINT_MAX)
			number = number * base + (uint64_t)(*digit - '0');
	if (*digit)
		tolerate(at, "text behind the number is ignored", row->name);
	if (negative)
		number = (unsigned)-number;
	*option_number(at->config, option) = into_range(at, row, number);
	return 0;
}

static int read_string(struct place *at, enum option option, const char *value)
{
	const char *kept = NULL;

	if (*value) {
		kept = keep_string(at->config, value);
		if (!kept)
			return refuse(at, 0, "too much text in the configuration at",
				option_rows[option].name);
	}
	*option_string(at->config, option) = kept;
	return 0;
}

static int read_value(struct place *at, enum option option, const char *value)
{
	if (*value == '\0' && option_rows[option].kind != OPTION_STRING)
		return refuse(at, at->value_column, "missing value in config file for",
			option_rows[option].name);
	switch (option_rows[option].kind) {
	case OPTION_BOOL:
		return read_bool(at, option, value);
	case OPTION_NUMBER:
	case OPTION_OCTAL:
		return read_number(at, option, value);
	case OPTION_STRING:
		break;
	}
	return read_string(at, option, value);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* Ends `text` before its trailing blanks; returns whether there were any. */
static bool trim_end(char *text)
{
	size_t size = strlen(text), end = size;

	while (end > 0 && is_blank(text[end - 1]))
		end--;
	text[end] = '\0';
	return end < size;
}

static bool is_too_late(struct place *at, enum option option)
{
	if (!at->late || option_rows[option].reach != OPTION_START)
		return false;
	tolerate(at, "comes too late in a user's file and is ignored", option_rows[option].name);
	return true;
}

/* A name without "=": it unsets a string, as vsftpd has it. */
static int read_bare_name(struct place *at, char *name, size_t column)
{
	enum option option;

	(void)trim_end(name);
	option = config_option(name);
	if (option == OPTION_COUNT || option_rows[option].kind != OPTION_STRING)
		return refuse(at, column, "missing value in config file for", name);
	if (is_too_late(at, option))
		return 0;
	tolerate(at, "no \"=\": the option is unset", name);
	at->config->origin[option] = (struct origin){at->source, at->line};
	return read_string(at, option, "");
}

/* Sets one "key=value"; `setting` is cut up in place. */
static int read_setting(struct place *at, char *setting, size_t column)
{
	char *value = strchr(setting, '=');
	enum option option;
	bool blanks;
	int error;

	if (!value)
		return read_bare_name(at, setting, column);
	*value++ = '\0';
	if (column > 0)
		at->value_column = (unsigned)(column + (size_t)(value - setting));
	blanks = trim_end(setting);
	option = config_option(setting);
	if (option == OPTION_COUNT)
		return refuse(at, column, "unrecognised variable in config file", setting);
	if (is_blank(*value)) {
		value += strspn(value, " \t\r\f\v");
		blanks |= option_rows[option].kind != OPTION_STRING;
	}
	if (trim_end(value))
		blanks |= option_rows[option].kind != OPTION_STRING;
	if (blanks)
		tolerate(
			at, "blanks or a carriage return are ignored at", option_rows[option].name);
	if (is_too_late(at, option))
		return 0;
	error = read_value(at, option, value);
	if (error == 0)
		at->config->origin[option] = (struct origin){at->source, at->line};
	return error;
}

static int read_line(struct place *at, char *line)
{
	size_t indent = strspn(line, " \t\r\f\v");

	if (line[0] == '#' || line[indent] == '\0')
		return 0;
	if (line[indent] == '#') {
		tolerate(at, "an indented comment is ignored", NULL);
		return 0;
	}
	return read_setting(at, line + indent, indent + 1);
}

static int read_lines(struct place *at, char *text)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";

	if (strncmp(text, byte_order_mark, 3) == 0) {
		tolerate(at, "a byte order mark is ignored", NULL);
		text += 3;
	}
	while (*text) {
		char *end = text + strcspn(text, "\n");
		bool last = *end == '\0';
		int error;

		*end = '\0';
		at->line++;
		at->value_column = 0;
		error = read_line(at, text);
		if (error < 0 && !at->sink)
			return error;
		if (error < 0)
			at->sink(CONFIG_ERROR, at->error, at->context);
		text = last ? end : end + 1;
	}
	return 0;
}

static int add_source(struct place *at, const char *name)
{
	struct config *config = at->config;
	const char *kept;

	/* All settings of the command line share one. */
	for (unsigned i = 1; i < config->source_count; i++) {
		at->source = (uint16_t)i;
		if (strcmp(config->sources[i], name) == 0)
			return 0;
	}
	kept = keep_string(config, name);
	if (!kept || config->source_count == CONFIG_SOURCES)
		return refuse(at, 0, "too many configuration files", NULL);
	at->source = (uint16_t)config->source_count;
	config->sources[config->source_count++] = kept;
	return 0;
}

void config_mark_early(struct config *config)
{
	if (config->early_sources == 0)
		config->early_sources = config->source_count;
}

static const char *file_problem(int error)
{
	switch (error) {
	case -EFBIG:
		return "larger than 100000 bytes";
	case -EPERM:
		return "not owned by root, or writable by others";
	case -EINVAL:
		return "not a regular file";
	case -EILSEQ:
		return "has a NUL byte";
	default:
		return strerror(-error);
	}
}

/* The text is read to where its strings will be kept, behind the file's name: they move forward in it, over what has
 * been looked at. */
static int read_file(struct place *at)
{
	size_t name = strnlen(at->file, PATH_TEXT - 1) + 1, size;
	char *text = at->config->strings + at->config->string_size + name;
	int error = file_read(at->file, true, text, CONFIG_FILE_MAX + 1, &size);

	if (error < 0) {
		set_note(at->error, *at->file ? at->file : "(no file name)", 0, 0, "can't be read",
			file_problem(error));
		return error == -ENOENT ? -ENOENT : -EINVAL;
	}
	if (at->late)
		config_mark_early(at->config);
	error = add_source(at, at->file);
	return error < 0 ? error : read_lines(at, text);
}

int config_file(struct config *config, const char *file, bool late, struct config_note *out_error)
{
	struct place at = {.config = config, .error = out_error, .file = file, .late = late};

	return read_file(&at);
}

int config_file_all(
	struct config *config, const char *file, bool late, config_sink *sink, void *context)
{
	struct config_note error;
	struct place at = {.config = config,
		.error = &error,
		.file = file,
		.late = late,
		.sink = sink,
		.context = context};
	int status = read_file(&at);

	if (status < 0)
		sink(CONFIG_ERROR, &error, context);
	return status;
}

int config_setting(struct config *config, const char *setting, struct config_note *out_error)
{
	static char text[4096];
	struct place at = {.config = config, .error = out_error, .file = "-o"};
	struct buffer b;
	int error;

	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, setting);
	buffer_text(&b);
	if (b.cut)
		return refuse(&at, 0, "setting too long", NULL);
	error = add_source(&at, "-o");
	return error < 0 ? error : read_setting(&at, text, 0);
}

bool config_lists(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (list && *list) {
		size_t size;
		/* vsftpd takes blanks as part of a name; a denied command would pass for it. */
		list += strspn(list, ", \t");
		size = strcspn(list, ", \t");
		if (size == length && size > 0 && strncasecmp(list, word, length) == 0)
			return true;
		list += size;
	}
	return false;
}
