/* A talk's file: sections, items, and the words of the head. */
#include "script.h"
#include "text.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const section_names[] = {
	[SECTION_CONFIG] = "[config]",
	[SECTION_TREE] = "[tree]",
	[SECTION_TALK] = "[talk]",
	[SECTION_AFTER] = "[after]",
};

static bool complain(const struct script *script, unsigned int line, const char *text)
{
	printf("%s:%u: %s\n", script->path, line, text);
	return false;
}

static void *grown(void *array, size_t count, size_t size)
{
	void *more = reallocarray(array, count + 1, size);

	if (more == NULL)
		err(4, "memory");
	return more;
}

static char *copied(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		err(4, "memory");
	return copy;
}

static void add_item(
	struct script *script, enum section section, unsigned int line, const char *text)
{
	script->items = grown(script->items, script->count, sizeof(*script->items));
	script->items[script->count++] =
		(struct item){.section = section, .line = line, .text = copied(text)};
}

static bool add_under(
	struct script *script, enum section section, unsigned int line, const char *text)
{
	struct item *item = script->count > 0 ? &script->items[script->count - 1] : NULL;

	if (item == NULL || item->section != section)
		return complain(script, line, "a | line with nothing above it");
	item->under = grown(item->under, item->under_count, sizeof(*item->under));
	item->under[item->under_count++] = copied(text[1] == ' ' ? text + 2 : text + 1);
	return true;
}

static bool section_start(const char *text, enum section *section)
{
	for (size_t i = SECTION_CONFIG; i <= SECTION_AFTER; i++) {
		if (strcmp(text, section_names[i]) == 0) {
			*section = (enum section)i;
			return true;
		}
	}
	return false;
}

static bool take_line(struct script *script, enum section *section, unsigned int line, char *text)
{
	text[strcspn(text, "\n")] = '\0';
	if (section_start(text, section))
		return true;
	if (*section != SECTION_CONFIG) {
		if (*text == '\0' || *text == '#')
			return true;
		if (*text == '|')
			return add_under(script, *section, line, text);
	}
	add_item(script, *section, line, text);
	return true;
}

static bool head_only(struct script *script, const char *value)
{
	if (strcmp(value, "inprocess") == 0)
		script->modes = MODE_INPROCESS;
	else if (strcmp(value, "xinetd") == 0)
		script->modes = MODE_XINETD;
	else
		return false;
	return true;
}

static bool head_number(struct script *script, const char *word, const char *value)
{
	uint64_t number = 0;

	if (!number_of(value, &number) || number > 255)
		return false;
	if (strcmp(word, "slow") == 0)
		script->patience = (unsigned int)number;
	else if (strcmp(word, "exit") == 0)
		script->exit_status = (int)number;
	else
		return false;
	return true;
}

static bool head_word(struct script *script, const char *word, const char *value)
{
	if (strcmp(word, "mapped") == 0 && *value == '\0')
		script->mapped = true;
	else if (*value == '\0')
		return false;
	else if (strcmp(word, "only") == 0)
		return head_only(script, value);
	else if (strcmp(word, "daemon") == 0)
		script->daemon = value;
	else if (strcmp(word, "from") == 0)
		script->from = value;
	else if (strcmp(word, "to") == 0)
		script->to = value;
	else if (strcmp(word, "load") == 0)
		script->load = value;
	else if (strcmp(word, "setting") == 0 && script->setting_count < SETTINGS_MAX)
		script->settings[script->setting_count++] = value;
	else
		return head_number(script, word, value);
	return true;
}

static bool read_head(struct script *script)
{
	for (size_t i = 0; i < script->count; i++) {
		struct item *item = &script->items[i];
		if (item->section != SECTION_HEAD)
			continue;
		char *rest = item->text;
		const char *word = next_word(&rest);
		if (word == NULL || !head_word(script, word, rest))
			return complain(script, item->line, "not a word of a talk's head");
	}
	if ((script->setting_count > 0 || script->load != NULL) && script->modes != MODE_INPROCESS)
		return complain(script, 1, "\"setting\" and \"load\" want \"only inprocess\"");
	return true;
}

bool script_read(struct script *script, const char *path)
{
	*script = (struct script){.path = path,
		.modes = MODE_INPROCESS | MODE_XINETD,
		.patience = 5,
		.daemon = "soloftpd",
		.from = "127.0.0.1",
		.exit_status = -1};
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		printf("%s: cannot be opened\n", path);
		return false;
	}
	char *text = NULL;
	size_t room = 0;
	unsigned int line = 0;
	enum section section = SECTION_HEAD;
	bool good = true;

	while (good && getline(&text, &room, file) >= 0)
		good = take_line(script, &section, ++line, text);
	free(text);
	fclose(file);
	if (good && section < SECTION_TALK)
		good = complain(script, line, "no [talk]");
	return good && read_head(script);
}

void script_free(struct script *script)
{
	for (size_t i = 0; i < script->count; i++) {
		for (size_t j = 0; j < script->items[i].under_count; j++)
			free(script->items[i].under[j]);
		free(script->items[i].under);
		free(script->items[i].text);
	}
	free(script->items);
	*script = (struct script){0};
}
