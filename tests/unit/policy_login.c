/* login: who the client is. What PAM says is left to tests that have a PAM service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "policy/login.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static char directory[256], list[300], missing[300];
static struct config config;
static struct login login;
static char text[512];
static struct buffer problem;

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/soloftpd.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	snprintf(list, sizeof(list), "%s/list", directory);
	snprintf(missing, sizeof(missing), "%s/missing", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(list);
	return rmdir(directory);
}

static int start(void **state)
{
	(void)state;
	config_defaults(&config, "soloftpd");
	memset(&login, 0, sizeof(login));
	buffer_start(&problem, text, sizeof(text));
	return 0;
}

static void write_file(const char *path, const char *content)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_true(fputs(content, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* ---- USER ---- */

static void test_anonymous_names(void **state)
{
	static const char *const names[] = {
		"ftp", "FTP", "Ftp", "anonymous", "ANONYMOUS", "aNonymous"};
	static const char *const others[] = {
		"", "ft", "ftpx", "anonymou", "anonymous ", " ftp", "bob"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		config.anonymous_enable = true;
		assert_true(login_is_anonymous(&config, names[i]));
		config.anonymous_enable = false;
		assert_false(login_is_anonymous(&config, names[i]));
	}
	config.anonymous_enable = true;
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(login_is_anonymous(&config, others[i]));
}

/* A list with alice in it. `user` decides anonymous or local. */
static const struct {
	bool anonymous_enable, local_enable, userlist_enable, userlist_deny, no_password;
	const char *user;
	enum login_user verdict;
} users[] = {
	{true, true, false, true, false, "bob", LOGIN_ASK},
	{true, true, false, true, false, "ftp", LOGIN_ASK},
	{true, true, false, true, true, "ftp", LOGIN_NO_PASSWORD},
	{true, true, false, true, true, "bob", LOGIN_ASK},
	{true, false, false, true, false, "bob", LOGIN_ANONYMOUS_ONLY},
	{true, false, false, true, false, "ANONYMOUS", LOGIN_ASK},
	{false, true, false, true, true, "ftp", LOGIN_ASK},
	{false, false, false, true, false, "ftp", LOGIN_ANONYMOUS_ONLY},
	{true, true, true, true, false, "alice", LOGIN_LISTED},
	{true, true, true, true, false, "Alice", LOGIN_ASK},
	{true, true, true, true, false, "alic", LOGIN_ASK},
	{true, true, true, true, false, "alicee", LOGIN_ASK},
	{true, true, true, true, false, "bob", LOGIN_ASK},
	{true, true, true, false, false, "alice", LOGIN_ASK},
	{true, true, true, false, false, "bob", LOGIN_UNLISTED},
	{true, true, true, false, false, "ftp", LOGIN_UNLISTED},
	{true, true, true, false, true, "anonymous", LOGIN_UNLISTED},
	{true, true, true, false, false, "", LOGIN_UNLISTED},
	{true, true, true, false, false, "# comment", LOGIN_ASK}, /* lists have no comments */
	{true, true, true, true, false, "carol", LOGIN_LISTED},	  /* trailing blanks, CR */
	{true, true, true, true, false, "last", LOGIN_LISTED},
	{true, false, true, true, false, "alice", LOGIN_ANONYMOUS_ONLY},
};

static void test_check_user(void **state)
{
	(void)state;
	write_file(list, "# comment\nalice\n\ncarol \t\r\nlast");
	for (size_t i = 0; i < COUNT(users); i++) {
		config.anonymous_enable = users[i].anonymous_enable;
		config.local_enable = users[i].local_enable;
		config.userlist_enable = users[i].userlist_enable;
		config.userlist_deny = users[i].userlist_deny;
		config.no_anon_password = users[i].no_password;
		config.userlist_file = list;
		if (login_check_user(&config, users[i].user) != users[i].verdict)
			fail_msg("case %zu: %s", i, users[i].user);
	}
}

/* A list that can't be read lets nobody in, whichever way it is meant. */
static void test_broken_list(void **state)
{
	const char *const files[] = {missing, NULL, directory, "/dev/zero"};

	(void)state;
	config.anonymous_enable = config.local_enable = config.userlist_enable = true;
	for (size_t i = 0; i < COUNT(files); i++) {
		config.userlist_file = files[i];
		config.userlist_deny = i % 2;
		assert_int_equal(login_check_user(&config, "bob"), LOGIN_BROKEN);
		assert_int_equal(login_check_user(&config, "ftp"), LOGIN_BROKEN);
		config.userlist_deny = !config.userlist_deny;
		assert_int_equal(login_check_user(&config, "bob"), LOGIN_BROKEN);
	}
}

/* ---- PASS, without PAM ---- */

static enum login_verdict check(const char *user, const char *password)
{
	buffer_start(&problem, text, sizeof(text));
	return login_check(&config, user, password, "127.0.0.1", NULL, &login, &problem);
}

static void test_anonymous(void **state)
{
	(void)state;
	config.anonymous_enable = true;
	config.ftp_username = "nobody";
	assert_int_equal(check("Anonymous", "me@example"), LOGIN_ADMITTED);
	assert_int_equal(login.kind, LOGIN_ANONYMOUS);
	assert_true(login.anonymous);
	assert_string_equal(login.name, "nobody");
	assert_string_equal(login.password, "me@example");
	config.ftp_username = NULL;
	assert_int_equal(check("ftp", ""), LOGIN_ADMITTED);
	assert_string_equal(login.name, "ftp");
	assert_string_equal(login.password, "?"); /* for the logs: one word */
	assert_int_equal(check("ftp", "a b c"), LOGIN_ADMITTED);
	assert_string_equal(login.password, "a_b_c");
}

static void test_anonymous_password_is_cut(void **state)
{
	char password[1000];

	(void)state;
	memset(password, 'p', sizeof(password) - 1);
	password[sizeof(password) - 1] = '\0';
	config.anonymous_enable = true;
	assert_int_equal(check("ftp", password), LOGIN_ADMITTED);
	assert_int_equal(strlen(login.password), LOGIN_PASSWORD - 1);
}

static void test_banned_addresses(void **state)
{
	(void)state;
	write_file(list, "bad@example\n\nworse@example\r\n");
	config.anonymous_enable = config.deny_email_enable = true;
	config.banned_email_file = list;
	assert_int_equal(check("ftp", "bad@example"), LOGIN_REFUSED);
	assert_true(problem.size > 0);
	assert_int_equal(check("ftp", "worse@example"), LOGIN_REFUSED);
	assert_int_equal(check("ftp", "Bad@example"), LOGIN_ADMITTED);
	assert_int_equal(check("ftp", "bad@example.org"), LOGIN_ADMITTED);
	assert_int_equal(check("ftp", ""), LOGIN_ADMITTED);
	config.banned_email_file = missing;
	assert_int_equal(check("ftp", "good@example"), LOGIN_FAILED);
	assert_non_null(strstr(buffer_text(&problem), "banned_email_file"));
	config.banned_email_file = NULL;
	assert_int_equal(check("ftp", "good@example"), LOGIN_FAILED);
}

static void test_required_addresses(void **state)
{
	(void)state;
	write_file(list, "good@example\n\n");
	config.anonymous_enable = config.secure_email_list_enable = true;
	config.email_password_file = list;
	assert_int_equal(check("ftp", "good@example"), LOGIN_ADMITTED);
	assert_int_equal(check("ftp", "other@example"), LOGIN_REFUSED);
	assert_int_equal(check("ftp", ""), LOGIN_REFUSED);
	config.email_password_file = missing;
	assert_int_equal(check("ftp", "good@example"), LOGIN_FAILED);
	config.email_password_file = NULL;
	assert_int_equal(check("ftp", "good@example"), LOGIN_FAILED);
}

static void test_names_that_never_reach_pam(void **state)
{
	static const char *const names[] = {"", " ", "-x", "a b", "a\tb", "a\x7F", "\xC3\xA9",
		"a\xC3\xA9", "a\n", "%s", "/etc", "~", "@x", "$(x)", "*"};
	char longest[200];

	(void)state;
	config.local_enable = true;
	for (size_t i = 0; i < COUNT(names); i++)
		if (check(names[i], "x") != LOGIN_REFUSED || problem.size == 0)
			fail_msg("\"%s\"", names[i]);
	memset(longest, 'a', sizeof(longest));
	longest[LOGIN_NAME] = '\0';
	assert_int_equal(check(longest, "x"), LOGIN_REFUSED);
	longest[LOGIN_PASSWORD] = '\0';
	assert_int_equal(check("bob", longest), LOGIN_REFUSED);
	assert_int_equal(login.kind, LOGIN_NONE);
}

static void test_local_is_off(void **state)
{
	(void)state;
	config.local_enable = false;
	assert_int_equal(check("bob", "x"), LOGIN_REFUSED);
	assert_int_equal(check("ftp", "x"), LOGIN_REFUSED);
	assert_int_equal(login.kind, LOGIN_NONE);
}

/* ---- guest or local, and the account ---- */

static enum login_verdict settle(enum login_kind kind, const char *name)
{
	login = (struct login){.kind = kind, .anonymous = kind == LOGIN_ANONYMOUS};
	snprintf(login.name, sizeof(login.name), "%s", name);
	buffer_start(&problem, text, sizeof(text));
	return login_settle(&config, &login, &problem);
}

static void test_settle_local(void **state)
{
	(void)state;
	assert_int_equal(settle(LOGIN_LOCAL, "nobody"), LOGIN_ADMITTED);
	assert_int_equal(login.kind, LOGIN_LOCAL);
	assert_false(login.anonymous);
	assert_string_equal(login.account.name, "nobody");
	assert_int_not_equal(login.account.uid, 0);
	/* Known to PAM and not to the system: no more than a wrong login. */
	assert_int_equal(settle(LOGIN_LOCAL, "no-such-user"), LOGIN_REFUSED);
	assert_int_equal(settle(LOGIN_LOCAL, "root"), LOGIN_REFUSED);
	assert_true(problem.size > 0);
}

static void test_settle_guest(void **state)
{
	(void)state;
	config.guest_enable = true;
	config.guest_username = "nobody";
	assert_int_equal(settle(LOGIN_LOCAL, "no-such-user"), LOGIN_ADMITTED);
	assert_int_equal(login.kind, LOGIN_GUEST);
	assert_true(login.anonymous);
	assert_string_equal(login.name, "no-such-user");
	assert_string_equal(login.account.name, "nobody");
	config.virtual_use_local_privs = true;
	assert_int_equal(settle(LOGIN_LOCAL, "no-such-user"), LOGIN_ADMITTED);
	assert_false(login.anonymous);
	/* The administrator's mistake, which must not tell that the password was right. */
	config.guest_username = "no-such-user";
	assert_int_equal(settle(LOGIN_LOCAL, "nobody"), LOGIN_REFUSED);
	assert_non_null(strstr(buffer_text(&problem), "guest_username"));
	config.guest_username = "root";
	assert_int_not_equal(settle(LOGIN_LOCAL, "nobody"), LOGIN_ADMITTED);
}

static void test_settle_anonymous(void **state)
{
	(void)state;
	config.guest_enable = true; /* is not for anonymous sessions */
	config.guest_username = "root";
	assert_int_equal(settle(LOGIN_ANONYMOUS, "nobody"), LOGIN_ADMITTED);
	assert_int_equal(login.kind, LOGIN_ANONYMOUS);
	assert_true(login.anonymous);
	assert_int_equal(settle(LOGIN_ANONYMOUS, "no-such-user"), LOGIN_FAILED);
	assert_int_not_equal(settle(LOGIN_ANONYMOUS, "root"), LOGIN_ADMITTED);
	config.run_as_launching_user = true;
	assert_int_equal(settle(LOGIN_ANONYMOUS, "no-such-user"), LOGIN_ADMITTED);
}

/* ---- the user's own file ---- */

static struct config_note note;

static int configure(const char *name, const char *content)
{
	char path[600];
	int error;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (content)
		write_file(path, content);
	memset(&note, 0, sizeof(note));
	snprintf(login.name, sizeof(login.name), "%s", name);
	error = login_configure(&config, &login, &note);
	if (content)
		unlink(path);
	return error;
}

static void test_configure(void **state)
{
	(void)state;
	config.anonymous_enable = true;
	assert_int_equal(configure("bob", "write_enable=YES\n"), 0);
	assert_false(config.write_enable); /* no user_config_dir */
	config.user_config_dir = directory;
	assert_int_equal(configure("bob", "write_enable=YES\n"), 0);
	assert_true(config.write_enable);
	assert_int_equal(configure("bob", NULL), 0);
	assert_int_equal(configure("bob", "nonsense=1\n"), -EINVAL);
	assert_int_equal(note.line, 1);
	assert_int_equal(configure("bob", "\npasv_local_networks=near\n"), -EINVAL);
	assert_int_equal(note.line, 2);
}

static void test_configure_comes_late(void **state)
{
	(void)state;
	config.anonymous_enable = true;
	config.user_config_dir = directory;
	assert_int_equal(configure("bob", "chroot_local_user=YES\nlocal_root=/x\n"), 0);
	assert_false(config.chroot_local_user);
	assert_string_equal(config.local_root, "/x");
	assert_int_equal(config.note_count, 1);
}

/* Only a "/" makes vsftpd leave the file out. */
static void test_configure_hidden_name(void **state)
{
	(void)state;
	config.anonymous_enable = true;
	config.user_config_dir = directory;
	assert_int_equal(configure(".bob", "hide_ids=YES\n"), 0);
	assert_true(config.hide_ids);
}

static void test_configure_stays_in_its_directory(void **state)
{
	char away[256 + 16];

	(void)state;
	config.anonymous_enable = true;
	snprintf(away, sizeof(away), "%s/sub", directory);
	config.user_config_dir = away;
	assert_int_equal(mkdir(away, 0700), 0);
	write_file(list, "write_enable=YES\n");
	assert_int_equal(configure("../list", NULL), 0);
	assert_int_equal(configure(list, NULL), 0);
	assert_int_equal(configure(".", NULL), 0);
	assert_int_equal(configure("..", NULL), 0);
	assert_false(config.write_enable);
	assert_int_equal(rmdir(away), 0);
}

static void test_configure_over_long(void **state)
{
	static char deep[5000];

	(void)state;
	memset(deep, 'd', sizeof(deep) - 1);
	config.anonymous_enable = true;
	config.user_config_dir = deep;
	assert_int_equal(configure("bob", NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_anonymous_names, start),
		cmocka_unit_test_setup(test_check_user, start),
		cmocka_unit_test_setup(test_broken_list, start),
		cmocka_unit_test_setup(test_anonymous, start),
		cmocka_unit_test_setup(test_anonymous_password_is_cut, start),
		cmocka_unit_test_setup(test_banned_addresses, start),
		cmocka_unit_test_setup(test_required_addresses, start),
		cmocka_unit_test_setup(test_names_that_never_reach_pam, start),
		cmocka_unit_test_setup(test_local_is_off, start),
		cmocka_unit_test_setup(test_settle_local, start),
		cmocka_unit_test_setup(test_settle_guest, start),
		cmocka_unit_test_setup(test_settle_anonymous, start),
		cmocka_unit_test_setup(test_configure, start),
		cmocka_unit_test_setup(test_configure_comes_late, start),
		cmocka_unit_test_setup(test_configure_hidden_name, start),
		cmocka_unit_test_setup(test_configure_stays_in_its_directory, start),
		cmocka_unit_test_setup(test_configure_over_long, start),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
