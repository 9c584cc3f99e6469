#include "policy/access.h"

#include <string.h>

#include "text/path.h"
#include "text/pattern.h"

bool access_permits(const struct config *config, bool anonymous, enum access_class class)
{
	switch (class) {
	case CLASS_SESSION:
		return true;
	case CLASS_LIST:
		return config->dirlist_enable;
	case CLASS_DOWNLOAD:
		return config->download_enable;
	case CLASS_UPLOAD:
		return config->write_enable && (!anonymous || config->anon_upload_enable);
	case CLASS_MKDIR:
		return config->write_enable && (!anonymous || config->anon_mkdir_write_enable);
	case CLASS_MODIFY:
		return config->write_enable && (!anonymous || config->anon_other_write_enable);
	case CLASS_SITE:
		return !anonymous;
	case CLASS_CHMOD:
		return config->write_enable && config->chmod_enable && !anonymous;
	case CLASS_TIMES:
		return config->write_enable && config->mdtm_write &&
		       (!anonymous || config->anon_other_write_enable);
	case CLASS_PASSIVE:
		return config->pasv_enable;
	case CLASS_ACTIVE:
		return config->port_enable;
	case CLASS_HASH:
		return config->download_enable && config->hash_enable;
	case CLASS_HOST:
		return config->host_config_dir != NULL;
	case CLASS_TLS:
		return config->ssl_enable;
	}
	return false;
}

bool access_permits_verb(const struct config *config, const char *verb)
{
	if (config->cmds_denied && config_lists(config->cmds_denied, verb))
		return false;
	return !config->cmds_allowed || config_lists(config->cmds_allowed, verb);
}

/* vsftpd's rule: the pattern matches the name, or is found in it as it stands. */
static bool matches(const char *pattern, const char *name, size_t size)
{
	return pattern_match(pattern, name, size, PATTERN_BRACES) ||
	       memmem(name, size, pattern, strlen(pattern)) != NULL;
}

bool access_denies(const struct config *config, const char *path)
{
	const char *name;
	size_t size;

	if (!config->deny_file)
		return false;
	if (matches(config->deny_file, path, strlen(path)))
		return true;
	while (path_component(&path, &name, &size))
		if (matches(config->deny_file, name, size))
			return true;
	return false;
}

bool access_hides(const struct config *config, const char *name)
{
	return config->hide_file && matches(config->hide_file, name, strlen(name));
}

bool access_permits_transfer(const struct config *config, const char *path, bool upload)
{
	const char *pattern = upload ? config->upload_file : config->download_file;
	const char *name;

	if (!pattern)
		return true;
	name = path_last(path);
	return pattern_match(pattern, name, strlen(name), PATTERN_BRACES);
}
