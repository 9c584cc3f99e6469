/* table: the book of commands, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "commands/table.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct command *find(const char *verb)
{
	const struct command *command = command_find(verb);

	if (!command)
		fail_msg("no %s", verb);
	return command;
}

static void test_rows_are_sorted(void **state)
{
	(void)state;
	assert_true(command_count > 40);
	for (size_t i = 1; i < command_count; i++)
		if (strcmp(command_table[i - 1].verb, command_table[i].verb) >= 0)
			fail_msg("%s is out of order", command_table[i].verb);
}

static void test_every_row_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_count; i++)
		assert_ptr_equal(command_find(command_table[i].verb), &command_table[i]);
}

static void test_rows_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		size_t size = strlen(command->verb);
		assert_in_range(size, 3, 7);
		for (size_t k = 0; k < size; k++)
			assert_true((command->verb[k] >= 'A' && command->verb[k] <= 'Z') ||
				    (k > 0 && command->verb[k] >= '0' && command->verb[k] <= '9'));
		assert_non_null(command->handle);
		assert_non_null(command->syntax);
		assert_in_range(command->argument, ARGUMENT_NONE, ARGUMENT_OPTPATH);
		assert_in_range(command->class, CLASS_SESSION, CLASS_HOST);
	}
}

static void test_what_is_no_verb(void **state)
{
	static const char *const words[] = {"", " ", "A", "ABO", "ABORT", "RETRX", "retr", "Retr",
		"ZZZZ", "AAAA", "RETR ", " RETR", "XRETR", "R", "\xFF\xFF", "USER\xFF", "%s",
		"LIST\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++)
		assert_null(command_find(words[i]));
}

/* RFC 959, RFC 1123 4.1.2.13 and what extends them, by what they must be able to do here. */
static void test_required_commands_work(void **state)
{
	static const char *const verbs[] = {"USER", "PASS", "QUIT", "PORT", "PASV", "TYPE", "MODE",
		"STRU", "RETR", "STOR", "APPE", "STOU", "RNFR", "RNTO", "DELE", "CWD", "CDUP",
		"RMD", "MKD", "PWD", "LIST", "NLST", "SYST", "STAT", "HELP", "NOOP", "REST", "ABOR",
		"ALLO", "SITE", "FEAT", "OPTS", "EPRT", "EPSV", "SIZE", "MDTM", "MLSD", "MLST",
		"LANG", "HOST", "XCUP", "XCWD", "XMKD", "XPWD", "XRMD"};

	(void)state;
	for (size_t i = 0; i < COUNT(verbs); i++)
		assert_ptr_not_equal(find(verbs[i])->handle, cmd_none);
}

/* Known to an RFC: answered by 502, not by 500 (RFC 1123 4.1.2.11). */
static void test_other_commands_are_known(void **state)
{
	static const char *const verbs[] = {"ACCT", "SMNT", "REIN", "AUTH", "ADAT", "PROT", "PBSZ",
		"CCC", "MIC", "CONF", "ENC", "LPRT", "LPSV", "MFCT"};

	(void)state;
	for (size_t i = 0; i < COUNT(verbs); i++)
		(void)find(verbs[i]);
}

/* All that a client can do before it has logged in; nothing here touches a file. */
static void test_before_login(void **state)
{
	static const char *const verbs[] = {"ACCT", "ADAT", "AUTH", "CCC", "CLNT", "CONF", "CSID",
		"ENC", "FEAT", "HELP", "HOST", "LANG", "LPRT", "LPSV", "MFCT", "MIC", "NOOP",
		"OPTS", "PASS", "PBSZ", "PROT", "QUIT", "REIN", "SMNT", "SYST", "USER"};

	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		bool listed = false;
		for (size_t k = 0; k < COUNT(verbs); k++)
			listed |= strcmp(command->verb, verbs[k]) == 0;
		if (command->phase == PHASE_ANY && !listed)
			fail_msg("%s works before login", command->verb);
		if (command->phase == PHASE_ANY)
			assert_int_equal(command->class,
				command->handle == cmd_host ? CLASS_HOST : CLASS_SESSION);
	}
}

static void test_classes(void **state)
{
	static const struct {
		const char *verb;
		enum access_class class;
	} cases[] = {
		{"RETR", CLASS_DOWNLOAD},
		{"STOR", CLASS_UPLOAD},
		{"STOU", CLASS_UPLOAD},
		{"APPE", CLASS_MODIFY},
		{"DELE", CLASS_MODIFY},
		{"RMD", CLASS_MODIFY},
		{"RNFR", CLASS_MODIFY},
		{"RNTO", CLASS_MODIFY},
		{"MKD", CLASS_MKDIR},
		{"MFF", CLASS_MODIFY},
		{"MFMT", CLASS_TIMES},
		{"AVBL", CLASS_UPLOAD},
		{"LIST", CLASS_LIST},
		{"NLST", CLASS_LIST},
		{"MLSD", CLASS_LIST},
		{"MLST", CLASS_LIST},
		{"RANG", CLASS_DOWNLOAD},
		{"HASH", CLASS_HASH},
		{"XCRC", CLASS_HASH},
		{"XMD5", CLASS_HASH},
		{"XSHA1", CLASS_HASH},
		{"XSHA256", CLASS_HASH},
		{"XSHA512", CLASS_HASH},
		{"HOST", CLASS_HOST},
		{"SITE", CLASS_SITE},
		{"PASV", CLASS_PASSIVE},
		{"EPSV", CLASS_PASSIVE},
		{"PORT", CLASS_ACTIVE},
		{"EPRT", CLASS_ACTIVE},
		{"CWD", CLASS_SESSION},
		{"QUIT", CLASS_SESSION},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(find(cases[i].verb)->class, cases[i].class);
}

/* RFC 775's names are the same commands. */
static void test_old_names(void **state)
{
	static const char *const names[][2] = {{"XCUP", "CDUP"}, {"XCWD", "CWD"}, {"XMKD", "MKD"},
		{"XPWD", "PWD"}, {"XRMD", "RMD"}};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		const struct command *old = find(names[i][0]), *now = find(names[i][1]);
		assert_ptr_equal(old->handle, now->handle);
		assert_int_equal(old->argument, now->argument);
		assert_int_equal(old->phase, now->phase);
		assert_int_equal(old->class, now->class);
		assert_int_equal(old->after, now->after);
		assert_null(old->feature);
		assert_string_equal(old->syntax, now->syntax);
	}
}

static void test_features(void **state)
{
	static const char *const lines[] = {"AVBL", "CLNT", "CSID", "EPRT", "EPSV", "HASH", "HOST",
		"LANG EN*", "MDTM", "MFF", "MFMT", "MLST", "PASV", "RANG STREAM", "REST STREAM",
		"SIZE", "TVFS", "UTF8", "XCRC", "XMD5", "XSHA1", "XSHA256", "XSHA512"};
	unsigned features = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		unsigned rows = 0;
		for (size_t k = 0; k < command_count; k++)
			rows += command_table[k].feature &&
				strcmp(command_table[k].feature, lines[i]) == 0;
		assert_int_equal(rows, 1);
	}
	for (size_t k = 0; k < command_count; k++) {
		features += command_table[k].feature != NULL;
		assert_false(command_table[k].feature && command_table[k].handle == cmd_none);
		assert_false(command_table[k].feature && strpbrk(command_table[k].feature, "\r\n"));
	}
	assert_int_equal(features, COUNT(lines));
}

/* A restart marker lives until the transfer that it is for; a rename until the next command. */
static void test_sequences(void **state)
{
	static const char *const transfers[] = {"RETR", "STOR", "APPE", "STOU", "LIST", "NLST",
		"MLSD", "HASH", "XCRC", "XMD5", "XSHA1", "XSHA256", "XSHA512"};
	static const char *const between[] = {"PASV", "EPSV", "PORT", "EPRT", "TYPE", "REST",
		"RANG", "SIZE", "MDTM", "MLST", "OPTS", "NOOP", "ALLO"};

	(void)state;
	for (size_t i = 0; i < COUNT(transfers); i++)
		assert_int_equal(find(transfers[i])->after, AFTER_CLEAR);
	for (size_t i = 0; i < COUNT(between); i++)
		assert_int_equal(find(between[i])->after, AFTER_RESTART);
	for (size_t i = 0; i < command_count; i++)
		assert_int_equal(command_table[i].after == AFTER_RENAME,
			strcmp(command_table[i].verb, "RNFR") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_sorted),
		cmocka_unit_test(test_every_row_is_found),
		cmocka_unit_test(test_rows_are_whole),
		cmocka_unit_test(test_what_is_no_verb),
		cmocka_unit_test(test_required_commands_work),
		cmocka_unit_test(test_other_commands_are_known),
		cmocka_unit_test(test_before_login),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_old_names),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_sequences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
