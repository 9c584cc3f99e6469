/* Makes load for tests/bench/run:
 *
 *	load mode=MODE port=PORT [KEY=VALUE...]
 *
 * Modes: connect and login are n sessions by `parallel` clients at a time; retr, stor, list and command do n of the same in
 * each of `parallel` sessions; pipe sends n commands without waiting; idle opens n sessions and keeps them until its input ends.
 * Prints one JSON object: what was done, how long it took, and the median and the 99th percentile of single ones; with
 * usage=FILE, a control group's count, also the processor time that the group took meanwhile, after the logins. */
#include "load.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct worker {
	pthread_t thread;
	struct ftp ftp;
	long done, bytes;
	bool failed;
	double *first, *whole; /* seconds of each: to its first reply that counts, and in all */
};

static atomic_long taken;
static pthread_barrier_t ready, finished, go;

double now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static bool is(const char *mode)
{
	return strcmp(options.mode, mode) == 0;
}

/* Seconds of processor time, in the older kind of control groups' nanoseconds or the newer's line of microseconds. */
static double used(void)
{
	char text[256] = "";
	FILE *file = *options.usage ? fopen(options.usage, "r") : NULL;

	if (!file)
		return 0;
	(void)usleep(2000); /* what follows the last reply is to be over */
	if (!fgets(text, sizeof text, file))
		text[0] = '\0';
	(void)fclose(file);
	if (strncmp(text, "usage_usec ", 11) == 0)
		return strtod(text + 11, NULL) * 1e-6;
	return strtod(text, NULL) * 1e-9;
}

/* A client waits for the others, and for the count of processor time. */
static void wait_for(pthread_barrier_t *others)
{
	pthread_barrier_wait(others);
	pthread_barrier_wait(&go);
}

/* ---- whole sessions ---- */

static bool one_session(struct worker *worker)
{
	struct ftp *ftp = &worker->ftp;
	double start = now();
	double first;
	bool good = ftp_open(ftp);

	if (good && is("login"))
		good = ftp_login(ftp) && ftp_command(ftp, "PWD", '2');
	first = now();
	good = good && ftp_quit(ftp);
	ftp_close(ftp);
	worker->first[worker->done] = first - start;
	worker->whole[worker->done] = now() - start;
	worker->done += good;
	return good;
}

static void sessions(struct worker *worker)
{
	wait_for(&ready);
	while (atomic_fetch_add(&taken, 1) < options.n) {
		if (!one_session(worker)) {
			worker->failed = true;
			break;
		}
	}
	wait_for(&finished);
}

/* ---- the same again and again in one session ---- */

static void name_file(char *name, size_t size, long number)
{
	const char *sign = strchr(options.file, '#');

	if (sign)
		(void)snprintf(
			name, size, "%.*s%04ld", (int)(sign - options.file), options.file, number);
	else
		(void)snprintf(name, size, "%s", options.file);
}

/* An upload's file goes before the next one comes, so that its memory is used again while it is still at hand. */
static void remove_file(const char *name)
{
	char path[1024];

	(void)snprintf(path, sizeof path, "%s/%s", options.unlink, name);
	if (*options.unlink)
		(void)unlink(path);
}

static bool one_act(struct worker *worker, const char *name)
{
	struct ftp *ftp = &worker->ftp;
	char line[512];
	long bytes = 0, lines = 0;

	if (is("command"))
		return ftp_command(ftp, options.command, '2');
	if (is("stor")) {
		(void)snprintf(line, sizeof line, "STOR %s", name);
		worker->bytes += options.size;
		return ftp_send(ftp, line, options.size);
	}
	(void)snprintf(line, sizeof line, is("list") ? "%s" : "RETR %s",
		is("list") ? options.command : name);
	if (!ftp_receive(ftp, line, is("list"), &bytes, &lines))
		return false;
	worker->bytes += bytes;
	if ((options.expect >= 0 && bytes != options.expect) ||
		(options.lines >= 0 && lines < options.lines))
		return ftp_fault(ftp, "not what was expected");
	return true;
}

static void acts(struct worker *worker)
{
	char type[16], name[256];

	(void)snprintf(type, sizeof type, "TYPE %s", options.type);
	worker->failed = !ftp_open(&worker->ftp) || !ftp_login(&worker->ftp) ||
			 !ftp_command(&worker->ftp, type, '2');
	wait_for(&ready);
	double end = now() + (double)options.seconds;
	for (long i = 0; i < options.n && !worker->failed; i++) {
		double start = now();
		if (start > end)
			break;
		name_file(name, sizeof name, i);
		worker->ftp.aside = 0;
		worker->failed = !one_act(worker, name);
		worker->first[worker->done] = worker->whole[worker->done] =
			now() - start - worker->ftp.aside;
		worker->done += !worker->failed;
		remove_file(name);
	}
	wait_for(&finished);
	if (!worker->failed)
		(void)ftp_quit(&worker->ftp);
	ftp_close(&worker->ftp);
}

/* ---- commands without waiting ---- */

static long count_lines(const char *text, ssize_t length)
{
	long lines = 0;

	for (const char *at = text; (at = memchr(at, '\n', (size_t)(text + length - at))); at++)
		lines++;
	return lines;
}

static bool pump(struct worker *worker, const char *text, size_t length)
{
	struct ftp *ftp = &worker->ftp;

	while (worker->done < options.n) {
		struct pollfd wait = {
			.fd = ftp->fd, .events = (short)(length ? POLLIN | POLLOUT : POLLIN)};
		if (poll(&wait, 1, 60000) <= 0)
			return ftp_fault(ftp, "no replies");
		if (wait.revents & POLLOUT) {
			ssize_t sent = send(ftp->fd, text, length < 65536 ? length : 65536,
				MSG_NOSIGNAL | MSG_DONTWAIT);
			text += sent > 0 ? sent : 0;
			length -= sent > 0 ? (size_t)sent : 0;
		}
		if (wait.revents & (POLLIN | POLLHUP)) {
			ssize_t got = recv(ftp->fd, ftp->buffer, sizeof ftp->buffer, MSG_DONTWAIT);
			if (got == 0)
				return ftp_fault(ftp, "the session ended");
			worker->done += got > 0 ? count_lines(ftp->buffer, got) : 0;
		}
	}
	return true;
}

static void pipeline(struct worker *worker)
{
	size_t each = strlen(options.command) + 2;
	char *text = calloc((size_t)options.n + 1, each);

	worker->failed = !text || !ftp_open(&worker->ftp) || !ftp_login(&worker->ftp);
	for (long i = 0; text && i < options.n; i++)
		(void)snprintf(text + (size_t)i * each, each + 1, "%s\r\n", options.command);
	wait_for(&ready);
	if (!worker->failed)
		worker->failed = !pump(worker, text, (size_t)options.n * each);
	wait_for(&finished);
	if (!worker->failed)
		(void)ftp_quit(&worker->ftp);
	ftp_close(&worker->ftp);
	free(text);
}

/* ---- all of them ---- */

static void *work(void *argument)
{
	struct worker *worker = argument;

	worker->ftp.fd = -1;
	if (is("connect") || is("login"))
		sessions(worker);
	else if (is("pipe"))
		pipeline(worker);
	else
		acts(worker);
	return NULL;
}

static void report_fault(const char *fault)
{
	for (; *fault; fault++)
		if (*fault >= ' ' && *fault != '"' && *fault != '\\')
			(void)putchar(*fault);
}

static int idle(void)
{
	struct ftp *all = calloc((size_t)options.n, sizeof *all);
	char rest[64];
	long failed = 0;
	const char *fault = "";

	for (long i = 0; all && i < options.n && !failed; i++) {
		failed += !(ftp_open(&all[i]) && ftp_login(&all[i]) &&
			    ftp_command(&all[i], "PWD", '2'));
		fault = all[i].fault;
	}
	printf("{\"fault\": \"");
	report_fault(fault);
	printf("\"}\n");
	(void)fflush(stdout);
	while (read(0, rest, sizeof rest) > 0)
		;
	for (long i = 0; all && i < options.n; i++)
		ftp_close(&all[i]);
	free(all);
	return failed > 0;
}

static int by_size(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void report_times(const char *name, double *times, long count)
{
	if (!count)
		return;
	qsort(times, (size_t)count, sizeof *times, by_size);
	printf(", \"%s_p50\": %.9f, \"%s_p99\": %.9f", name, times[count / 2], name,
		times[count * 99 / 100]);
}

static int report(const struct worker *workers, double seconds, double processor)
{
	size_t room = (size_t)(options.n * options.parallel + 1);
	double *first = calloc(room, sizeof *first), *whole = calloc(room, sizeof *whole);
	long done = 0, bytes = 0;
	const char *fault = "";

	if (!first || !whole)
		return 2;
	for (long i = 0; i < options.parallel; i++) {
		const struct worker *one = &workers[i];
		for (long j = 0; !is("pipe") && j < one->done; j++) {
			first[done + j] = one->first[j];
			whole[done + j] = one->whole[j];
		}
		done += one->done;
		bytes += one->bytes;
		if (one->failed)
			fault = one->ftp.fault[0] ? one->ftp.fault : "failed";
	}
	double sum = 0;
	for (long i = 0; i < done; i++)
		sum += whole[i];
	printf("{\"done\": %ld, \"bytes\": %ld, \"seconds\": %.9f, \"sum\": %.9f, \"cpu\": %.9f, "
	       "\"fault\": \"",
		done, bytes, seconds, sum, processor);
	report_fault(fault);
	printf("\"");
	if (!is("pipe")) {
		report_times("first", first, done);
		report_times("whole", whole, done);
	}
	printf("}\n");
	free(first);
	free(whole);
	return 0;
}

static bool set_option(const char *word)
{
	const struct {
		const char *name;
		const char **text;
		long *number;
		bool *flag;
	} known[] = {
		{"mode=", &options.mode, NULL, NULL},
		{"user=", &options.user, NULL, NULL},
		{"pass=", &options.pass, NULL, NULL},
		{"file=", &options.file, NULL, NULL},
		{"command=", &options.command, NULL, NULL},
		{"type=", &options.type, NULL, NULL},
		{"cipher=", &options.cipher, NULL, NULL},
		{"usage=", &options.usage, NULL, NULL},
		{"unlink=", &options.unlink, NULL, NULL},
		{"source=", &options.source, NULL, NULL},
		{"n=", NULL, &options.n, NULL},
		{"parallel=", NULL, &options.parallel, NULL},
		{"port=", NULL, &options.port, NULL},
		{"size=", NULL, &options.size, NULL},
		{"expect=", NULL, &options.expect, NULL},
		{"lines=", NULL, &options.lines, NULL},
		{"seconds=", NULL, &options.seconds, NULL},
		{"tls=", NULL, NULL, &options.tls},
		{"epsv=", NULL, NULL, &options.epsv},
		{"discard=", NULL, NULL, &options.discard},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t length = strlen(known[i].name);
		if (strncmp(word, known[i].name, length) != 0)
			continue;
		if (known[i].text)
			*known[i].text = word + length;
		else if (known[i].number)
			*known[i].number = strtol(word + length, NULL, 10);
		else
			*known[i].flag = word[length] == '1';
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!set_option(argv[i])) {
			fprintf(stderr, "load: unknown: %s\n", argv[i]);
			return 2;
		}
	}
	(void)signal(SIGPIPE, SIG_IGN);
	ftp_prepare();
	if (is("idle"))
		return idle();
	struct worker *workers = calloc((size_t)options.parallel, sizeof *workers);
	if (!workers)
		return 2;
	(void)pthread_barrier_init(&ready, NULL, (unsigned)options.parallel + 1);
	(void)pthread_barrier_init(&finished, NULL, (unsigned)options.parallel + 1);
	(void)pthread_barrier_init(&go, NULL, (unsigned)options.parallel + 1);
	for (long i = 0; i < options.parallel; i++) {
		workers[i].first = calloc((size_t)options.n + 1, sizeof(double));
		workers[i].whole = calloc((size_t)options.n + 1, sizeof(double));
		if (!workers[i].first || !workers[i].whole ||
			pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 2;
	}
	pthread_barrier_wait(&ready);
	double processor = used(), start = now();
	pthread_barrier_wait(&go);
	pthread_barrier_wait(&finished);
	double seconds = now() - start;
	processor = used() - processor;
	pthread_barrier_wait(&go);
	for (long i = 0; i < options.parallel; i++)
		(void)pthread_join(workers[i].thread, NULL);
	return report(workers, seconds, processor);
}
