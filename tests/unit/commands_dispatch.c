/* dispatch: a command line, the gate, and exactly one reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "commands/dispatch.h"
#include "system/io.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct session session;
static struct config *const config = &session.config;
static int client;
static char directory[256];
static char received[1 << 17];

/* ---- a session without its network ---- */

enum who { NOBODY, ANONYMOUS, LOCAL };
#define PEOPLE 3

static void become(enum who who)
{
	session.login.kind = who == NOBODY	? LOGIN_NONE
			     : who == ANONYMOUS ? LOGIN_ANONYMOUS
						: LOGIN_LOCAL;
	session.login.anonymous = who == ANONYMOUS;
	strcpy(session.login.name, who == NOBODY ? "" : "bob");
	strcpy(session.user, session.login.name);
}

static int start(void **state)
{
	static const struct address here = {.family = ADDRESS_IPV4, .host = {127, 0, 0, 1}};
	struct config_note note;
	int ends[2];

	(void)state;
	memset(&session, 0, sizeof(session));
	if (chdir(directory) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -1;
	config_defaults(config, "soloftpd");
	config->btmp_enable = false; /* the books are the machine's own */
	config->anonymous_enable = config->local_enable = true;
	config->delay_failed_login = 0;
	config->max_login_fails = 1000;
	control_start(&session.control, ends[0], 5);
	client = ends[1];
	session.local = session.peer = here;
	data_start(&session.data, &here, &here);
	if (data_announce(&session.data, config, &note) < 0)
		return -1;
	strcpy(session.peer_text, "127.0.0.1");
	strcpy(session.home, directory);
	session.native_log = session.transfer_log = -1;
	return 0;
}

static int end(void **state)
{
	(void)state;
	data_end(&session.data);
	control_close(&session.control);
	close(client);
	return 0;
}

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path) || chdir(path) < 0 || !getcwd(directory, sizeof(directory)))
		return -1;
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return chdir("/") < 0 || rmdir(directory) < 0 ? -1 : 0;
}

static void make_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* Runs one line of `size` bytes; what the client was told is in `received`. */
static void run_bytes(const char *text, size_t size)
{
	static char line[LINE_MAX_SIZE + 1];
	ssize_t got;

	memcpy(line, text, size);
	line[size] = '\0';
	dispatch_line(&session, line, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(line[i], '\0'); /* it may have held a password */
	assert_int_equal(control_flush(&session.control), 0);
	got = recv(client, received, sizeof(received) - 1, MSG_DONTWAIT);
	received[got > 0 ? got : 0] = '\0';
}

/* Counts the final replies in `received` and returns the code of the last. */
static int read_replies(unsigned *out_count)
{
	int code = 0;

	*out_count = 0;
	for (const char *at = received; *at;) {
		const char *stop = strstr(at, "\r\n");
		assert_non_null(stop);
		if (at[0] != ' ' && at[3] == ' ') {
			code = atoi(at);
			*out_count += code >= 200;
		}
		at = stop + 2;
	}
	return code;
}

static int run(const char *text)
{
	unsigned count;
	int code;

	run_bytes(text, strlen(text));
	code = read_replies(&count);
	if (count != 1)
		fail_msg("\"%s\": %u final replies: %s", text, count, received);
	return code;
}

/* ---- taking apart ---- */

static const struct {
	const char *line, *verb, *argument;
} splits[] = {
	{"NOOP", "NOOP", ""},
	{"noop", "NOOP", ""},
	{"NoOp x", "NOOP", "x"},
	{"NOOP ", "NOOP", ""},
	{"NOOP  ", "NOOP", " "},
	{"RETR a b", "RETR", "a b"},
	{"RETR  a", "RETR", " a"},
	{"RETR a ", "RETR", "a "},
	{"RETR\ta", "RETR", "a"},
	{"RETR \ta", "RETR", "\ta"},
	{" RETR a", "", "RETR a"},
	{"OPTIONS *", "OPTIONS", "*"},
	{"\xC3\xA9", "\xC3\xA9", ""},
	{"RETR\xC3\xA9 x", "RETR\xC3\xA9", "x"},
	{"RETR\r x", "RETR\r", "x"},
	{"ABCDEFG", "ABCDEFG", ""},
	{"ABCDEFGH", "", ""},
	{"ABCDEFGH x", "", "x"},
	{"ABCDEFGHI", "", ""},
	{"RETRRETRRETR x", "", "x"},
	{"", "", ""},
	{" ", "", ""},
};

static void test_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(splits); i++) {
		struct call call;
		char line[64];
		memset(&call, 'X', sizeof(call));
		strcpy(line, splits[i].line);
		assert_int_equal(dispatch_split(line, strlen(line), &call), 0);
		assert_string_equal(call.verb, splits[i].verb);
		assert_string_equal(call.argument, splits[i].argument);
	}
}

static void test_split_of_a_nul(void **state)
{
	static const char line[] = "CWD a\0b";
	struct call call;
	char copy[8];

	(void)state;
	for (size_t size = 0; size < sizeof(line); size++) {
		memcpy(copy, line, sizeof(line));
		copy[size] = '\0';
		assert_int_equal(dispatch_split(copy, size, &call), size > 5 ? -EILSEQ : 0);
	}
}

/* Letters, and what is not one, at every place of a verb. */
static void test_letters(void **state)
{
	(void)state;
	for (unsigned char byte = 255; byte > 0; byte--) {
		bool blank = byte == ' ' || byte == '\t';
		char capital = byte >= 'a' && byte <= 'z' ? (char)(byte - 32) : (char)byte;
		for (size_t at = 0; at < 7; at++) {
			char line[] = "Az@[`{~", verb[] = "AZ@[`{~";
			struct call call;
			line[at] = (char)byte;
			verb[at] = blank ? '\0' : capital;
			assert_int_equal(dispatch_split(line, 7, &call), 0);
			assert_string_equal(call.verb, verb);
			assert_ptr_equal(call.argument, line + (blank ? at + 1 : 7));
		}
	}
}

static void test_longest_verb(void **state)
{
	static char line[LINE_MAX_SIZE + 1];
	struct call call;

	(void)state;
	memset(line, 'A', LINE_MAX_SIZE);
	assert_int_equal(dispatch_split(line, LINE_MAX_SIZE, &call), 0);
	assert_string_equal(call.verb, "");
	assert_string_equal(call.argument, "");
}

/* ---- the gate ---- */

static char long_path[PATH_TEXT + 1], longer_path[PATH_TEXT + 17];

static const char *const arguments[] = {"", " ", "\t \t", "x", " x ", "x y", "0", " 7 ",
	"9223372036854775807", "9223372036854775808", "-1", "0x1", "1e3", "../../etc/passwd", "~",
	"\xFF", "%s%n", long_path, longer_path};

static void make_long_paths(void)
{
	memset(long_path, 'p', PATH_TEXT);
	memset(longer_path, 'p', PATH_TEXT + 16);
}

/* Whether the argument has the shape, as commands.def's comment has it. */
static bool is_shaped(enum argument shape, const char *text)
{
	size_t size = strlen(text);
	bool blank = strspn(text, " \t") == size;

	switch (shape) {
	case ARGUMENT_NONE:
		return blank;
	case ARGUMENT_WORD:
		return !blank;
	case ARGUMENT_NUMBER:
		return strcmp(text, "0") == 0 || strcmp(text, " 7 ") == 0 ||
		       strcmp(text, "9223372036854775807") == 0;
	case ARGUMENT_PATH:
		return size > 0 && size < PATH_TEXT;
	case ARGUMENT_OPTPATH:
		return size < PATH_TEXT + 16;
	case ARGUMENT_TEXT:
	case ARGUMENT_OPTIONAL:
		break;
	}
	return true;
}

/* Denying a verb denies its X form as well. */
static bool is_denied_by_its_plain_form(const char *verb)
{
	static const char *const forms[][2] = {{"XCUP", "CDUP"}, {"XCWD", "CWD"}, {"XMKD", "MKD"},
		{"XPWD", "PWD"}, {"XRMD", "RMD"}, {"HASH", "RETR"}, {"MFF", "SITE"},
		{"MFMT", "MDTM"}, {"MLSD", "LIST"}, {"XCRC", "RETR"}, {"XMD5", "RETR"},
		{"XSHA1", "RETR"}, {"XSHA256", "RETR"}, {"XSHA512", "RETR"}};

	for (size_t i = 0; i < COUNT(forms); i++)
		if (strcmp(verb, forms[i][0]) == 0)
			return config_lists(config->cmds_denied, forms[i][1]);
	return false;
}

static int expect(const struct command *command, const char *argument)
{
	bool in = session.login.kind != LOGIN_NONE;

	if (!access_offers(config, command->class))
		return 502;
	if (!in && command->phase == PHASE_IN)
		return 530;
	if (in && !access_permits_verb(config, command->verb))
		return 550;
	if (in && is_denied_by_its_plain_form(command->verb))
		return 550;
	if (!is_shaped(command->argument, argument))
		return 501;
	if (in && !access_permits(config, session.login.anonymous, command->class))
		return 550;
	return 0;
}

static int ask_gate(const struct command *command, const char *argument)
{
	char text[PATH_TEXT + 32];
	struct call call = {.argument = text};

	strcpy(call.verb, command->verb);
	strcpy(text, argument);
	return dispatch_gate(&session, command, &call).code;
}

static void check_gate(void)
{
	for (size_t i = 0; i < command_count; i++) {
		for (size_t k = 0; k < COUNT(arguments); k++) {
			int code = ask_gate(&command_table[i], arguments[k]);
			if (code != expect(&command_table[i], arguments[k]))
				fail_msg("%s \"%.40s\": %d", command_table[i].verb, arguments[k],
					code);
		}
	}
}

/* The switches that open and close classes. */
static bool *const switches[] = {&session.config.dirlist_enable, &session.config.download_enable,
	&session.config.write_enable, &session.config.anon_upload_enable,
	&session.config.anon_mkdir_write_enable, &session.config.anon_other_write_enable,
	&session.config.pasv_enable, &session.config.port_enable, &session.config.hash_enable};

static void set_switches(unsigned set)
{
	for (size_t i = 0; i < COUNT(switches); i++)
		*switches[i] = (set >> i & 1) != 0;
}

static void test_gate_under_every_switch(void **state)
{
	(void)state;
	make_long_paths();
	for (unsigned set = 0; set < 1U << COUNT(switches); set++) {
		set_switches(set);
		for (enum who who = NOBODY; who <= LOCAL; who++) {
			become(who);
			check_gate();
		}
	}
}

static void test_gate_with_command_lists(void **state)
{
	(void)state;
	make_long_paths();
	for (size_t i = 0; i < command_count; i++) {
		for (enum who who = NOBODY; who <= LOCAL; who++) {
			set_switches(UINT32_MAX);
			become(who);
			config->cmds_denied = command_table[i].verb;
			check_gate();
			config->cmds_denied = NULL;
			config->cmds_allowed = command_table[i].verb;
			check_gate();
			config->cmds_allowed = NULL;
		}
	}
}

/* Said outright, and not in the words of the rules: what a denied verb, a closed class and a missing
 * login mean. */
static const struct {
	enum who who;
	bool write_enable;
	const char *denied, *verb, *argument;
	int code;
} refusals[] = {
	{NOBODY, true, NULL, "RETR", "x", 530},
	{NOBODY, true, NULL, "RETR", "", 530},
	{NOBODY, true, "RETR", "RETR", "x", 530},
	{NOBODY, true, "NOOP", "NOOP", "", 0},
	{NOBODY, true, NULL, "PWD", "", 530},
	{NOBODY, true, NULL, "PASV", "", 530},
	{NOBODY, true, NULL, "SITE", "HELP", 530},
	{NOBODY, true, NULL, "REST", "1", 530},
	{LOCAL, true, "RETR", "RETR", "x", 550},
	{LOCAL, true, "RETR", "RETR", "", 550},
	{LOCAL, true, "retr,dele", "DELE", "x", 550},
	{LOCAL, true, "QUIT", "QUIT", "", 550},
	{LOCAL, true, NULL, "DELE", "", 501},
	{LOCAL, false, NULL, "DELE", "", 501},
	{LOCAL, false, NULL, "DELE", "x", 550},
	{LOCAL, false, NULL, "STOR", "x", 550},
	{LOCAL, false, NULL, "RETR", "x", 0},
	{ANONYMOUS, true, NULL, "STOR", "x", 550},
	{ANONYMOUS, true, NULL, "APPE", "x", 550},
	{ANONYMOUS, true, NULL, "MKD", "x", 550},
	{ANONYMOUS, true, NULL, "RNFR", "x", 550},
	{ANONYMOUS, true, NULL, "SITE", "HELP", 550},
	{LOCAL, true, NULL, "SITE", "HELP", 0},
	{LOCAL, true, NULL, "REST", "1 2", 501},
	{LOCAL, true, NULL, "REST", "18446744073709551616", 501},
	{LOCAL, true, NULL, "TYPE", "", 501},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		become(refusals[i].who);
		config->write_enable = refusals[i].write_enable;
		config->cmds_denied = refusals[i].denied;
		if (ask_gate(command_find(refusals[i].verb), refusals[i].argument) !=
			refusals[i].code)
			fail_msg("case %zu: %s", i, refusals[i].verb);
	}
}

static void test_gate_trims_words_and_not_paths(void **state)
{
	struct call call = {.verb = "TYPE"};
	char words[] = " \t A N \t ", path[] = "  a b ";

	(void)state;
	become(LOCAL);
	call.argument = words;
	assert_int_equal(dispatch_gate(&session, command_find("TYPE"), &call).code, 0);
	assert_string_equal(call.argument, "A N");
	call.argument = path;
	assert_int_equal(dispatch_gate(&session, command_find("RETR"), &call).code, 0);
	assert_string_equal(call.argument, "  a b ");
}

/* ---- advertised means allowed ---- */

/* An argument that the row's shape admits. */
static const char *some_argument(const struct command *command)
{
	return command->argument == ARGUMENT_NONE     ? ""
	       : command->argument == ARGUMENT_NUMBER ? "0"
						      : "x";
}

/* Whether a line is the feature, or the feature and what this session has of it. */
static bool shows(const char *text, const char *feature)
{
	char line[64];
	size_t size = (size_t)snprintf(line, sizeof(line), "\n %s", feature);
	const char *at = strstr(text, line);

	return at && (at[size] == '\n' || at[size] == ' ');
}

static void check_features(void)
{
	struct reply answer = cmd_feat(&session, "");

	assert_int_equal(answer.code, 211);
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		bool passes = command->handle != cmd_none &&
			      ask_gate(command, some_argument(command)) == 0;
		if (dispatch_would_permit(&session, command) != passes)
			fail_msg("%s: would_permit is not what the gate says", command->verb);
		/* Its line speaks for MLSD too. */
		if (command->handle == cmd_mlst)
			passes &= dispatch_would_permit(&session, command_find("MLSD"));
		if (command->feature && shows(answer.text, command->feature) != passes)
			fail_msg("FEAT is wrong about %s", command->verb);
	}
}

static void test_features_under_every_switch(void **state)
{
	(void)state;
	for (unsigned set = 0; set < 1U << COUNT(switches); set++) {
		set_switches(set);
		become(LOCAL);
		check_features();
		become(ANONYMOUS);
		check_features();
	}
}

static void test_features_with_command_lists(void **state)
{
	(void)state;
	set_switches(UINT32_MAX);
	become(LOCAL);
	for (size_t i = 0; i < command_count; i++) {
		config->cmds_denied = command_table[i].verb;
		check_features();
		config->cmds_denied = NULL;
		config->cmds_allowed = command_table[i].verb;
		check_features();
		config->cmds_allowed = NULL;
	}
}

/* Before login FEAT tells what a login will be able to do; it must not promise more. */
static void test_features_before_login(void **state)
{
	(void)state;
	become(NOBODY);
	config->pasv_enable = false;
	config->cmds_denied = "SIZE";
	assert_int_equal(run("FEAT"), 211);
	assert_null(strstr(received, " PASV\r\n"));
	assert_null(strstr(received, " EPSV\r\n"));
	assert_null(strstr(received, " SIZE\r\n"));
	assert_non_null(strstr(received, " MDTM\r\n"));
	assert_non_null(strstr(received, " UTF8\r\n"));
}

/* ---- one line, one reply ---- */

static void test_every_verb_has_one_reply(void **state)
{
	static const char *const texts[] = {"", " ", " x", " x y", " 1", " I", " /", " -la", " *",
		" 127,0,0,1,200,200", " |1|127.0.0.1|51400|", " |2|::1|51400|", " ALL", " \xFF",
		" ..", " UTF8 ON", " CHMOD 644 x", " 20000101000000 x"};
	char line[128];

	for (size_t i = 0; i < command_count; i++) {
		for (size_t k = 0; k < PEOPLE * COUNT(texts); k++) {
			start(state);
			become((enum who)(k % PEOPLE));
			set_switches(k % 2 ? UINT32_MAX : 0);
			snprintf(line, sizeof(line), "%s%s", command_table[i].verb,
				texts[k / PEOPLE]);
			run(line);
			end(state);
		}
	}
	assert_int_equal(chdir(directory), 0);
	rmdir("x");
	rmdir("x y");
}

static const struct {
	const char *line;
	int code;
} words[] = {
	{"FOO", 500},
	{"FOO bar", 500},
	{"LISTX", 500},
	{"noop", 200},
	{"NoOp", 200},
	{"NOOP x", 200},
	{" NOOP", 500},
	{"\tNOOP", 500},
	{"NO\rOP", 500},
	{"\xFF\xFE", 500},
	{"\xEF\xBB\xBFNOOP", 500},
	{"%s%n%x%99999999d", 500},
	{"AAAAAAAAAAAAAAAA", 500},
	{"AUTH TLS", 502},
	{"PBSZ 0", 502},
	{"PROT P", 502},
	{"CCC", 502},
	{"ACCT x", 502},
	{"SMNT /", 502},
	{"LPRT 6", 502},
	{"LPSV", 502},
	{"FEAT", 211},
	{"HELP", 214},
	{"HELP RETR", 214},
	{"HELP FOO", 501},
	{"SYST", 215},
	{"RETR x", 530},
	{"PASS x", 503},
	{"USER", 501},
	{"USER ", 501},
	{"OPTS UTF8 ON", 200},
	{"OPTS", 501},
	{"OPTS FOO", 501},
	{"OPTS UTF8 OFF", 501},
	{"OPTS UTF8 NLST", 200},
	{"OPTS UTF-8 on", 200},
	{"LANG", 200},
	{"LANG en", 200},
	{"LANG EN-US", 200},
	{"LANG ko", 504},
	{"LANG english", 504},
	{"LANG e-", 501},
	{"LANG abcdefghi", 501},
	{"LANG en us", 501},
	{"LANG *", 501},
	{"CLNT", 200},
	{"CLNT some client 1.0", 200},
	{"CSID Name=x;", 200},
	{"HOST localhost", 502},
	{"MFCT x", 502},
	{"HASH x", 530},
	{"MLST", 530},
	{"HELP XSHA512", 214},
	{"HELP site", 214},
	{"USER ftp", 331},
	{"QUIT", 221},
};

static void test_words(void **state)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		start(state);
		if (run(words[i].line) != words[i].code)
			fail_msg("%s: %s", words[i].line, received);
		assert_int_equal(session.finishing, words[i].code == 221);
		end(state);
	}
}

static void test_every_pair_of_bytes(void **state)
{
	char line[2];

	(void)state;
	become(LOCAL);
	for (unsigned n = 0; n < 65536; n++) {
		unsigned count;
		line[0] = (char)(n >> 8);
		line[1] = (char)n;
		run_bytes(line, 2);
		assert_int_equal(
			read_replies(&count), line[0] && (line[1] || line[0] == '\r') ? 500 : 501);
		assert_int_equal(count, 1);
	}
	assert_false(session.finishing);
}

static void test_empty_line_is_a_keepalive(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		run_bytes("", 0);
		assert_string_equal(received, "");
	}
	assert_false(session.finishing);
	assert_int_equal(session.strangers, 0);
}

static void test_nul_opens_nothing(void **state)
{
	unsigned count;

	(void)state;
	become(LOCAL);
	config->write_enable = true;
	run_bytes("MKD a\0b", 7);
	assert_int_equal(read_replies(&count), 501);
	assert_int_equal(count, 1);
	assert_int_equal(access("a", F_OK), -1);
	run_bytes("NOOP\0", 5);
	assert_int_equal(read_replies(&count), 501);
}

static void test_http(void **state)
{
	static const char *const lines[] = {"GET / HTTP/1.1", "get /", "POST / HTTP/1.1", "HEAD /",
		"PUT /x", "OPTIONS *", "CONNECT a:1", "PATCH /"};

	for (size_t i = 0; i < PEOPLE * COUNT(lines); i++) {
		start(state);
		become((enum who)(i % PEOPLE));
		assert_int_equal(run(lines[i / PEOPLE]), 500);
		assert_true(session.finishing);
		assert_null(strstr(received, "/x"));
		end(state);
	}
}

static void test_strangers(void **state)
{
	int lines = 0;

	(void)state;
	while (!session.finishing && lines < 1000) {
		assert_int_equal(run("HELO there"), 500);
		lines++;
	}
	assert_int_equal(lines, 10);
	start(state);
	become(LOCAL);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(run("HELO there"), 500);
	assert_false(session.finishing);
}

static void test_format_strings_stay_text(void **state)
{
	static const char *const lines[] = {
		"CWD %s%n%x%99999999d", "SIZE %s%n", "SITE %n", "HELP %s%n"};

	(void)state;
	become(LOCAL);
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_true(run(lines[i]) >= 500);
	config->write_enable = true;
	assert_int_equal(run("MKD %s%n%x"), 257);
	assert_non_null(strstr(received, "%s%n%x\" created"));
	assert_int_equal(rmdir("%s%n%x"), 0);
}

/* ---- sequences ---- */

/* What each verb leaves of a pending REST and RNFR, whatever came of the verb itself. */
static void test_what_survives(void **state)
{
	char line[64];

	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		if (command->handle == cmd_rest || command->handle == cmd_rnfr)
			continue;
		start(state);
		become(LOCAL);
		session.pending.restart = 100;
		session.pending.rename = true;
		strcpy(session.rename_from, "nowhere");
		snprintf(line, sizeof(line), "%s %s", command->verb, some_argument(command));
		run(line);
		if ((session.pending.restart != 0) != (command->after == AFTER_RESTART))
			fail_msg("REST, then %s", command->verb);
		if (session.pending.rename)
			fail_msg("RNFR, then %s", command->verb);
		end(state);
	}
}

static void test_rename(void **state)
{
	(void)state;
	become(LOCAL);
	config->write_enable = true;
	make_file("a");
	assert_int_equal(run("RNTO b"), 503);
	assert_int_equal(run("RNFR a"), 350);
	assert_int_equal(run("RNTO b"), 250);
	assert_int_equal(run("RNTO c"), 503);
	assert_int_equal(run("RNFR b"), 350);
	assert_int_equal(run("NOOP"), 200);
	assert_int_equal(run("RNTO c"), 503);
	assert_int_equal(run("RNFR b"), 350);
	assert_int_equal(run("FOO"), 500);
	assert_int_equal(run("RNTO c"), 503);
	assert_int_equal(unlink("b"), 0);
}

/* The last RNFR counts, also when it fails. */
static void test_second_rename_that_fails(void **state)
{
	static const char *const seconds[] = {"RNFR missing", "RNFR secret", "RNFR", "RNFR a/b"};

	(void)state;
	become(LOCAL);
	config->write_enable = true;
	config->deny_file = "secret";
	make_file("a");
	make_file("secret");
	for (size_t i = 0; i < COUNT(seconds); i++) {
		assert_int_equal(run("RNFR a"), 350);
		assert_true(run(seconds[i]) >= 500);
		assert_int_equal(run("RNTO b"), 503);
		assert_int_equal(access("b", F_OK), -1);
	}
	assert_int_equal(run("RNFR a"), 350);
	config->cmds_denied = "RNFR";
	assert_int_equal(run("RNFR a"), 550);
	assert_int_equal(run("RNTO b"), 503);
	assert_int_equal(unlink("a"), 0);
	assert_int_equal(unlink("secret"), 0);
}

static void test_restart(void **state)
{
	(void)state;
	become(LOCAL);
	assert_int_equal(run("REST 100"), 350);
	assert_int_equal(run("PASV"), 227);
	assert_int_equal(run("TYPE I"), 200);
	assert_int_equal(session.pending.restart, 100);
	assert_int_equal(run("REST 9223372036854775807"), 350);
	assert_int_equal(session.pending.restart, INT64_MAX);
	assert_int_equal(run("REST -1"), 501);
	assert_int_equal(run("REST 9223372036854775808"), 501);
	assert_int_equal(run("REST x"), 501);
	assert_int_equal(run("REST 0"), 350);
	assert_int_equal(session.pending.restart, 0);
}

/* ---- what lies around ---- */

static bool holds(const void *storage, size_t size, const char *word)
{
	return memmem(storage, size, word, strlen(word)) != NULL;
}

static void test_password_is_wiped(void **state)
{
	static const char *const lines[] = {
		"PASS sesame-open", "pass sesame-open", "PaSs  sesame-open", "PASS\tsesame-open"};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		become(i % 2 ? LOCAL : NOBODY);
		assert_true(run(lines[i]) > 0);
		assert_false(holds(&session, sizeof(session), "sesame-open"));
		assert_false(holds(received, sizeof(received), "sesame-open"));
	}
}

/* The same after a login that failed: no account can have such a name. */
static void test_password_of_a_failed_login_is_wiped(void **state)
{
	(void)state;
	assert_int_equal(run("USER no account"), 331);
	assert_int_equal(run("PASS sesame-open"), 530);
	assert_false(holds(&session, sizeof(session), "sesame-open"));
	assert_int_equal(session.login.kind, LOGIN_NONE);
	assert_string_equal(session.user, "");
	assert_int_equal(run("PASS sesame-open"), 503);
}

static void test_failures_are_counted(void **state)
{
	(void)state;
	config->max_login_fails = 3;
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(run("USER no account"), 331);
		assert_int_equal(run("PASS x"), 530);
		assert_int_equal(session.finishing, i == 3);
	}
}

static void test_user_again(void **state)
{
	(void)state;
	become(LOCAL);
	assert_int_equal(run("USER bob"), 331);
	assert_int_equal(run("USER alice"), 530);
	assert_int_equal(run("PASS x"), 230);
	become(ANONYMOUS);
	assert_int_equal(run("USER Anonymous"), 331);
	assert_int_equal(run("USER root"), 530);
	assert_int_equal(session.login.kind, LOGIN_ANONYMOUS);
}

/* A directory's message, of lines as short as can be, behind a queue of other replies. */
static void test_message_behind_other_replies(void **state)
{
	static char text[4000];
	FILE *stream;

	(void)state;
	become(LOCAL);
	config->dirmessage_enable = true;
	memset(text, '\n', sizeof(text));
	stream = fopen(".message", "w");
	assert_non_null(stream);
	assert_int_equal(fwrite(text, 1, sizeof(text), stream), sizeof(text));
	fclose(stream);
	for (int i = 0; i < 1500; i++) {
		char line[] = "NOOP";
		dispatch_line(&session, line, 4);
	}
	run_bytes("CWD .", 5);
	assert_int_equal(unlink(".message"), 0);
	assert_true(strlen(received) > 4000);
	assert_string_equal(
		received + strlen(received) - 37, "250 Directory successfully changed.\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_of_a_nul),
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_longest_verb),
		cmocka_unit_test_setup_teardown(test_gate_under_every_switch, start, end),
		cmocka_unit_test_setup_teardown(test_gate_with_command_lists, start, end),
		cmocka_unit_test_setup_teardown(test_refusals, start, end),
		cmocka_unit_test_setup_teardown(test_gate_trims_words_and_not_paths, start, end),
		cmocka_unit_test_setup_teardown(test_features_under_every_switch, start, end),
		cmocka_unit_test_setup_teardown(test_features_with_command_lists, start, end),
		cmocka_unit_test_setup_teardown(test_features_before_login, start, end),
		cmocka_unit_test(test_every_verb_has_one_reply),
		cmocka_unit_test(test_words),
		cmocka_unit_test_setup_teardown(test_every_pair_of_bytes, start, end),
		cmocka_unit_test_setup_teardown(test_empty_line_is_a_keepalive, start, end),
		cmocka_unit_test_setup_teardown(test_nul_opens_nothing, start, end),
		cmocka_unit_test(test_http),
		cmocka_unit_test_setup_teardown(test_strangers, start, end),
		cmocka_unit_test_setup_teardown(test_format_strings_stay_text, start, end),
		cmocka_unit_test(test_what_survives),
		cmocka_unit_test_setup_teardown(test_rename, start, end),
		cmocka_unit_test_setup_teardown(test_second_rename_that_fails, start, end),
		cmocka_unit_test_setup_teardown(test_restart, start, end),
		cmocka_unit_test_setup_teardown(test_password_is_wiped, start, end),
		cmocka_unit_test_setup_teardown(
			test_password_of_a_failed_login_is_wiped, start, end),
		cmocka_unit_test_setup_teardown(test_failures_are_counted, start, end),
		cmocka_unit_test_setup_teardown(test_user_again, start, end),
		cmocka_unit_test_setup_teardown(test_message_behind_other_replies, start, end),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
