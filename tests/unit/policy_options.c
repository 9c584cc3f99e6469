/* options: the book itself, every row of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "policy/config.h"
#include "policy/options.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The book once more, independent of the code that reads it. */
struct row {
	const char *name;
	enum option_kind kind;
	enum option_effect effect;
	enum option_reach reach;
	unsigned min, max;
	unsigned long solo, vs; /* of a string: whether it has a default */
	const char *solo_text, *vs_text, *help;
};

static const struct row rows[] = {
#define BOOL(name, solo, vs, effect, reach, help) \
	{#name, OPTION_BOOL, OPTION_##effect, OPTION_##reach, 0, 1, solo, vs, NULL, NULL, help},
#define NUMBER(name, solo, vs, min, max, effect, reach, help)                                   \
	{#name, OPTION_NUMBER, OPTION_##effect, OPTION_##reach, min, max, solo, vs, NULL, NULL, \
		help},
#define OCTAL(name, solo, vs, min, max, effect, reach, help)                                   \
	{#name, OPTION_OCTAL, OPTION_##effect, OPTION_##reach, min, max, solo, vs, NULL, NULL, \
		help},
#define STRING(name, solo, vs, effect, reach, help) \
	{#name, OPTION_STRING, OPTION_##effect, OPTION_##reach, 0, 0, 0, 0, solo, vs, help},
#include "options.def"
#undef BOOL
#undef NUMBER
#undef OCTAL
#undef STRING
};

static char file[256];
static struct config config;
static struct config_note note;

static int make_file(void **state)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	(void)state;
	snprintf(file, sizeof(file), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	fd = mkstemp(file);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(file);
}

static int start(void **state)
{
	(void)state;
	config_defaults(&config, "soloftpd");
	memset(&note, 0, sizeof(note));
	return 0;
}

/* The option's present value as text. */
static const char *shown(enum option option)
{
	static char text[8192];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	config_print(&config, option, &b);
	return buffer_text(&b);
}

static enum option find(const char *name)
{
	enum option option = config_option(name);

	if (option == OPTION_COUNT)
		fail_msg("no option %s", name);
	return option;
}

static void check_origin(enum option option, const char *source, unsigned line)
{
	config_blame(&config, option, "text", &note);
	assert_string_equal(note.file, source);
	assert_int_equal(note.line, line);
	assert_non_null(strstr(note.text, config_name(option)));
	assert_non_null(strstr(note.text, "text"));
}

/* ---- each option changed ---- */

static const char *different(const struct row *row)
{
	switch (row->kind) {
	case OPTION_BOOL:
		return row->solo ? "NO" : "YES";
	case OPTION_NUMBER:
	case OPTION_OCTAL:
		return row->solo == 1 ? "2" : "1";
	case OPTION_STRING:
		break;
	}
	return "/somewhere";
}

static int load_row(const struct row *row, const char *value, bool late)
{
	FILE *stream = fopen(file, "w");

	assert_non_null(stream);
	assert_true(fprintf(stream, "#\n\n%s=%s\n", row->name, value) > 0);
	assert_int_equal(fclose(stream), 0);
	return config_file(&config, file, late, &note);
}

static void test_refused_options(void **state)
{
	unsigned refused = 0;

	for (size_t i = 0; i < COUNT(rows); i++) {
		start(state);
		config.local_enable = true;
		assert_int_equal(load_row(&rows[i], different(&rows[i]), false), 0);
		if (rows[i].effect != OPTION_REFUSED)
			continue;
		refused++;
		assert_int_equal(config_validate(&config, &note), -EINVAL);
		assert_string_equal(note.file, file);
		assert_int_equal(note.line, 3);
		assert_non_null(strstr(note.text, rows[i].name));
		assert_non_null(strstr(note.text, rows[i].help));
	}
	assert_true(refused > 0);
}

/* For either program: what is refused when changed is accepted when it is spelt out. */
static void test_refused_defaults(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].effect != OPTION_REFUSED)
			continue;
		start(state);
		assert_int_equal(rows[i].solo, rows[i].vs);
		config.local_enable = true;
		assert_int_equal(load_row(&rows[i], rows[i].solo ? "YES" : "NO", false), 0);
		assert_int_equal(config_validate(&config, &note), 0);
	}
}

static void test_user_file(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum option option = find(rows[i].name);
		char before[256];
		start(state);
		snprintf(before, sizeof(before), "%s", shown(option));
		assert_int_equal(load_row(&rows[i], different(&rows[i]), true), 0);
		if (rows[i].reach == OPTION_SESSION) {
			assert_int_equal(config.note_count, 0);
			assert_string_not_equal(shown(option), before);
			check_origin(option, file, 3);
			continue;
		}
		assert_string_equal(shown(option), before);
		check_origin(option, "default", 0);
		assert_int_equal(config.note_count, 1);
		assert_int_equal(config.notes[0].line, 3);
		assert_non_null(strstr(config.notes[0].text, rows[i].name));
	}
}

/* ---- the book ---- */

static void test_book_is_sorted(void **state)
{
	(void)state;
	assert_int_equal(COUNT(rows), OPTION_COUNT);
	for (size_t i = 1; i < COUNT(rows); i++)
		if (strcmp(rows[i - 1].name, rows[i].name) >= 0)
			fail_msg("%s does not come before %s", rows[i - 1].name, rows[i].name);
}

static void test_facts_of_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum option option = config_option(rows[i].name);
		assert_int_equal(option, i);
		assert_string_equal(config_name(option), rows[i].name);
		assert_int_equal(config_kind(option), rows[i].kind);
		assert_int_equal(config_effect(option), rows[i].effect);
		assert_int_equal(config_reach(option), rows[i].reach);
		assert_true(strlen(rows[i].help) > 8);
		assert_true(rows[i].kind == OPTION_STRING || rows[i].solo <= rows[i].max);
		assert_true(rows[i].kind == OPTION_STRING || rows[i].vs <= rows[i].max);
		assert_true(rows[i].solo >= rows[i].min && rows[i].vs >= rows[i].min);
	}
}

static void test_unknown_options(void **state)
{
	static const char *const names[] = {"", " ", "a", "z", "{", "accept_timeou",
		"accept_timeout1", "ACCEPT_TIMEOUT", "xferlog_std_formatt", "write_enable ", "%s"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(config_option(names[i]), OPTION_COUNT);
}

static void check_default(const struct row *row, unsigned long value, const char *text)
{
	enum option option = find(row->name);
	char expected[32];

	switch (row->kind) {
	case OPTION_BOOL:
		text = value ? "YES" : "NO";
		break;
	case OPTION_NUMBER:
	case OPTION_OCTAL:
		snprintf(expected, sizeof(expected), row->kind == OPTION_OCTAL ? "%#lo" : "%lu",
			value);
		text = expected;
		break;
	case OPTION_STRING:
		break;
	}
	if (strcmp(shown(option), text ? text : "") != 0)
		fail_msg("%s is %s", row->name, shown(option));
}

static void test_defaults_of_both_programs(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_default(&rows[i], rows[i].solo, rows[i].solo_text);
	config_defaults(&config, "vsftpd");
	for (size_t i = 0; i < COUNT(rows); i++)
		check_default(&rows[i], rows[i].vs, rows[i].vs_text);
	config_defaults(&config, "another");
	for (size_t i = 0; i < COUNT(rows); i++)
		check_default(&rows[i], rows[i].solo, rows[i].solo_text);
}

/* vsftpd 3.0.5's defaults in code, which differ from its manual here and there. */
static const char *const vsftpd_defaults[][2] = {
	{"anonymous_enable", "YES"},
	{"local_enable", "NO"},
	{"write_enable", "NO"},
	{"anon_world_readable_only", "YES"},
	{"chmod_enable", "YES"},
	{"dirlist_enable", "YES"},
	{"download_enable", "YES"},
	{"lock_upload_files", "YES"},
	{"mdtm_write", "YES"},
	{"listen", "YES"},
	{"pasv_enable", "YES"},
	{"port_enable", "YES"},
	{"pasv_promiscuous", "NO"},
	{"port_promiscuous", "NO"},
	{"use_sendfile", "YES"},
	{"userlist_deny", "YES"},
	{"userlist_enable", "NO"},
	{"tcp_wrappers", "NO"},
	{"accept_timeout", "60"},
	{"connect_timeout", "60"},
	{"data_connection_timeout", "300"},
	{"idle_session_timeout", "300"},
	{"delay_failed_login", "1"},
	{"max_login_fails", "3"},
	{"anon_umask", "077"},
	{"local_umask", "077"},
	{"file_open_mode", "0666"},
	{"chown_upload_mode", "0600"},
	{"ftp_data_port", "20"},
	{"pasv_min_port", "5001"},
	{"pasv_max_port", "0"},
	{"max_clients", "2000"},
	{"max_per_ip", "50"},
	{"ftp_username", "ftp"},
	{"pam_service_name", "ftp"},
	{"message_file", ".message"},
	{"banned_email_file", "/etc/vsftpd.banned_emails"},
	{"chroot_list_file", "/etc/vsftpd.chroot_list"},
	{"userlist_file", "/etc/vsftpd.user_list"},
	{"vsftpd_log_file", "/var/log/vsftpd.log"},
	{"xferlog_file", "/var/log/xferlog"},
	{"syslog_ident", "vsftpd"},
	{"anon_root", ""},
	{"ssl_tlsv12", "YES"},
	{"ssl_tlsv13", "YES"},
	{"ssl_tlsv1", "NO"},
	{"require_ssl_reuse", "YES"},
	{"force_local_logins_ssl", "YES"},
};

static void test_defaults_of_vsftpd(void **state)
{
	(void)state;
	config_defaults(&config, "vsftpd");
	for (size_t i = 0; i < COUNT(vsftpd_defaults); i++)
		assert_string_equal(shown(find(vsftpd_defaults[i][0])), vsftpd_defaults[i][1]);
}

/* ---- what is printed can be read ---- */

static void check_identity(const struct row *row, const char *value)
{
	enum option option = find(row->name);
	char setting[1024];

	snprintf(setting, sizeof(setting), "%s=%s", row->name, value);
	config_defaults(&config, "soloftpd");
	if (config_setting(&config, setting, &note) != 0)
		fail_msg("%s: %s", setting, note.text);
	if (strcmp(shown(option), value) != 0)
		fail_msg("%s is printed as %s", setting, shown(option));
}

static void check_number(const struct row *row, unsigned value)
{
	char text[32];

	if (value < row->min || value > row->max)
		return;
	snprintf(text, sizeof(text), row->kind == OPTION_OCTAL ? "%#o" : "%u", value);
	check_identity(row, text);
}

static void test_print_and_parse(void **state)
{
	static const unsigned numbers[] = {
		0, 1, 7, 8, 9, 10, 022, 077, 0600, 0777, 1000, 65535, 65536, UINT_MAX};
	static const char *const strings[] = {"", "a", "/", "a b", "=", "#", "0", "YES", "%s%n",
		"\xC3\xA9", "\xFF\x01", "{*.mp3,*.mov}", "\"", "a\tb"};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		for (size_t k = 0; row->kind == OPTION_STRING && k < COUNT(strings); k++)
			check_identity(row, strings[k]);
		for (size_t k = 0; row->kind > OPTION_BOOL && k < COUNT(numbers); k++)
			if (row->kind != OPTION_STRING)
				check_number(row, numbers[k]);
		if (row->kind != OPTION_BOOL)
			continue;
		check_identity(row, "YES");
		check_identity(row, "NO");
	}
}

static void test_print_and_parse_defaults(void **state)
{
	char setting[1024], printed[512];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum option option = find(rows[i].name);
		config_defaults(&config, "vsftpd");
		snprintf(printed, sizeof(printed), "%s", shown(option));
		snprintf(setting, sizeof(setting), "%s=%s", rows[i].name, printed);
		config_defaults(&config, "soloftpd");
		assert_int_equal(config_setting(&config, setting, &note), 0);
		assert_string_equal(shown(option), printed);
	}
}

/* ---- a live option is read by somebody ---- */

static char source[1 << 16];

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Whether the text has `name` as a member of something. */
static bool reads(const char *text, const char *name)
{
	size_t size = strlen(name);

	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
		if (at > text && (at[-1] == '.' || at[-1] == '>') && !is_word_byte(at[size]))
			return true;
	return false;
}

static void read_source(const char *path, bool found[])
{
	FILE *stream = fopen(path, "r");
	size_t size;

	assert_non_null(stream);
	size = fread(source, 1, sizeof(source) - 1, stream);
	fclose(stream);
	assert_true(size < sizeof(source) - 1);
	source[size] = '\0';
	for (size_t i = 0; i < COUNT(rows); i++)
		found[i] |= reads(source, rows[i].name);
}

static void read_floor(const char *floor, bool found[])
{
	DIR *entries = opendir(floor);
	struct dirent *entry;
	char path[512];

	if (!entries)
		fail_msg("%s: unit tests are run from the top of the source tree", floor);
	while ((entry = readdir(entries))) {
		const char *dot = strrchr(entry->d_name, '.');
		if (!dot || strcmp(dot, ".c") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", floor, entry->d_name);
		if (strcmp(path, "src/policy/config.c") != 0 &&
			strcmp(path, "src/policy/options.c") != 0)
			read_source(path, found);
	}
	closedir(entries);
}

static void test_live_options_are_read(void **state)
{
	static const char *const floors[] = {
		"src", "src/commands", "src/control", "src/data", "src/policy", "src/system"};
	static bool found[COUNT(rows)];
	unsigned unread = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(floors); i++)
		read_floor(floors[i], found);
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].effect != OPTION_LIVE || found[i])
			continue;
		print_error("nobody reads %s, which is LIVE\n", rows[i].name);
		unread++;
	}
	assert_int_equal(unread, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_refused_options, start),
		cmocka_unit_test_setup(test_refused_defaults, start),
		cmocka_unit_test_setup(test_user_file, start),
		cmocka_unit_test_setup(test_book_is_sorted, start),
		cmocka_unit_test_setup(test_facts_of_rows, start),
		cmocka_unit_test_setup(test_unknown_options, start),
		cmocka_unit_test_setup(test_defaults_of_both_programs, start),
		cmocka_unit_test_setup(test_defaults_of_vsftpd, start),
		cmocka_unit_test_setup(test_print_and_parse, start),
		cmocka_unit_test_setup(test_print_and_parse_defaults, start),
		cmocka_unit_test_setup(test_live_options_are_read, start),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
