/*
 * policy/config: what is printed of a configuration reads back as the same; a fault has a place in the file; telling
 * all faults and stopping at the first agree.
 *
 * Input: the text of a configuration file. A first byte 0x01 makes it a user's file, 0x02 vsftpd's; both are left out.
 */
#include <ctype.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "policy/config.h"
#include "policy/options.h"

static char name[64]; /* of the file that is read */
static int file = -1;

static void write_file(const void *bytes, size_t size)
{
	if (file < 0) {
		file = memfd_create("configuration", MFD_CLOEXEC);
		must(file >= 0 && fchmod(file, 0600) == 0);
		snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	}
	must(ftruncate(file, 0) == 0);
	must(pwrite(file, bytes, size, 0) == (ssize_t)size);
}

/* ---- faults ---- */

struct faults {
	unsigned errors;
	struct config_note first;
	const char *text;
	size_t size;
};

/* The size of a line, or as many lines as there are when there are not so many. */
static size_t line_size(const char *text, size_t size, unsigned line)
{
	const char *end = text + size, *stop = text;

	for (unsigned i = 1; (stop = memchr(text, '\n', (size_t)(end - text))) && i < line; i++)
		text = stop + 1;
	return (size_t)((stop ? stop : end) - text);
}

static void must_be_in(const struct config_note *note, const char *text, size_t size)
{
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	must(strcmp(note->file, name) == 0);
	must(note->line <= lines && (note->column == 0 || note->line > 0));
	must(note->text[0] != '\0' && memchr(note->text, '\0', sizeof(note->text)));
	/* Behind a "=" that ends the line; a byte order mark is not counted. */
	if (note->column > 0)
		must(note->column <= line_size(text, size, note->line) + 1);
}

static void hear(enum config_severity severity, const struct config_note *note, void *context)
{
	struct faults *faults = context;

	must_be_in(note, faults->text, faults->size);
	if (severity == CONFIG_ERROR && faults->errors++ == 0)
		faults->first = *note;
}

static void count_errors(
	enum config_severity severity, const struct config_note *note, void *context)
{
	unsigned *errors = context;

	*errors += severity == CONFIG_ERROR;
	must(note->text[0] != '\0');
}

static void check_note(const struct config_note *note)
{
	struct buffer b = exact_buffer(sizeof(*note) + 32);

	config_append_note(&b, note);
	must(!b.cut && strstr(buffer_text(&b), note->text));
	free(b.data);
}

/* ---- values ---- */

static bool same_value(const struct config *a, const struct config *b, enum option option)
{
	union setting x = option_value(a, option), y = option_value(b, option);

	switch (config_kind(option)) {
	case OPTION_BOOL:
		return x.truth == y.truth;
	case OPTION_NUMBER:
	case OPTION_OCTAL:
		return x.number == y.number;
	case OPTION_STRING:
		break;
	}
	return x.string && y.string ? strcmp(x.string, y.string) == 0 : x.string == y.string;
}

static void check_values(const struct config *config)
{
	for (enum option option = 0; option < OPTION_COUNT; option++) {
		const struct option_row *row = &option_rows[option];
		struct origin origin = config->origin[option];
		must(origin.source < config->source_count);
		must(config_option(config_name(option)) == option);
		if (row->kind == OPTION_NUMBER || row->kind == OPTION_OCTAL) {
			unsigned number = option_value(config, option).number;
			must(origin.source == 0 || (number >= row->min && number <= row->max));
		} else if (row->kind == OPTION_STRING && origin.source > 0) {
			const char *text = option_value(config, option).string;
			must(!text || (*text && !strchr(text, '\n')));
			/* What could not be seen in the file is not in the value. */
			must(!text || (!isspace((unsigned char)text[0]) &&
					      !isspace((unsigned char)text[strlen(text) - 1])));
		}
	}
}

/* Everything printed as lines; these must be read without a fault, and say the same. */
static void check_print(const struct config *config, const char *daemon)
{
	static char text[CONFIG_FILE_MAX];
	static struct config again;
	struct config_note error;
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	for (enum option option = 0; option < OPTION_COUNT; option++) {
		buffer_string(&b, config_name(option));
		buffer_byte(&b, '=');
		config_print(config, option, &b);
		buffer_byte(&b, '\n');
	}
	if (b.cut)
		return;
	write_file(b.data, b.size);
	config_defaults(&again, daemon);
	must(config_file(&again, name, false, &error) == 0);
	must(again.note_count == 0);
	for (enum option option = 0; option < OPTION_COUNT; option++)
		must(same_value(config, &again, option));
}

static void check_whole(const struct config *config)
{
	struct config_note error;
	unsigned errors = 0;
	int status = config_validate(config, &error);

	must(status == 0 || status == -EINVAL);
	if (status < 0)
		check_note(&error);
	config_review(config, count_errors, &errors);
	must((status < 0) == (errors > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct config config, all;
	struct input in = {bytes, size};
	unsigned first = size > 0 && bytes[0] < 4 ? take_byte(&in) : 0;
	const char *daemon = first & 2 ? "vsftpd" : "soloftpd";
	bool late = first & 1;
	struct faults faults = {.text = (const char *)in.bytes, .size = in.size};
	struct config_note error;
	int status;

	write_file(in.bytes, in.size);
	config_defaults(&config, daemon);
	config_defaults(&all, daemon);
	status = config_file(&config, name, late, &error);
	config_file_all(&all, name, late, hear, &faults);
	must(status == 0 || status == -EINVAL);
	must((status < 0) == (faults.errors > 0));
	if (status < 0) {
		must_be_in(&error, faults.text, faults.size);
		must(error.line == faults.first.line && error.column == faults.first.column);
		must(strcmp(error.text, faults.first.text) == 0);
		check_note(&error);
		return 0;
	}
	for (unsigned i = 0; i < config.note_count && i < CONFIG_NOTES; i++)
		must_be_in(&config.notes[i], faults.text, faults.size);
	for (enum option option = 0; option < OPTION_COUNT; option++)
		must(same_value(&config, &all, option));
	check_values(&config);
	check_whole(&config);
	check_print(&config, daemon);
	return 0;
}
