#include "system/pam.h"

#include <dlfcn.h>
#include <errno.h>
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

#include "text/buffer.h"

/* libpam's functions, found by name: a session without a password never loads the library. */
static struct {
	bool loaded; /* all of them */
	__typeof__(pam_start) *start;
	__typeof__(pam_end) *end;
	__typeof__(pam_set_item) *set_item;
	__typeof__(pam_get_item) *get_item;
	__typeof__(pam_authenticate) *authenticate;
	__typeof__(pam_acct_mgmt) *acct_mgmt;
	__typeof__(pam_setcred) *setcred;
	__typeof__(pam_strerror) *strerror;
} pam;

static void *find(void *library, const char *name, bool *missing)
{
	void *symbol = dlsym(library, name);

	*missing |= !symbol;
	return symbol;
}

/* POSIX lets dlsym's result stand for a function; ISO C has no way to say it but through storage. */
#define FIND(name)                                                    \
	do {                                                          \
		void *symbol = find(library, "pam_" #name, &missing); \
		memcpy(&pam.name, &symbol, sizeof(symbol));           \
	} while (0)

static bool load(void)
{
	void *library = dlopen("libpam.so.0", RTLD_NOW);
	bool missing = false;

	if (!library)
		return false;
	FIND(start);
	FIND(end);
	FIND(set_item);
	FIND(get_item);
	FIND(authenticate);
	FIND(acct_mgmt);
	FIND(setcred);
	FIND(strerror);
	pam.loaded = !missing;
	return pam.loaded;
}

static void free_answers(struct pam_response *answers, int count)
{
	for (int i = 0; i < count; i++) {
		if (!answers[i].resp)
			continue;
		explicit_bzero(answers[i].resp, strlen(answers[i].resp));
		free(answers[i].resp);
	}
	free(answers);
}

static int converse(int count, const struct pam_message **messages,
	struct pam_response **out_answers, void *data)
{
	const struct pam_login *login = data;
	struct pam_response *answers;

	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	answers = calloc((size_t)count, sizeof(*answers));
	if (!answers)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;
		if (style == PAM_TEXT_INFO || style == PAM_ERROR_MSG)
			continue;
		if (style == PAM_PROMPT_ECHO_OFF)
			answers[i].resp = strdup(login->password);
		if (!answers[i].resp) {
			free_answers(answers, count);
			return PAM_CONV_ERR;
		}
	}
	*out_answers = answers;
	return PAM_SUCCESS;
}

/* PAM calls this instead of sleeping. */
static void no_delay(int status, unsigned usec, void *data)
{
	(void)status;
	(void)usec;
	(void)data;
}

static int set_items(pam_handle_t *handle, const struct pam_login *login)
{
	union {
		void (*function)(int, unsigned, void *);
		const void *item;
	} delay = {.function = no_delay};
	int status = pam.set_item(handle, PAM_RHOST, login->host);

	if (status == PAM_SUCCESS)
		status = pam.set_item(handle, PAM_TTY, "ftp");
	if (status == PAM_SUCCESS)
		status = pam.set_item(handle, PAM_FAIL_DELAY, delay.item);
	return status;
}

static int copy_user(pam_handle_t *handle, char *out, size_t capacity)
{
	const void *user = NULL;
	struct buffer b;
	int status = pam.get_item(handle, PAM_USER, &user);

	if (status != PAM_SUCCESS || !user)
		return status != PAM_SUCCESS ? status : PAM_USER_UNKNOWN;
	buffer_start(&b, out, capacity);
	buffer_string(&b, user);
	buffer_text(&b);
	return b.cut ? PAM_USER_UNKNOWN : PAM_SUCCESS;
}

static int run(pam_handle_t *handle, const struct pam_login *login, struct pam_verdict *verdict)
{
	int status;

	verdict->stage = "start";
	status = set_items(handle, login);
	if (status != PAM_SUCCESS)
		return status;
	verdict->stage = "authenticate";
	status = pam.authenticate(handle, PAM_DISALLOW_NULL_AUTHTOK);
	if (status != PAM_SUCCESS)
		return status;
	status = copy_user(handle, verdict->user, sizeof(verdict->user));
	if (status != PAM_SUCCESS)
		return status;
	verdict->stage = "account";
	status = pam.acct_mgmt(handle, 0);
	if (status != PAM_SUCCESS)
		return status;
	verdict->stage = "credentials";
	status = pam.setcred(handle, PAM_ESTABLISH_CRED);
	if (status == PAM_SUCCESS)
		verdict->stage = NULL;
	return status;
}

static void set_reason(struct pam_verdict *verdict, const char *text)
{
	struct buffer b;

	buffer_start(&b, verdict->reason, sizeof(verdict->reason));
	buffer_string(&b, text);
	buffer_text(&b);
}

int pam_check(const struct pam_login *login, struct pam_verdict *out_verdict)
{
	union {
		const struct pam_login *in;
		void *out;
	} data = {.in = login};
	struct pam_conv conversation = {.conv = converse, .appdata_ptr = data.out};
	pam_handle_t *handle = NULL;
	int status;

	*out_verdict = (struct pam_verdict){.stage = "load"};
	if (!pam.loaded && !load()) {
		set_reason(out_verdict, "libpam.so.0 can't be loaded");
		return -ENOSYS;
	}
	status = pam.start(login->service, login->user, &conversation, &handle);
	if (status != PAM_SUCCESS) {
		set_reason(out_verdict, "pam_start failed");
		return -ENOSYS;
	}
	status = run(handle, login, out_verdict);
	if (status != PAM_SUCCESS)
		set_reason(out_verdict, pam.strerror(handle, status));
	pam.end(handle, status);
	return status == PAM_SUCCESS ? 0 : -EACCES;
}
