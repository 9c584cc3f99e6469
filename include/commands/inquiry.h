/* What PAM asks beyond the password, such as a one-time password: 331 is the question, PASS the answer. */
#ifndef SOLOFTPD_COMMANDS_INQUIRY_H
#define SOLOFTPD_COMMANDS_INQUIRY_H

#include "session.h"

struct inquiry {
	struct session *session;
	int64_t since; /* io_now() of the last PASS */
};

/*
 * The dialogue for one PASS; `inquiry` must stay as long as it does. A question is answered by the next PASS and
 * nothing else: other commands are told so, and the question stays open. QUIT, the client's end, a timeout,
 * SIGTERM and a flood end the session (session->finishing), as they do elsewhere; a line that is too long, or
 * an answer, ends the questions.
 */
struct pam_dialogue inquiry_dialogue(struct inquiry *inquiry);

#endif
