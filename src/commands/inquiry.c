#include "commands/inquiry.h"

#include <errno.h>
#include <string.h>

#include "commands/dispatch.h"
#include "commands/record.h"
#include "system/io.h"

/* A prompt is some module's text: one line of plain characters, and not a long one. */
static void send_question(struct session *session, const char *prompt)
{
	struct reply question = {.code = 331};
	char text[256];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	for (; *prompt; prompt++) {
		if (*prompt == '\n')
			buffer_byte(&b, ' ');
		else
			buffer_byte(&b, *prompt < ' ' || *prompt > '~' ? '?' : *prompt);
	}
	while (b.size > 0 && b.data[b.size - 1] == ' ')
		b.size--;
	if (b.size == 0)
		buffer_string(&b, "Answer required.");
	question.text = buffer_text(&b);
	record_reply(session, &question);
}

static int end_session(struct session *session, int event)
{
	session->finishing = true;
	session->ended = event;
	return -ECONNABORTED;
}

/* The next line, copied and wiped where it came from. 0, or an error that ends the questions. */
static int next_line(struct session *session, char line[LINE_MAX_SIZE + 1], size_t *out_size)
{
	char *text;
	int event;

	if (io_now() >= session->login_deadline)
		return end_session(session, -ETIMEDOUT);
	event = control_next(&session->control, session->config.idle_session_timeout,
		session->login_deadline, &text, out_size);
	if (event == LINE_TOO_LONG)
		return -EMSGSIZE;
	if (event != LINE_READY)
		return end_session(session, event);
	memcpy(line, text, *out_size);
	line[*out_size] = '\0';
	explicit_bzero(text, *out_size);
	return 0;
}

static void say(struct session *session, int code, const char *text)
{
	struct reply answer = reply(code, text);

	record_reply(session, &answer);
}

/* Takes one line: 1 with the answer in `out`, 0 if it was none, or an error that ends the questions. */
static int take_answer(struct session *session, char *line, size_t size, char *out, size_t capacity)
{
	struct call call;
	struct buffer b;

	if (size == 0)
		return 0;
	if (dispatch_split(line, size, &call) < 0) {
		say(session, 501, "NUL in command.");
		return 0;
	}
	record_command(session, call.verb, call.argument);
	if (strcmp(call.verb, "QUIT") == 0) {
		say(session, 221, "Goodbye.");
		session->ending = "quit";
		session->finishing = true;
		return -ECONNABORTED;
	}
	if (strcmp(call.verb, "PASS") != 0) {
		say(session, 503, "Answer the question with PASS.");
		return 0;
	}
	if (strlen(call.argument) >= capacity)
		return -EMSGSIZE;
	buffer_start(&b, out, capacity);
	buffer_string(&b, call.argument);
	buffer_text(&b);
	return 1;
}

static int ask(void *data, const char *prompt, char *out_answer, size_t capacity)
{
	static char line[LINE_MAX_SIZE + 1];
	struct inquiry *inquiry = data;
	struct session *session = inquiry->session;
	size_t size;
	int got;

	if (session->finishing)
		return -ECONNABORTED;
	send_question(session, prompt);
	do {
		got = next_line(session, line, &size);
		inquiry->since = io_now();
		if (got == 0)
			got = take_answer(session, line, size, out_answer, capacity);
		explicit_bzero(line, sizeof(line));
	} while (got == 0);
	return got < 0 ? got : 0;
}

static void tell(void *data, const char *text)
{
	const struct inquiry *inquiry = data;
	char line[512];
	struct buffer b;

	buffer_start(&b, line, sizeof(line));
	buffer_string(&b, "PAM says: ");
	buffer_string(&b, text);
	record_warning(inquiry->session, buffer_text(&b));
}

struct pam_dialogue inquiry_dialogue(struct inquiry *inquiry)
{
	return (struct pam_dialogue){.ask = ask, .tell = tell, .data = inquiry};
}
