#include "text/telnet.h"

#include <string.h>

/* RFC 854, "Telnet command structure". */
#define WILL 251
#define WONT 252
#define DO 253
#define DONT 254
#define IAC 255

static enum telnet_state after_iac(unsigned char command)
{
	switch (command) {
	case WILL:
		return TELNET_WILL;
	case WONT:
		return TELNET_WONT;
	case DO:
		return TELNET_DO;
	case DONT:
		return TELNET_DONT;
	default:
		return TELNET_DATA;
	}
}

static void refuse(struct buffer *answers, unsigned char verb, unsigned char option)
{
	const unsigned char answer[] = {IAC, verb, option};

	/* Half an answer would make the next reply's first byte an option. */
	if (buffer_room(answers) >= sizeof(answer))
		buffer_bytes(answers, answer, sizeof(answer));
}

/* Takes one byte of a Telnet command; returns whether it is data after all. */
static bool take_command(struct telnet *telnet, unsigned char byte, struct buffer *answers)
{
	enum telnet_state state = telnet->state;

	telnet->state = TELNET_DATA;
	if (state == TELNET_IAC) {
		telnet->state = after_iac(byte);
		return byte == IAC;
	}
	if (state == TELNET_WILL)
		refuse(answers, DONT, byte);
	else if (state == TELNET_DO)
		refuse(answers, WONT, byte);
	return false;
}

size_t telnet_strip(struct telnet *telnet, char *bytes, size_t size, struct buffer *answers)
{
	size_t in = 0;
	size_t out = 0;

	while (in < size) {
		if (telnet->state == TELNET_DATA) {
			const char *iac = memchr(bytes + in, IAC, size - in);
			size_t run = iac ? (size_t)(iac - bytes) - in : size - in;

			if (in != out)
				memmove(bytes + out, bytes + in, run);
			in += run;
			out += run;
			if (iac) {
				telnet->state = TELNET_IAC;
				in++;
			}
		} else if (take_command(telnet, (unsigned char)bytes[in++], answers)) {
			bytes[out++] = (char)IAC;
		}
	}
	return out;
}
