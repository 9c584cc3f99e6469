#include "commands/listargs.h"

#include <string.h>

static void take_letter(struct listargs *args, char letter)
{
	switch (letter) {
	case 'a':
	case 'A':
		args->all = true;
		break;
	case 'F':
		args->classify = true;
		break;
	case 'd':
		args->itself = true;
		break;
	case 'R':
		args->recurse = true;
		break;
	case 'r':
		args->reverse = true;
		break;
	case 'L':
		args->follow = true;
		break;
	case 'l':
		args->verbose = true;
		break;
	case 't':
		args->order = DIRECTORY_BY_TIME;
		break;
	case 'S':
		args->order = DIRECTORY_BY_SIZE;
		break;
	case 'U':
		args->order = DIRECTORY_UNSORTED;
		break;
	default:
		break;
	}
}

void listargs_read(const char *text, struct listargs *out_args)
{
	*out_args = (struct listargs){.order = DIRECTORY_BY_NAME};
	while (text[0] == '-') {
		size_t size = strcspn(text, " ");
		bool last = size == 2 && text[1] == '-';
		for (size_t i = 1; i < size; i++)
			take_letter(out_args, text[i]);
		text += size;
		text += strspn(text, " ");
		if (last)
			break;
	}
	out_args->path = text;
}
