#include "system/pam.h"

#include <dlfcn.h>
#include <errno.h>
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text/buffer.h"

/* libpam's functions, found by name: a session without a password never loads the library. */
static struct {
	void *library; /* NULL: not loaded */
	__typeof__(pam_start) *start;
	__typeof__(pam_end) *end;
	__typeof__(pam_set_item) *set_item;
	__typeof__(pam_get_item) *get_item;
	__typeof__(pam_authenticate) *authenticate;
	__typeof__(pam_acct_mgmt) *acct_mgmt;
	__typeof__(pam_setcred) *setcred;
	__typeof__(pam_open_session) *open_session;
	__typeof__(pam_close_session) *close_session;
	__typeof__(pam_strerror) *strerror;
} pam;

/* Questions of one login that the client is asked, beyond the password. */
#define QUESTIONS_MAX 8

/* What modules are told while a login is checked; outside that there is nobody to ask. */
static struct conversation {
	const struct pam_login *login;
	bool answered; /* the password has been given, to this prompt: */
	char prompt[PAM_MAX_MSG_SIZE];
	unsigned questions;
} conversation;

/* An admitted user's handle, until the end of the session. */
static struct {
	pam_handle_t *handle;
	bool open; /* a session is */
} kept;

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

/* With it go the libraries that it brought: a session is small while it waits. */
static void unload(void)
{
	dlclose(pam.library);
	pam.library = NULL;
}

static bool load(void)
{
	void *library = dlopen("libpam.so.0", RTLD_NOW);
	bool missing = false;

	if (!library)
		return false;
	pam.library = library;
	FIND(start);
	FIND(end);
	FIND(set_item);
	FIND(get_item);
	FIND(authenticate);
	FIND(acct_mgmt);
	FIND(setcred);
	FIND(open_session);
	FIND(close_session);
	FIND(strerror);
	if (missing)
		unload();
	return !missing;
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

/* The length of a prompt without what stands around its words. */
static size_t length_of(const char *prompt)
{
	size_t size = strlen(prompt);

	while (size > 0 && (prompt[size - 1] == ' ' || prompt[size - 1] == ':'))
		size--;
	return size;
}

/* Two modules may both ask for "Password: "; a client that was never made for more has one. */
static bool wants_password(const struct conversation *talk, const char *prompt)
{
	size_t size = length_of(prompt);

	return !talk->answered ||
	       (size == length_of(talk->prompt) && strncasecmp(prompt, talk->prompt, size) == 0);
}

static char *give_password(struct conversation *talk, const char *prompt)
{
	struct buffer b;

	if (!talk->answered) {
		buffer_start(&b, talk->prompt, sizeof(talk->prompt));
		buffer_string(&b, prompt);
		buffer_text(&b);
	}
	talk->answered = true;
	return strdup(talk->login->password);
}

static char *ask_client(struct conversation *talk, const char *prompt)
{
	const struct pam_dialogue *dialogue = talk->login->dialogue;
	char answer[PAM_ANSWER], *copy;

	if (!dialogue || ++talk->questions > QUESTIONS_MAX ||
		dialogue->ask(dialogue->data, prompt, answer, sizeof(answer)) < 0)
		return NULL;
	copy = strdup(answer);
	explicit_bzero(answer, sizeof(answer));
	return copy;
}

static char *answer_prompt(struct conversation *talk, const struct pam_message *message)
{
	bool hidden = message->msg_style == PAM_PROMPT_ECHO_OFF;

	if (!talk->login || (!hidden && message->msg_style != PAM_PROMPT_ECHO_ON))
		return NULL;
	if (hidden && wants_password(talk, message->msg))
		return give_password(talk, message->msg);
	return ask_client(talk, message->msg);
}

static void tell_client(const struct conversation *talk, const char *text)
{
	if (talk->login && talk->login->dialogue)
		talk->login->dialogue->tell(talk->login->dialogue->data, text);
}

static int converse(int count, const struct pam_message **messages,
	struct pam_response **out_answers, void *data)
{
	struct conversation *talk = data;
	struct pam_response *answers;

	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	answers = calloc((size_t)count, sizeof(*answers));
	if (!answers)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;
		if (style == PAM_TEXT_INFO || style == PAM_ERROR_MSG) {
			tell_client(talk, messages[i]->msg);
			continue;
		}
		answers[i].resp = answer_prompt(talk, messages[i]);
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

/* What modules return when they could not do what they wanted to. */
static bool is_hindrance(int status)
{
	return status == PAM_SYSTEM_ERR || status == PAM_ABORT || status == PAM_SESSION_ERR ||
	       status == PAM_CRED_ERR || status == PAM_PERM_DENIED;
}

int pam_check(const struct pam_login *login, struct pam_verdict *out_verdict)
{
	struct pam_conv functions = {.conv = converse, .appdata_ptr = &conversation};
	pam_handle_t *handle = NULL;
	int status;

	*out_verdict = (struct pam_verdict){.stage = "load"};
	if (!pam.library && !load()) {
		set_reason(out_verdict, "libpam.so.0 can't be loaded");
		return -ENOSYS;
	}
	status = pam.start(login->service, login->user, &functions, &handle);
	if (status != PAM_SUCCESS) {
		set_reason(out_verdict, "pam_start failed");
		return -ENOSYS;
	}
	conversation = (struct conversation){.login = login};
	status = run(handle, login, out_verdict);
	conversation.login = NULL;
	if (status != PAM_SUCCESS)
		set_reason(out_verdict, pam.strerror(handle, status));
	out_verdict->hindered = is_hindrance(status);
	if (status == PAM_SUCCESS && login->keep)
		kept.handle = handle;
	else
		pam.end(handle, status);
	/* After a wrong password there may be another. */
	if (status == PAM_SUCCESS && !login->keep)
		unload();
	return status == PAM_SUCCESS ? 0 : -EACCES;
}

/* ---- sessions ---- */

static int note(struct pam_verdict *verdict, const char *stage, int status)
{
	if (status == PAM_SUCCESS)
		return 0;
	if (!verdict->stage) {
		verdict->stage = stage;
		set_reason(verdict, pam.strerror(kept.handle, status));
		verdict->hindered = is_hindrance(status);
	}
	return -EACCES;
}

int pam_enter(struct pam_verdict *out_verdict)
{
	*out_verdict = (struct pam_verdict){.stage = NULL};
	if (!kept.handle)
		return 0;
	kept.open = note(out_verdict, "open_session", pam.open_session(kept.handle, 0)) == 0;
	return kept.open ? 0 : -EACCES;
}

int pam_leave(struct pam_verdict *out_verdict)
{
	*out_verdict = (struct pam_verdict){.stage = NULL};
	if (!kept.handle)
		return 0;
	if (kept.open)
		(void)note(out_verdict, "close_session", pam.close_session(kept.handle, 0));
	(void)note(out_verdict, "credentials", pam.setcred(kept.handle, PAM_DELETE_CRED));
	pam.end(kept.handle, PAM_SUCCESS);
	kept.handle = NULL;
	kept.open = false;
	return out_verdict->stage ? -EACCES : 0;
}
