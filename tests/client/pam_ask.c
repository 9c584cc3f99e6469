/*
 * A PAM module for tests, which does what its arguments say, in their order, in every function of a service:
 *
 *   on=PROMPT off=PROMPT   asks, with the answer shown or hidden; the answers are kept, one behind the other
 *   info=TEXT error=TEXT   tells
 *   want=ANSWERS           all answers so far, with a '/' behind each; or else PAM_AUTH_ERR
 *   run=PROGRAM            starts `PROGRAM USER nonull`, its input the last answer with its NUL, as pam_unix does;
 *                          unless its status is 0, PAM_AUTH_ERR
 *   daemon=PATH            connects to the socket there; unless it can, PAM_AUTHINFO_UNAVAIL
 *   sleep=MILLISECONDS
 *   status=NUMBER          returns it
 *   close=NUMBER           returns it, if this is the end of a session
 *   log=FILE               notes the function and the user and group it ran as; the file stays open
 *
 * %XX in a value is a byte.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAM_SM_AUTH
#define PAM_SM_ACCOUNT
#define PAM_SM_SESSION
#include <security/pam_appl.h>
#include <security/pam_modules.h>

static char answers[1024], last[256];
static int file = -1;

static void decode(const char *text, char *out, size_t size)
{
	unsigned byte;

	for (; *text && size > 1; size--) {
		if (*text == '%' && sscanf(text + 1, "%2x", &byte) == 1) {
			*out++ = (char)byte;
			text += 3;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

static int say(pam_handle_t *handle, int style, const char *text)
{
	const struct pam_message message = {.msg_style = style, .msg = text};
	const struct pam_message *messages[] = {&message};
	struct pam_response *response = NULL;
	const struct pam_conv *conversation;
	int status = pam_get_item(handle, PAM_CONV, (const void **)&conversation);

	if (status == PAM_SUCCESS)
		status = conversation->conv(1, messages, &response, conversation->appdata_ptr);
	if (status != PAM_SUCCESS || !response)
		return status;
	if (response->resp) {
		strncat(answers, response->resp, sizeof(answers) - strlen(answers) - 2);
		strcat(answers, "/");
		strncpy(last, response->resp, sizeof(last) - 1);
		free(response->resp);
	}
	free(response);
	return PAM_SUCCESS;
}

static int start(pam_handle_t *handle, const char *program)
{
	const char *user = NULL;
	int ends[2], status;
	pid_t child;

	if (pam_get_item(handle, PAM_USER, (const void **)&user) != PAM_SUCCESS || pipe(ends) < 0)
		return PAM_SYSTEM_ERR;
	child = fork();
	if (child == 0) {
		dup2(ends[0], 0);
		close(ends[1]);
		execle(program, program, user, "nonull", NULL, (char *[]){NULL});
		_exit(99);
	}
	close(ends[0]);
	if (write(ends[1], last, strlen(last) + 1) < 0)
		status = -1;
	close(ends[1]);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return PAM_SYSTEM_ERR;
	return status == 0 ? PAM_SUCCESS : PAM_AUTH_ERR;
}

static int reach(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	status = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	close(fd);
	return status == 0 ? PAM_SUCCESS : PAM_AUTHINFO_UNAVAIL;
}

static int do_one(pam_handle_t *handle, const char *stage, const char *name, const char *value)
{
	struct timespec pause;

	if (strcmp(name, "on") == 0)
		return say(handle, PAM_PROMPT_ECHO_ON, value);
	if (strcmp(name, "off") == 0)
		return say(handle, PAM_PROMPT_ECHO_OFF, value);
	if (strcmp(name, "info") == 0)
		return say(handle, PAM_TEXT_INFO, value);
	if (strcmp(name, "error") == 0)
		return say(handle, PAM_ERROR_MSG, value);
	if (strcmp(name, "want") == 0)
		return strcmp(answers, value) == 0 ? PAM_SUCCESS : PAM_AUTH_ERR;
	if (strcmp(name, "daemon") == 0)
		return reach(value);
	if (strcmp(name, "run") == 0)
		return start(handle, value);
	if (strcmp(name, "status") == 0 ||
		(strcmp(name, "close") == 0 && strcmp(stage, "close") == 0))
		return atoi(value);
	if (strcmp(name, "sleep") == 0) {
		pause = (struct timespec){atoi(value) / 1000, atoi(value) % 1000 * 1000000L};
		nanosleep(&pause, NULL);
	}
	if (strcmp(name, "log") == 0) {
		if (file < 0)
			file = open(value, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		dprintf(file, "%s %d %d\n", stage, (int)geteuid(), (int)getegid());
	}
	return PAM_SUCCESS;
}

static int run(pam_handle_t *handle, const char *stage, int count, const char **arguments)
{
	char value[2048], name[16];
	int status = PAM_SUCCESS;

	answers[0] = '\0';
	for (int i = 0; i < count && status == PAM_SUCCESS; i++) {
		const char *equals = strchr(arguments[i], '=');
		snprintf(name, sizeof(name), "%.*s", (int)(equals - arguments[i]), arguments[i]);
		decode(equals + 1, value, sizeof(value));
		status = do_one(handle, stage, name, value);
	}
	return status;
}

int pam_sm_authenticate(pam_handle_t *handle, int flags, int count, const char **arguments)
{
	(void)flags;
	return run(handle, "authenticate", count, arguments);
}

int pam_sm_setcred(pam_handle_t *handle, int flags, int count, const char **arguments)
{
	(void)handle;
	for (int i = 0; i < count; i++)
		if (strncmp(arguments[i], "log=", 4) == 0)
			return do_one(handle, flags & PAM_DELETE_CRED ? "delete" : "establish",
				"log", arguments[i] + 4);
	return PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int count, const char **arguments)
{
	(void)flags;
	return run(handle, "account", count, arguments);
}

int pam_sm_open_session(pam_handle_t *handle, int flags, int count, const char **arguments)
{
	(void)flags;
	return run(handle, "open", count, arguments);
}

int pam_sm_close_session(pam_handle_t *handle, int flags, int count, const char **arguments)
{
	(void)flags;
	return run(handle, "close", count, arguments);
}
