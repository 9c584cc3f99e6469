/*
 * Stand-in for libpam.so.0 and its modules, which are glibc's: the accounts of the sandbox (tests/lib/sandbox), each with the
 * password secret-NAME, and those that the service ftp-virtual has alone.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pam_handle {
	const struct pam_conv *conversation;
	char service[64], user[256];
};

static int copy(char *out, size_t capacity, const char *text)
{
	return (size_t)snprintf(out, capacity, "%s", text) < capacity ? PAM_SUCCESS : PAM_BUF_ERR;
}

int pam_start(const char *service, const char *user, const struct pam_conv *conversation,
	pam_handle_t **out_handle)
{
	struct pam_handle *handle = calloc(1, sizeof(*handle));

	if (!handle)
		return PAM_BUF_ERR;
	handle->conversation = conversation;
	if (copy(handle->service, sizeof(handle->service), service) != PAM_SUCCESS ||
		copy(handle->user, sizeof(handle->user), user) != PAM_SUCCESS) {
		free(handle);
		return PAM_BUF_ERR;
	}
	*out_handle = handle;
	return PAM_SUCCESS;
}

int pam_end(pam_handle_t *handle, int status)
{
	(void)status;
	free(handle);
	return PAM_SUCCESS;
}

int pam_set_item(pam_handle_t *handle, int type, const void *item)
{
	(void)handle;
	(void)type;
	(void)item;
	return PAM_SUCCESS;
}

int pam_get_item(const pam_handle_t *handle, int type, const void **out_item)
{
	*out_item = type == PAM_USER ? handle->user : NULL;
	return PAM_SUCCESS;
}

static int is_known(const pam_handle_t *handle)
{
	if (strcmp(handle->service, "ftp-virtual") == 0)
		return strcmp(handle->user, "vera") == 0;
	return strcmp(handle->user, "alice") == 0 || strcmp(handle->user, "bob") == 0;
}

int pam_authenticate(pam_handle_t *handle, int flags)
{
	const struct pam_message message = {PAM_PROMPT_ECHO_OFF, "Password: "},
				 *messages = &message;
	const struct pam_conv *conversation = handle->conversation;
	struct pam_response *answers = NULL;
	char right[300];
	int status;

	(void)flags;
	status = conversation->conv(1, &messages, &answers, conversation->appdata_ptr);
	if (status != PAM_SUCCESS)
		return status;
	(void)snprintf(right, sizeof(right), "secret-%s", handle->user);
	status = is_known(handle) && strcmp(answers->resp, right) == 0 ? PAM_SUCCESS : PAM_AUTH_ERR;
	free(answers->resp);
	free(answers);
	return status;
}

int pam_acct_mgmt(pam_handle_t *handle, int flags)
{
	(void)handle;
	(void)flags;
	return PAM_SUCCESS;
}

int pam_setcred(pam_handle_t *handle, int flags)
{
	(void)handle;
	(void)flags;
	return PAM_SUCCESS;
}

int pam_open_session(pam_handle_t *handle, int flags)
{
	(void)handle;
	(void)flags;
	return PAM_SUCCESS;
}

int pam_close_session(pam_handle_t *handle, int flags)
{
	(void)handle;
	(void)flags;
	return PAM_SUCCESS;
}

const char *pam_strerror(pam_handle_t *handle, int status)
{
	(void)handle;
	return status == PAM_AUTH_ERR ? "Authentication failure" : "Failure";
}
