#include "text/ascii.h"

#include <string.h>

size_t ascii_to_wire(struct ascii *state, const char *in, size_t size, char *out)
{
	const char *start = out;
	const char *end = in + size;

	while (in < end) {
		const char *line_end = memchr(in, '\n', (size_t)(end - in));
		size_t run = (size_t)((line_end ? line_end : end) - in);

		if (run > 0) {
			memcpy(out, in, run);
			out += run;
			state->after_cr = in[run - 1] == '\r';
		}
		if (!line_end)
			break;
		if (!state->after_cr)
			*out++ = '\r';
		*out++ = '\n';
		state->after_cr = false;
		in = line_end + 1;
	}
	return (size_t)(out - start);
}

size_t ascii_from_wire(struct ascii *state, const char *in, size_t size, char *out)
{
	const char *start = out;
	const char *end = in + size;

	while (in < end) {
		const char *cr;
		size_t run;

		if (state->after_cr && *in != '\n')
			*out++ = '\r';
		cr = memchr(in, '\r', (size_t)(end - in));
		run = (size_t)((cr ? cr : end) - in);
		memcpy(out, in, run);
		out += run;
		in += run;
		state->after_cr = cr != NULL;
		if (cr)
			in++;
	}
	return (size_t)(out - start);
}

size_t ascii_finish(struct ascii *state, char *out)
{
	if (!state->after_cr)
		return 0;
	state->after_cr = false;
	*out = '\r';
	return 1;
}
