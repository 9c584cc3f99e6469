#include "ctl/certificates.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "system/certificate.h"
#include "system/process.h"
#include "system/vfs.h"

/* A certificate that ends so soon has not been renewed in time: those who renew by themselves do it earlier. */
#define DAYS_LEFT_MIN 14

void certificates_tell(
	const struct certificates_subject *subject, enum config_severity severity, const char *text)
{
	struct config_note note = {.line = 0};
	struct buffer b;

	if (subject->option != OPTION_COUNT) {
		config_blame(subject->config, subject->option, text, &note);
	} else {
		buffer_start(&b, note.file, sizeof(note.file));
		buffer_string(&b, subject->file);
		buffer_text(&b);
		buffer_start(&b, note.text, sizeof(note.text));
		buffer_string(&b, text);
		buffer_text(&b);
	}
	report_problem(severity, &note, subject->report);
}

void certificates_tell_about(const struct certificates_subject *subject,
	enum config_severity severity, const char *before, const char *name, const char *after)
{
	char text[256];
	struct buffer b;

	buffer_start(&b, text, sizeof(text));
	buffer_string(&b, before);
	buffer_string(&b, name);
	buffer_string(&b, after);
	certificates_tell(subject, severity, buffer_text(&b));
}

/* ---- one certificate ---- */

/* About certificate `index` of a file, the first without its number. */
static void tell_nth(const struct certificates_subject *subject, enum config_severity severity,
	unsigned index, const char *text)
{
	char number[64];
	struct buffer b;

	buffer_start(&b, number, sizeof(number));
	if (index > 0) {
		buffer_string(&b, "certificate ");
		buffer_number(&b, index + 1);
		buffer_string(&b, " of the file ");
	}
	certificates_tell_about(subject, severity, buffer_text(&b), text, "");
}

static void check_time(const struct certificates_subject *subject,
	const struct certificate *certificate, unsigned index)
{
	char text[64];
	struct buffer b;

	if (!certificate->begun) {
		tell_nth(subject, CONFIG_ERROR, index, "is not yet valid");
	} else if (certificate->ended) {
		tell_nth(subject, CONFIG_ERROR, index, "has expired");
	} else if (certificate->days_left < DAYS_LEFT_MIN) {
		buffer_start(&b, text, sizeof(text));
		buffer_string(&b, "expires within ");
		buffer_number(&b, (unsigned)certificate->days_left + 1U);
		buffer_string(&b, certificate->days_left == 0 ? " day" : " days");
		tell_nth(subject, CONFIG_WARNING, index, buffer_text(&b));
	}
}

static void check_strength(const struct certificates_subject *subject,
	const struct certificate *certificate, unsigned index)
{
	bool rsa = strncmp(certificate->key, "RSA", 3) == 0,
	     ec = strcmp(certificate->key, "EC") == 0;

	if (rsa && certificate->bits < 2048)
		tell_nth(subject, CONFIG_WARNING, index,
			"has a weak key: RSA keys have at least 2048 bits");
	if (ec && certificate->bits < 224)
		tell_nth(subject, CONFIG_WARNING, index,
			"has a weak key: elliptic curves have at least 224 bits");
	/* Nobody looks at a root's own signature. */
	if (certificate->weak_digest && !certificate->self_issued)
		tell_nth(subject, CONFIG_WARNING, index,
			"is signed with SHA-1 or MD5: clients refuse that");
}

/* Each certificate is followed by its issuer's, up to one that the clients have. */
static void check_order(
	const struct certificates_subject *subject, const struct certificate_file *file)
{
	bool disordered = false;

	for (unsigned i = 0; i < file->count; i++) {
		const struct certificate *one = &file->chain[i];
		bool last = i + 1 == file->count;
		if (i > 0 && !one->authority)
			tell_nth(subject, CONFIG_ERROR, i, "is none that issues others");
		if (one->by_next || one->self_issued || (one->by_another && disordered))
			continue;
		disordered |= one->by_another;
		if (one->by_another)
			tell_nth(subject, CONFIG_WARNING, i,
				"is not followed by its issuer's: the order is wrong");
		else if (!last)
			tell_nth(subject, CONFIG_WARNING, i,
				"is followed by one that has nothing to do with it");
		else if (!one->issuer_trusted)
			tell_nth(subject, CONFIG_WARNING, i,
				"has an issuer that is not in the file, and that this system does "
				"not know");
	}
	if (file->more)
		certificates_tell(
			subject, CONFIG_WARNING, "has more certificates than are looked at");
}

static void check_names(const struct certificates_subject *subject,
	const struct certificate_file *file, const char *name)
{
	if (!file->named)
		certificates_tell(subject, CONFIG_WARNING,
			"has no subjectAltName: clients know no other names of servers");
	else if (name && !certificate_has_name(file, name))
		certificates_tell_about(subject, CONFIG_WARNING, "is not for the name ", name, "");
	if (!file->for_servers)
		certificates_tell(
			subject, CONFIG_WARNING, "is not meant for servers: clients refuse it");
}

void certificates_check_writable(const struct certificates_subject *subject)
{
	struct facts facts;

	if (vfs_stat(subject->file, &facts) == 0 && (facts.mode & (S_IWGRP | S_IWOTH)) != 0)
		certificates_tell(subject, CONFIG_WARNING, "others than its owner can write to it");
}

bool certificates_is_hidden(const char *key_file)
{
	struct facts facts;
	int fd, error = vfs_open_read(key_file, &fd, &facts);

	if (error == 0)
		(void)vfs_close(fd);
	return (error == -EACCES || error == -EPERM) && !process_is_root();
}

/* The key, which blames its own option. */
static void check_key(struct certificates_subject subject, const struct certificate_file *file,
	enum option option, const char *key_file)
{
	char text[256];
	struct buffer problem;

	subject.option = subject.option == OPTION_COUNT ? OPTION_COUNT : option;
	buffer_start(&problem, text, sizeof(text));
	if (certificates_is_hidden(key_file))
		certificates_tell(&subject, CONFIG_WARNING,
			"the key can't be read: run as root to have it checked");
	else if (certificate_check_key(file, key_file, &problem) < 0)
		certificates_tell(&subject, CONFIG_ERROR, buffer_text(&problem));
}

void certificates_check_file(const struct certificates_subject *subject, enum option key_option,
	const char *key_file, const char *name, char *out_type)
{
	static struct certificate_file file;
	char text[256];
	struct buffer problem, type;

	*out_type = '\0';
	buffer_start(&problem, text, sizeof(text));
	if (certificate_read(subject->file, &file, &problem) < 0) {
		certificates_tell(subject, CONFIG_ERROR, buffer_text(&problem));
		return;
	}
	for (unsigned i = 0; i < file.count; i++) {
		check_time(subject, &file.chain[i], i);
		check_strength(subject, &file.chain[i], i);
	}
	check_order(subject, &file);
	check_names(subject, &file, name);
	certificates_check_writable(subject);
	check_key(*subject, &file, key_option, key_file);
	buffer_start(&type, out_type, CERTIFICATES_KEY);
	buffer_string(&type, file.chain[0].key);
	buffer_text(&type);
	certificate_close(&file);
}
