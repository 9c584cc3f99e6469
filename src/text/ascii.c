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

size_t ascii_wire_size(struct ascii *state, const char *in, size_t size)
{
	const char *end = in + size, *line_end = in - 1;
	size_t added = 0;

	if (size == 0)
		return 0;
	while ((line_end = memchr(line_end + 1, '\n', (size_t)(end - line_end - 1))))
		added += line_end == in ? !state->after_cr : line_end[-1] != '\r';
	state->after_cr = end[-1] == '\r';
	return size + added;
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
