/* What system calls are called: made from the system's header when this is built. */
#include "faults.h"

#include <string.h>
#include <sys/syscall.h>

static const struct {
	const char *name;
	int number;
} names[] = {
#include "faults-calls.h"
};

const char *call_name(int call)
{
	if (call == CALL_ALLOCATION)
		return "malloc";
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].number == call)
			return names[i].name;
	return "?";
}

int call_number(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	return -2;
}

int call_length(int call)
{
	switch (call) {
	case SYS_read:
	case SYS_write:
	case SYS_pread64:
	case SYS_pwrite64:
	case SYS_recvfrom:
	case SYS_sendto:
	case SYS_getdents64:
		return 2;
	case SYS_sendfile:
		return 3;
	case SYS_splice:
	case SYS_copy_file_range:
		return 4;
	default:
		return -1;
	}
}

bool call_can_be_short(int call)
{
	return call_length(call) >= 0;
}
