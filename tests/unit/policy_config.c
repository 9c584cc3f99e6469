/* config: vsftpd.conf's language and its layers. What each option is: policy_options.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "policy/config.h"
#include "policy/options.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static char directory[256], file[300], other[300];
static struct config config;
static struct config_note note;
static char bytes[CONFIG_FILE_MAX + 16];

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/a.conf", directory);
	snprintf(other, sizeof(other), "%s/b.conf", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(file);
	unlink(other);
	return rmdir(directory);
}

static int start(void **state)
{
	(void)state;
	unlink(file);
	unlink(other);
	rmdir(file);
	config_defaults(&config, "soloftpd");
	memset(&note, 0, sizeof(note));
	return 0;
}

static void write_bytes(const char *path, const void *content, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(write(fd, content, size), size);
	close(fd);
}

static int load(const char *text)
{
	write_bytes(file, text, strlen(text));
	return config_file(&config, file, false, &note);
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

/* ---- what is read ---- */

struct reading {
	const char *text, *name, *value;
	unsigned notes;
};

static const struct reading readings[] = {
	/* lines */
	{"", "write_enable", "NO", 0},
	{"write_enable=YES", "write_enable", "YES", 0},
	{"\n\nwrite_enable=YES\n\n", "write_enable", "YES", 0},
	{" \t\n\r\n \r\nwrite_enable=YES\n", "write_enable", "YES", 0},
	{"#write_enable=YES\n", "write_enable", "NO", 0},
	{"#\n#=\n# x\nwrite_enable=YES\n", "write_enable", "YES", 0},
	{"  write_enable=YES\n", "write_enable", "YES", 0},
	{"\twrite_enable=YES\n", "write_enable", "YES", 0},
	{"  # not for vsftpd\nwrite_enable=YES\n", "write_enable", "YES", 1},
	{"write_enable=YES\r\nhide_ids=YES\r\n", "hide_ids", "YES", 2},
	{"\xEF\xBB\xBFwrite_enable=YES\n", "write_enable", "YES", 1},
	{"\xEF\xBB\xBF#\nwrite_enable=YES\n", "write_enable", "YES", 1},
	{"write_enable =YES\n", "write_enable", "YES", 1},
	{"write_enable= YES\n", "write_enable", "YES", 1},
	{"write_enable=YES \n", "write_enable", "YES", 1},
	/* duplicates */
	{"write_enable=YES\nwrite_enable=NO\n", "write_enable", "NO", 0},
	{"anon_root=/a\nanon_root=/b\n", "anon_root", "/b", 0},
	/* booleans */
	{"write_enable=yes\n", "write_enable", "YES", 0},
	{"write_enable=yEs\n", "write_enable", "YES", 0},
	{"write_enable=TRUE\n", "write_enable", "YES", 0},
	{"write_enable=true\n", "write_enable", "YES", 0},
	{"write_enable=1\n", "write_enable", "YES", 0},
	{"dirlist_enable=NO\n", "dirlist_enable", "NO", 0},
	{"dirlist_enable=no\n", "dirlist_enable", "NO", 0},
	{"dirlist_enable=False\n", "dirlist_enable", "NO", 0},
	{"dirlist_enable=0\n", "dirlist_enable", "NO", 0},
	/* numbers */
	{"local_max_rate=0\n", "local_max_rate", "0", 0},
	{"local_max_rate=4294967295\n", "local_max_rate", "4294967295", 0},
	{"local_max_rate=-1\n", "local_max_rate", "4294967295", 0},
	{"local_max_rate=-2\n", "local_max_rate", "4294967294", 0},
	{"local_max_rate=+7\n", "local_max_rate", "7", 0},
	{"local_max_rate=010\n", "local_max_rate", "8", 0},
	{"local_max_rate=00\n", "local_max_rate", "0", 0},
	{"local_max_rate=2 # x\n", "local_max_rate", "2", 1},
	{"local_max_rate=2x\n", "local_max_rate", "2", 1},
	{"local_max_rate=0x12\n", "local_max_rate", "0", 1},
	{"local_max_rate=089\n", "local_max_rate", "0", 1},
	{"local_max_rate=0189\n", "local_max_rate", "1", 1},
	{"local_umask=022\n", "local_umask", "022", 0},
	{"local_umask=22\n", "local_umask", "026", 0},
	{"local_umask=0\n", "local_umask", "0", 0},
	{"local_umask=0777\n", "local_umask", "0777", 0},
	{"local_umask=0000022\n", "local_umask", "022", 0},
	/* strings */
	{"ftpd_banner=a=b=c\n", "ftpd_banner", "a=b=c", 0},
	{"ftpd_banner==\n", "ftpd_banner", "=", 0},
	{"ftpd_banner=\"quoted\"\n", "ftpd_banner", "\"quoted\"", 0},
	{"ftpd_banner=a # b\\\n", "ftpd_banner", "a # b\\", 0},
	{"ftpd_banner=  a  b  \n", "ftpd_banner", "a  b", 0},
	{"ftpd_banner=\xC3\xA9\xFF%s%n\n", "ftpd_banner", "\xC3\xA9\xFF%s%n", 0},
	{"pam_service_name=\n", "pam_service_name", "", 0},
	{"anon_root=/a\nanon_root=\n", "anon_root", "", 0},
};

static void test_readings(void **state)
{
	for (size_t i = 0; i < COUNT(readings); i++) {
		const struct reading *r = &readings[i];
		start(state);
		if (load(r->text) != 0)
			fail_msg("\"%s\": %s", r->text, note.text);
		if (strcmp(shown(find(r->name)), r->value) != 0)
			fail_msg("\"%s\" gives %s", r->text, shown(find(r->name)));
		if (config.note_count != r->notes)
			fail_msg("\"%s\" gives %u notes", r->text, config.note_count);
	}
}

static void test_empty_string_is_unset(void **state)
{
	(void)state;
	assert_string_equal(config.message_file, ".message");
	assert_int_equal(load("message_file=\n"), 0);
	assert_null(config.message_file);
	assert_int_equal(load("message_file= \t\n"), 0);
	assert_null(config.message_file);
}

/* ---- what is refused ---- */

struct refusal {
	const char *text;
	unsigned line, column; /* column 0: any */
	const char *words;
};

static const struct refusal refusals[] = {
	{"nonsense=1\n", 1, 1, "unrecognised variable in config file: nonsense"},
	{"\n#\n  nonsense=1\n", 3, 3, "unrecognised variable in config file: nonsense"},
	{"\tnonsense=1", 1, 2, "nonsense"},
	{"WRITE_ENABLE=YES\n", 1, 1, "WRITE_ENABLE"},
	{"Write_enable=YES\n", 1, 1, "Write_enable"},
	{"write_enablE=YES\n", 1, 1, "write_enablE"},
	{"write_enabl=YES\n", 1, 1, "write_enabl"},
	{"write_enable_=YES\n", 1, 1, "write_enable_"},
	{"=YES\n", 1, 1, "unrecognised variable"},
	{"=\n", 1, 1, "unrecognised variable"},
	{"-owrite_enable=YES\n", 1, 1, "unrecognised variable"},
	{"write enable=YES\n", 1, 1, "unrecognised variable"},
	{"write_enable\n", 1, 1, "missing value in config file for: write_enable"},
	{"hide_ids=YES\nwrite_enable", 2, 1, "missing value"},
	{"@include /etc/passwd\n", 1, 1, "missing value"},
	{"write_enable=\n", 1, 0, "missing value in config file for: write_enable"},
	{"local_umask=\n", 1, 0, "missing value in config file for: local_umask"},
	{"write_enable=on\n", 1, 0, "bad bool value in config file for: write_enable"},
	{"write_enable=maybe\n", 1, 0, "bad bool value"},
	{"write_enable=YES # x\n", 1, 0, "bad bool value"},
	{"write_enable=YESS\n", 1, 0, "bad bool value"},
	{"write_enable=Y\n", 1, 0, "bad bool value"},
	{"write_enable=2\n", 1, 0, "bad bool value"},
	{"write_enable=01\n", 1, 0, "bad bool value"},
	{"write_enable==YES\n", 1, 0, "bad bool value"},
	{"write_enable=\"YES\"\n", 1, 0, "bad bool value"},
};

/* vsftpd takes any number; what can't be meant becomes the nearest that can, with a note. */
static void test_numbers_out_of_range(void **state)
{
	static const struct {
		const char *text;
		enum option option;
		const char *value;
	} cases[] = {
		{"local_max_rate=4294967296\n", OPTION_local_max_rate, "4294967295"},
		{"local_max_rate=18446744073709551616\n", OPTION_local_max_rate, "4294967295"},
		{"local_max_rate=18446744073709551617000\n", OPTION_local_max_rate, "4294967295"},
		{"ftp_data_port=65536\n", OPTION_ftp_data_port, "65535"},
		{"ftp_data_port=-1\n", OPTION_ftp_data_port, "65535"},
		{"bind_retries=0\n", OPTION_bind_retries, "1"},
		{"local_umask=01022\n", OPTION_local_umask, "022"},
		{"file_open_mode=0100644\n", OPTION_file_open_mode, "0644"},
		{"local_umask=-1\n", OPTION_local_umask, "0777"},
		{"listen_port=70000\n", OPTION_listen_port, "65535"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		start(state);
		assert_int_equal(load(cases[i].text), 0);
		assert_string_equal(shown(cases[i].option), cases[i].value);
		assert_int_equal(config.note_count, 1);
		assert_non_null(strstr(config.notes[0].text, "out of range"));
	}
}

/* A string's name alone unsets it, as an empty value does. */
static void test_bare_name_of_a_string(void **state)
{
	start(state);
	assert_int_equal(load("deny_file=x\ndeny_file\n  ftpd_banner \n"), 0);
	assert_null(config.deny_file);
	assert_null(config.ftpd_banner);
	assert_int_equal(config.note_count, 2);
	assert_int_equal(config.origin[OPTION_deny_file].line, 2);
}

static void test_refusals(void **state)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		const struct refusal *r = &refusals[i];
		start(state);
		if (load(r->text) != -EINVAL)
			fail_msg("\"%s\" is accepted", r->text);
		assert_string_equal(note.file, file);
		if (note.line != r->line || (r->column > 0 && note.column != r->column))
			fail_msg("\"%s\": blamed %u:%u", r->text, note.line, note.column);
		if (!strstr(note.text, r->words))
			fail_msg("\"%s\": %s", r->text, note.text);
	}
}

static void test_long_subject_is_cut(void **state)
{
	(void)state;
	memset(bytes, 'k', 5000);
	memcpy(bytes + 5000, "=1\n", 4);
	assert_int_equal(load(bytes), -EINVAL);
	assert_int_equal(note.line, 1);
	assert_int_equal(strlen(note.text), sizeof(note.text) - 1);
}

static void test_append_note(void **state)
{
	static const struct {
		struct config_note note;
		const char *text;
	} cases[] = {
		{{"f", 3, 5, "t"}, "f:3:5: t"},
		{{"f", 3, 0, "t"}, "f:3: t"},
		{{"f", 0, 0, "t"}, "f: t"},
	};
	char text[64];
	struct buffer b;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		buffer_start(&b, text, sizeof(text));
		config_append_note(&b, &cases[i].note);
		assert_string_equal(buffer_text(&b), cases[i].text);
	}
}

static void test_notes_have_a_place(void **state)
{
	(void)state;
	assert_int_equal(load("\n # x\nhide_ids=YES \n"), 0);
	assert_int_equal(config.note_count, 2);
	assert_string_equal(config.notes[0].file, file);
	assert_int_equal(config.notes[0].line, 2);
	assert_int_equal(config.notes[1].line, 3);
	assert_non_null(strstr(config.notes[1].text, "hide_ids"));
}

static void test_notes_are_counted_past_their_room(void **state)
{
	(void)state;
	assert_int_equal(load(" #\n #\n #\n #\n #\n #\n #\n #\n #\n #\n #\nhide_ids=YES\n"), 0);
	assert_int_equal(config.note_count, 11);
	assert_int_equal(config.notes[CONFIG_NOTES - 1].line, CONFIG_NOTES);
	assert_true(config.hide_ids);
}

/* ---- files ---- */

static int load_bytes(size_t size)
{
	write_bytes(file, bytes, size);
	return config_file(&config, file, false, &note);
}

static void fill(size_t size)
{
	static const char setting[] = "hide_ids=YES\n#";

	memset(bytes, '#', size);
	memcpy(bytes, setting, sizeof(setting) - 1);
}

static void test_largest_file(void **state)
{
	(void)state;
	fill(CONFIG_FILE_MAX);
	assert_int_equal(load_bytes(CONFIG_FILE_MAX), 0);
	assert_true(config.hide_ids);
}

static void test_file_is_too_large(void **state)
{
	(void)state;
	fill(CONFIG_FILE_MAX + 2);
	assert_int_equal(load_bytes(CONFIG_FILE_MAX + 2), -EINVAL);
	assert_non_null(strstr(note.text, "100000"));
	assert_false(config.hide_ids);
	assert_int_equal(load_bytes(CONFIG_FILE_MAX + 1), -EINVAL);
	assert_non_null(strstr(note.text, "100000"));
	assert_false(config.hide_ids);
}

static void test_nul_byte(void **state)
{
	static const char text[] = "hide_ids=YES\n#\0\nwrite_enable=YES\n";

	(void)state;
	write_bytes(file, text, sizeof(text) - 1);
	assert_int_equal(config_file(&config, file, false, &note), -EINVAL);
	assert_non_null(strstr(note.text, "NUL"));
	assert_false(config.hide_ids);
}

static void test_missing_file(void **state)
{
	(void)state;
	assert_int_equal(config_file(&config, file, false, &note), -ENOENT);
	assert_string_equal(note.file, file);
	assert_int_equal(note.line, 0);
}

static void check_refused_whole(const char *words)
{
	assert_int_equal(config_file(&config, file, false, &note), -EINVAL);
	assert_string_equal(note.file, file);
	assert_int_equal(note.line, 0);
	if (!strstr(note.text, words))
		fail_msg("%s", note.text);
	assert_int_equal(config.source_count, 1);
}

static void test_not_a_file(void **state)
{
	(void)state;
	assert_int_equal(mkdir(file, 0700), 0);
	check_refused_whole("regular");
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	check_refused_whole("regular");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/dev/zero", file), 0);
	check_refused_whole("regular");
}

static void test_symbolic_link(void **state)
{
	(void)state;
	write_bytes(other, "hide_ids=YES\n", 13);
	assert_int_equal(symlink(other, file), 0);
	assert_int_equal(config_file(&config, file, false, &note), 0);
	assert_true(config.hide_ids);
	/* The link does not hide what is behind it. */
	assert_int_equal(chmod(other, 0602), 0);
	assert_int_equal(config_file(&config, file, false, &note), -EINVAL);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(config_file(&config, file, false, &note), -ENOENT);
	assert_int_equal(symlink(file, other), 0);
	assert_int_equal(config_file(&config, file, false, &note), -EINVAL); /* a loop */
}

static void test_writable_by_others(void **state)
{
	static const mode_t modes[] = {0602, 0606, 0620, 0660, 0622, 0666, 0777};

	(void)state;
	write_bytes(file, "hide_ids=YES\n", 13);
	/* Group root may write: the superuser's own tests use another. */
	if (geteuid() == 0)
		assert_int_equal(chown(file, 0, 65534), 0);
	for (size_t i = 0; i < COUNT(modes); i++) {
		assert_int_equal(chmod(file, modes[i]), 0);
		check_refused_whole("writable");
	}
	assert_false(config.hide_ids);
}

static void test_readable_by_others(void **state)
{
	static const mode_t modes[] = {0400, 0600, 0640, 0644, 0444, 0755};

	for (size_t i = 0; i < COUNT(modes); i++) {
		start(state);
		write_bytes(file, "hide_ids=YES\n", 13);
		assert_int_equal(chmod(file, modes[i]), 0);
		assert_int_equal(config_file(&config, file, false, &note), 0);
		assert_true(config.hide_ids);
	}
}

/* ---- layers and origins ---- */

static void check_origin(enum option option, const char *source, unsigned line)
{
	config_blame(&config, option, "text", &note);
	assert_string_equal(note.file, source);
	assert_int_equal(note.line, line);
	assert_non_null(strstr(note.text, config_name(option)));
	assert_non_null(strstr(note.text, "text"));
}

static void test_layers(void **state)
{
	(void)state;
	check_origin(OPTION_hide_ids, "default", 0);
	assert_int_equal(load("hide_ids=YES\n\nwrite_enable=YES\nwrite_enable=YES\n"), 0);
	write_bytes(other, "\nhide_ids=NO\n", 13);
	assert_int_equal(config_file(&config, other, false, &note), 0);
	assert_int_equal(config_setting(&config, "use_sendfile=NO", &note), 0);
	assert_false(config.hide_ids);
	assert_true(config.write_enable);
	assert_false(config.use_sendfile);
	check_origin(OPTION_hide_ids, other, 2);
	check_origin(OPTION_write_enable, file, 4);
	check_origin(OPTION_use_sendfile, "-o", 0);
	check_origin(OPTION_anon_root, "default", 0);
}

static void test_strings_outlive_their_file(void **state)
{
	(void)state;
	assert_int_equal(load("anon_root=/one\nlocal_root=/two\n"), 0);
	assert_int_equal(load("anon_root=/three\n"), 0);
	assert_int_equal(config_setting(&config, "message_file=four", &note), 0);
	assert_string_equal(config.anon_root, "/three");
	assert_string_equal(config.local_root, "/two");
	assert_string_equal(config.message_file, "four");
}

/* The file has more lines than 16 bits can count. */
static void test_origin_of_a_late_line(void **state)
{
	static const char setting[] = "hide_ids=YES\n";

	(void)state;
	memset(bytes, '\n', 70000);
	memcpy(bytes + 70000, setting, sizeof(setting) - 1);
	assert_int_equal(load_bytes(70000 + sizeof(setting) - 1), 0);
	check_origin(OPTION_hide_ids, file, 70001);
}

static void test_defaults_again(void **state)
{
	(void)state;
	assert_int_equal(load(" #\nhide_ids=YES\nanon_root=/a\n"), 0);
	config_defaults(&config, "vsftpd");
	assert_false(config.hide_ids);
	assert_null(config.anon_root);
	assert_int_equal(config.note_count, 0);
	check_origin(OPTION_hide_ids, "default", 0);
}

static const struct refusal bad_settings[] = {
	{"", 0, 0, "missing value"},
	{"hide_ids", 0, 0, "missing value"},
	{"hide_ids=", 0, 0, "missing value"},
	{"hide_ids=perhaps", 0, 0, "bad bool"},
	{"nonsense=1", 0, 0, "nonsense"},
};

static void test_bad_settings(void **state)
{
	for (size_t i = 0; i < COUNT(bad_settings); i++) {
		start(state);
		assert_int_equal(config_setting(&config, bad_settings[i].text, &note), -EINVAL);
		assert_string_equal(note.file, "-o");
		assert_int_equal(note.line, 0);
		assert_non_null(strstr(note.text, bad_settings[i].words));
	}
	memset(bytes, 'x', 5000);
	memcpy(bytes, "ftpd_banner=", 12);
	bytes[5000] = '\0';
	assert_int_equal(config_setting(&config, bytes, &note), -EINVAL);
	assert_null(config.ftpd_banner);
}

/* vsftpd has no limit, and main takes 64 arguments. */
static void test_many_settings(void **state)
{
	(void)state;
	for (int i = 0; i < 64; i++)
		if (config_setting(&config, i % 2 ? "hide_ids=YES" : "hide_ids=NO", &note) != 0)
			fail_msg("setting %d: %s", i + 1, note.text);
	assert_true(config.hide_ids);
}

static void test_too_many_files(void **state)
{
	char path[1024];
	int error = 0, files = 0;

	(void)state;
	write_bytes(file, "hide_ids=YES\n", 13);
	/* Each name is another layer. */
	snprintf(path, sizeof(path), "%s", directory);
	for (; files < 300 && error == 0; files++) {
		strcpy(path + strlen(directory) + 2 * (size_t)files, "/./a.conf");
		error = config_file(&config, path, false, &note);
	}
	assert_int_equal(error, -EINVAL);
	assert_string_equal(note.file, path);
	assert_true(files > 64);
	assert_true(config.hide_ids);
}

/* The same name is the same layer, however often it is read. */
static void test_one_file_many_times(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(load("hide_ids=YES\n"), 0);
	check_origin(OPTION_hide_ids, file, 1);
}

static void test_too_much_text(void **state)
{
	static const char name[] = "ftpd_banner=";
	size_t line = 20000;

	(void)state;
	memset(bytes, 'x', 4 * line);
	for (size_t i = 0; i < 4; i++) {
		memcpy(bytes + i * line, name, sizeof(name) - 1);
		bytes[i * line + line - 1] = '\n';
	}
	/* Values that were replaced still take up room. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(load_bytes(4 * line), 0);
	assert_int_equal(load_bytes(4 * line), -EINVAL);
	assert_int_equal(note.line, 2);
	assert_non_null(strstr(note.text, "too much text"));
	assert_int_equal(strlen(config.ftpd_banner), line - sizeof(name));
}

static void test_arena_is_filled_to_the_end(void **state)
{
	size_t room;

	(void)state;
	assert_int_equal(load("hide_ids=YES\n"), 0);
	memcpy(bytes, "ftpd_banner=", 12);
	memset(bytes + 12, 'x', sizeof(bytes) - 12);
	while (CONFIG_STRINGS - config.string_size > 90000)
		assert_int_equal(load_bytes(90000), 0);
	room = CONFIG_STRINGS - config.string_size;
	assert_int_equal(load_bytes(12 + room - 1), 0);
	assert_int_equal(config.string_size, CONFIG_STRINGS);
	assert_int_equal(strlen(config.ftpd_banner), room - 1);
	assert_int_equal(config_file(&config, file, false, &note), -EINVAL);
	assert_int_equal(config_setting(&config, "hide_ids=NO", &note), -EINVAL);
	assert_true(config.hide_ids);
	assert_int_equal(strlen(config.ftpd_banner), room - 1);
}

/* ---- the whole ---- */

static void test_nobody_could_log_in(void **state)
{
	(void)state;
	assert_int_equal(config_validate(&config, &note), -EINVAL);
	assert_int_equal(load("\nlocal_enable=NO\n"), 0);
	assert_int_equal(config_validate(&config, &note), -EINVAL);
	assert_string_equal(note.file, file);
	assert_int_equal(note.line, 2);
	assert_int_equal(load("anonymous_enable=YES\n"), 0);
	assert_int_equal(config_validate(&config, &note), 0);
	assert_int_equal(load("anonymous_enable=NO\nlocal_enable=YES\n"), 0);
	assert_int_equal(config_validate(&config, &note), 0);
}

static void test_launching_user(void **state)
{
	(void)state;
	assert_int_equal(load("local_enable=YES\nrun_as_launching_user=YES\n"), 0);
	assert_int_equal(config_validate(&config, &note), -EINVAL);
	assert_int_equal(note.line, 2);
	assert_int_equal(load("local_enable=NO\nanonymous_enable=YES\n"), 0);
	/* Root would be without a jail. */
	assert_int_equal(config_validate(&config, &note), geteuid() == 0 ? -EINVAL : 0);
}

/* A pattern that could never match would deny nothing. */
static void test_long_patterns(void **state)
{
	static const char *const names[] = {
		"deny_file", "hide_file", "upload_file", "download_file"};

	for (size_t i = 0; i < COUNT(names); i++) {
		start(state);
		config.local_enable = true;
		memset(bytes, 'x', 2000);
		memcpy(bytes, names[i], strlen(names[i]));
		bytes[strlen(names[i])] = '=';
		strcpy(bytes + strlen(names[i]) + 1 + 1024, "\n");
		assert_int_equal(load(bytes), 0);
		assert_int_equal(config_validate(&config, &note), 0);
		strcpy(bytes + strlen(names[i]) + 1 + 1024, "x\n");
		assert_int_equal(load(bytes), 0);
		assert_int_equal(config_validate(&config, &note), -EINVAL);
		assert_non_null(strstr(note.text, names[i]));
	}
}

static void test_user_file_has_the_same_language(void **state)
{
	(void)state;
	write_bytes(file, "nonsense=1\n", 11);
	assert_int_equal(config_file(&config, file, true, &note), -EINVAL);
	assert_int_equal(config_file(&config, other, true, &note), -ENOENT);
	write_bytes(file, "pasv_local_networks=near\n", 25);
	config.local_enable = true;
	assert_int_equal(config_file(&config, file, true, &note), 0);
	assert_int_equal(config_validate(&config, &note), -EINVAL);
	assert_int_equal(note.line, 1);
}

/* ---- lists in values ---- */

static void test_lists(void **state)
{
	static const struct {
		const char *list, *word;
		bool listed;
	} cases[] = {
		{NULL, "A", false},
		{"", "A", false},
		{",", "A", false},
		{"A", "A", true},
		{"a", "A", true},
		{"A", "a", true},
		{"AB", "A", false},
		{"A", "AB", false},
		{"A,B", "A", true},
		{"A,B", "B", true},
		{"A,B", "C", false},
		{"A,,B", "B", true},
		{",A", "A", true},
		{"A,", "A", true},
		{"RETR,STOR", "RETR,STOR", false},
		{"RETR,STOR", "STO", false},
		{"RETR,STOR", "TOR", false},
		{"RETR,STOR", "stor", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (config_lists(cases[i].list, cases[i].word) != cases[i].listed)
			fail_msg("\"%s\" in \"%s\"", cases[i].word, cases[i].list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_readings, start),
		cmocka_unit_test_setup(test_empty_string_is_unset, start),
		cmocka_unit_test_setup(test_refusals, start),
		cmocka_unit_test_setup(test_numbers_out_of_range, start),
		cmocka_unit_test_setup(test_bare_name_of_a_string, start),
		cmocka_unit_test_setup(test_long_subject_is_cut, start),
		cmocka_unit_test_setup(test_append_note, start),
		cmocka_unit_test_setup(test_notes_have_a_place, start),
		cmocka_unit_test_setup(test_notes_are_counted_past_their_room, start),
		cmocka_unit_test_setup(test_largest_file, start),
		cmocka_unit_test_setup(test_file_is_too_large, start),
		cmocka_unit_test_setup(test_nul_byte, start),
		cmocka_unit_test_setup(test_missing_file, start),
		cmocka_unit_test_setup(test_not_a_file, start),
		cmocka_unit_test_setup(test_symbolic_link, start),
		cmocka_unit_test_setup(test_writable_by_others, start),
		cmocka_unit_test_setup(test_readable_by_others, start),
		cmocka_unit_test_setup(test_layers, start),
		cmocka_unit_test_setup(test_strings_outlive_their_file, start),
		cmocka_unit_test_setup(test_origin_of_a_late_line, start),
		cmocka_unit_test_setup(test_defaults_again, start),
		cmocka_unit_test_setup(test_bad_settings, start),
		cmocka_unit_test_setup(test_many_settings, start),
		cmocka_unit_test_setup(test_too_many_files, start),
		cmocka_unit_test_setup(test_one_file_many_times, start),
		cmocka_unit_test_setup(test_too_much_text, start),
		cmocka_unit_test_setup(test_arena_is_filled_to_the_end, start),
		cmocka_unit_test_setup(test_nobody_could_log_in, start),
		cmocka_unit_test_setup(test_launching_user, start),
		cmocka_unit_test_setup(test_long_patterns, start),
		cmocka_unit_test_setup(test_user_file_has_the_same_language, start),
		cmocka_unit_test_setup(test_lists, start),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
