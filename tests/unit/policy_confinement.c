/* confinement: which rights follow from the configuration, and which directories can be written to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/confinement.h"
#include "policy/writable.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct config config;

static int start(void **state)
{
	(void)state;
	config_defaults(&config, "soloftpd");
	config.early_sources = 0;
	return 0;
}

/* ---- rights ---- */

static void close_all(void)
{
	config.dirlist_enable = config.download_enable = config.write_enable = false;
	config.anon_upload_enable = config.anon_mkdir_write_enable = false;
	config.anon_other_write_enable = config.dirmessage_enable = false;
}

#define UPLOAD (RIGHT_WRITE_FILE | RIGHT_MAKE_REG | RIGHT_TRUNCATE | RIGHT_REMOVE_FILE)

static void test_rights(void **state)
{
	const struct {
		bool *option;
		uint64_t local, anonymous;
	} rows[] = {
		{&config.dirlist_enable, RIGHT_READ_DIR, RIGHT_READ_DIR},
		{&config.download_enable, RIGHT_READ_FILE, RIGHT_READ_FILE},
		{&config.dirmessage_enable, RIGHT_READ_FILE, RIGHT_READ_FILE},
		{&config.write_enable, RIGHTS_CHANGE, 0},
		{&config.anon_upload_enable, 0, 0},
		{&config.anon_mkdir_write_enable, 0, 0},
		{&config.anon_other_write_enable, 0, 0},
	};

	(void)state;
	close_all();
	assert_true(confinement_rights(&config, false) == 0);
	assert_true(confinement_rights(&config, true) == 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		*rows[i].option = true;
		assert_true(confinement_rights(&config, false) == rows[i].local);
		assert_true(confinement_rights(&config, true) == rows[i].anonymous);
		*rows[i].option = false;
	}
}

static void test_rights_of_anonymous_writers(void **state)
{
	(void)state;
	close_all();
	config.write_enable = config.anon_upload_enable = true;
	assert_true(confinement_rights(&config, true) == UPLOAD);
	config.anon_mkdir_write_enable = true;
	assert_true(confinement_rights(&config, true) == (UPLOAD | RIGHT_MAKE_DIR));
	config.anon_upload_enable = false;
	assert_true(confinement_rights(&config, true) == RIGHT_MAKE_DIR);
	config.anon_other_write_enable = true;
	assert_true(confinement_rights(&config, true) == RIGHTS_CHANGE);
}

static void test_no_rights_to_execute(void **state)
{
	(void)state;
	config.anon_upload_enable = config.anon_other_write_enable = config.dirmessage_enable =
		true;
	for (int anonymous = 0; anonymous < 2; anonymous++)
		assert_true((confinement_rights(&config, anonymous != 0) &
				    (RIGHT_EXECUTE | RIGHT_IOCTL_DEV)) == 0);
}

static void test_gives(void **state)
{
	struct login login = {.kind = LOGIN_ANONYMOUS};

	(void)state;
	assert_false(confinement_gives(&config, &login));
	config.chown_uploads = true;
	assert_true(confinement_gives(&config, &login));
	login.kind = LOGIN_GUEST;
	login.anonymous = true;
	assert_false(confinement_gives(&config, &login));
	login.kind = LOGIN_LOCAL;
	assert_false(confinement_gives(&config, &login));
}

/* ---- places ---- */

static const char *const ours[] = {"/home", "/home/", "/home/alice", "/srv/ftp/pub", "/data",
	"/tmp/x", "/mnt/disk", "/media/stick", "/export/home/bob", "/var/www", "/var/www/html",
	"/var/ftp", "/etcetera", "/various/x", "/library", "/libs/x"};
static const char *const systems[] = {"/", "", "/etc", "/etc/cron.d", "/root", "/root/x",
	"/usr/local/x", "/bin", "/sbin", "/boot", "/dev/shm", "/proc/self", "/sys",
	"/run/user/1000", "/opt/x", "/lib", "/lib64", "/libx32/y", "/lost+found", "/var", "/var/",
	"/var/log", "/var/lib/x", "/var/spool/cron", "/var/mail/alice", "/snap", "/.snapshots/1",
	"/lib.usr-is-merged", "/nix/store", "/sysroot/etc", "/var/roothome", "/var/usrlocal/bin"};

static void assert_reaches(const char *const *paths, size_t count, bool expected)
{
	for (size_t i = 0; i < count; i++)
		if (writable_reaches(&config, paths[i]) != expected)
			fail_msg("%s %s", paths[i], expected ? "is not reached" : "is reached");
}

static void test_places_of_users(void **state)
{
	(void)state;
	assert_reaches(ours, COUNT(ours), true);
	assert_reaches(systems, COUNT(systems), false);
}

static void test_without_walls(void **state)
{
	(void)state;
	config.login_sandbox = false;
	assert_reaches(systems, COUNT(systems), true);
	config.login_sandbox = true;
	config.landlock_sandbox = false;
	assert_reaches(systems, COUNT(systems), true);
	config.landlock_sandbox = true;
	config.run_as_launching_user = true;
	assert_reaches(systems, COUNT(systems), true);
}

static void test_named_places(void **state)
{
	static const char *const in[] = {"/opt/anon", "/opt/anon/pub", "/var/lib/users",
		"/var/lib/users/alice", "/usr/one/x", "/usr/two", "/usr/three/"};
	static const char *const out[] = {"/opt", "/opt/anonymous", "/var/lib", "/var/lib/user",
		"/usr", "/usr/on", "/usr/twofold", "/usr/three_"};

	(void)state;
	config.anon_root = "/opt/anon";
	config.user_sub_token = "$USER";
	config.local_root = "/var/lib/users/$USER/files";
	config.login_writable = "/usr/one, /usr/two/,,  /usr/three";
	assert_reaches(in, COUNT(in), true);
	assert_reaches(out, COUNT(out), false);
	assert_reaches(systems, COUNT(systems), false);
}

static void test_the_part_before_the_token(void **state)
{
	(void)state;
	config.user_sub_token = "$USER";
	config.local_root = "/opt/u-$USER/files"; /* /opt/u-alice is no directory of its own */
	assert_true(writable_reaches(&config, "/opt/u-alice/files"));
	assert_true(writable_reaches(&config, "/opt/x"));
	config.local_root = "/$USER"; /* would be everything */
	assert_false(writable_reaches(&config, "/opt/x"));
	config.local_root = "/";
	assert_false(writable_reaches(&config, "/opt/x"));
	config.local_root = "//$USER";
	assert_false(writable_reaches(&config, "/opt/x"));
	config.local_root = "/./$USER";
	assert_false(writable_reaches(&config, "/opt/x"));
	config.local_root = "/srv/../$USER";
	assert_false(writable_reaches(&config, "/opt/x"));
	config.local_root = "$USER"; /* relative to the home */
	assert_false(writable_reaches(&config, "/opt/x"));
	config.user_sub_token = NULL;
	config.local_root = "/opt/$USER";
	assert_false(writable_reaches(&config, "/opt/x"));
	assert_true(writable_reaches(&config, "/opt/$USER/x"));
}

static void test_everything(void **state)
{
	(void)state;
	config.login_writable = "/";
	assert_reaches(systems + 2, COUNT(systems) - 2, true);
	assert_reaches(ours, COUNT(ours), true);
}

/* What the user's own file says comes when the walls stand. */
static void test_late_values(void **state)
{
	(void)state;
	config.sources[config.source_count++] = "soloftpd.conf";
	config_mark_early(&config);
	config.local_root = "/opt/x";
	config.login_writable = "/usr/one";
	config.origin[OPTION_local_root].source = 1;
	config.origin[OPTION_login_writable].source = 1;
	assert_true(writable_reaches(&config, "/opt/x/y"));
	assert_true(writable_reaches(&config, "/usr/one"));
	config.origin[OPTION_local_root].source = 2;
	config.origin[OPTION_login_writable].source = 2;
	assert_false(writable_reaches(&config, "/opt/x/y"));
	assert_false(writable_reaches(&config, "/usr/one"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rights, start),
		cmocka_unit_test_setup(test_rights_of_anonymous_writers, start),
		cmocka_unit_test_setup(test_no_rights_to_execute, start),
		cmocka_unit_test_setup(test_gives, start),
		cmocka_unit_test_setup(test_places_of_users, start),
		cmocka_unit_test_setup(test_without_walls, start),
		cmocka_unit_test_setup(test_named_places, start),
		cmocka_unit_test_setup(test_the_part_before_the_token, start),
		cmocka_unit_test_setup(test_everything, start),
		cmocka_unit_test_setup(test_late_values, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
