/* The server's process, as /proc tells of it. */
#include "player.h"

#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_child_of(const char *pid, pid_t parent)
{
	char path[300];
	char line[512] = "";
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	fclose(file);
	const char *name_end = strrchr(line, ')');
	return name_end != NULL && sscanf(name_end, ") %*c %d", &found) == 1 && found == parent;
}

unsigned int process_children(pid_t parent, pid_t *out_last)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry = NULL;
	unsigned int count = 0;

	if (processes == NULL)
		err(4, "/proc");
	while ((entry = readdir(processes)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
			!is_child_of(entry->d_name, parent))
			continue;
		count++;
		*out_last = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	closedir(processes);
	return count;
}

/* Whether a line of the talk's configuration, or of a file of its tree, says this. */
static bool says(const struct script *script, const char *setting)
{
	for (size_t i = 0; i < script->count; i++) {
		const struct item *item = &script->items[i];
		if (item->section > SECTION_TREE)
			continue;
		if (strstr(item->text, setting) != NULL)
			return true;
		for (size_t j = 0; j < item->under_count; j++)
			if (strstr(item->under[j], setting) != NULL)
				return true;
	}
	return false;
}

/* What may be in a line of /proc/PID/status. */
struct limits {
	bool as_root;		    /* run_as_launching_user */
	unsigned long long holds;   /* capabilities */
	unsigned long long filters; /* the value of Seccomp */
};

static bool is_as_it_should(const struct limits *limits, const char *line)
{
	unsigned long long value = 0;
	unsigned int ids[4] = {0};

	if (sscanf(line, "Uid: %u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4 ||
		sscanf(line, "Gid: %u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4)
		return limits->as_root ||
		       (ids[0] != 0 && ids[1] == ids[0] && ids[2] == ids[0] && ids[3] == ids[0]);
	if (sscanf(line, "CapPrm: %llx", &value) == 1 || sscanf(line, "CapEff: %llx", &value) == 1)
		return limits->as_root || (value & ~limits->holds) == 0;
	if (sscanf(line, "CapInh: %llx", &value) == 1 || sscanf(line, "CapAmb: %llx", &value) == 1)
		return value == 0;
	if (sscanf(line, "NoNewPrivs: %llu", &value) == 1 ||
		sscanf(line, "Threads: %llu", &value) == 1)
		return value == 1;
	if (sscanf(line, "Seccomp: %llu", &value) == 1)
		return value == limits->filters;
	return true;
}

static bool check_status(struct player *player, pid_t pid)
{
	const struct script *script = player->script;
	const struct limits limits = {.as_root = says(script, "run_as_launching_user=YES"),
		.holds = says(script, "chown_uploads=YES") ? 1 : 0, /* CAP_CHOWN */
		.filters = says(script, "seccomp_sandbox=NO") ? 0 : 2};
	char path[64];
	char line[512];
	bool good = true;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	/* It may be over by now: a client can send QUIT behind PASS. */
	while (good && file != NULL && fgets(line, sizeof(line), file) != NULL) {
		/* A zombie's last lines are about nobody. */
		if (strncmp(line, "State:\tZ", 8) == 0)
			break;
		good = is_as_it_should(&limits, line) ||
		       fail(player, "after the login the process has %s", line);
	}
	if (file != NULL)
		fclose(file);
	return good;
}

bool process_check(struct player *player)
{
	pid_t session = 0;
	pid_t child = 0;

	if (player->super == 0)
		return true;
	unsigned int count = process_children(player->super, &session);
	if (count > 1 || (count == 1 && process_children(session, &child) > 0))
		return fail(player, "the session is more than one process");
	return count == 0 || check_status(player, session);
}
