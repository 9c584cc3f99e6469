#include "policy/layers.h"

#include <errno.h>
#include <string.h>

#include "text/path.h"

const char *layers_default_file(const char *daemon)
{
	return strcmp(daemon, "vsftpd") == 0 ? "/etc/vsftpd.conf" : "/etc/soloftpd.conf";
}

static int load_if_there(struct config *config, const char *file, struct config_note *out_error)
{
	int status = config_file(config, file, false, out_error);

	return status == -ENOENT ? 0 : status;
}

static int load_files(
	struct config *config, const struct layers *layers, struct config_note *out_error)
{
	int status = 0;

	if (layers->file_count == 0)
		return load_if_there(config, layers_default_file(layers->daemon), out_error);
	for (size_t i = 0; i < layers->file_count && status == 0; i++)
		status = config_file(config, layers->files[i], false, out_error);
	return status;
}

/* The file of the address that the client connected to: virtual hosts inside one super-server entry. */
static int load_host(
	struct config *config, const struct layers *layers, struct config_note *out_error)
{
	UNCLEARED char file[PATH_TEXT];

	if (!config->vhost_config_dir || !layers->host)
		return 0;
	if (path_join(config->vhost_config_dir, layers->host, file, sizeof(file)) == 0)
		return load_if_there(config, file, out_error);
	config_blame(config, OPTION_vhost_config_dir, "path too long", out_error);
	return -EINVAL;
}

int layers_load(struct config *config, const struct layers *layers, struct config_note *out_error)
{
	int status;

	config_defaults(config, layers->daemon);
	status = load_files(config, layers, out_error);
	for (size_t i = 0; i < layers->setting_count && status == 0; i++)
		status = config_setting(config, layers->settings[i], out_error);
	if (status == 0)
		status = load_host(config, layers, out_error);
	return status < 0 ? -EINVAL : 0;
}
