/*
 * Whole sessions: the client's half of the control connection is the input, after which it sends no more but listens.
 * Every port that a 227 or 229 names is connected to, and port 1025 is listened on; each data connection sends a text
 * and takes all that comes. For tests/lib/sandbox, as root: sessions are anonymous or
 * alice's, in a real jail.
 *
 * Every session must end by itself and in good order, every line have one final reply, every reply be well-formed, and
 * nothing outside the jail be changed or told.
 *
 * Each session is a child, whose counters of coverage are brought back.
 *
 * Input: a byte that chooses the configuration, then what the client says.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "session.h"

#define ROOT "/srv/ftp"
#define OUTSIDE "/srv/home/alice/secret"
#define FTP_ID 921
#define ACTIVE_PORT 1025
#define PATIENCE 30 /* seconds */
#define DATA_MAX 16

/* Bits of the first byte beside the configuration; see walls_off and has_said_all. */
#define WALLS_OFF 0x80
#define HASTY 0x40
#define LARGE 0x20 /* the text of data connections, so that it is spliced */

static const char common[] = "anonymous_enable=YES\n"
			     "write_enable=YES\n"
			     "anon_upload_enable=YES\n"
			     "anon_mkdir_write_enable=YES\n"
			     "anon_other_write_enable=YES\n"
			     "anon_umask=022\n"
			     "anon_root=" ROOT "\n"
			     "tcp_wrappers=NO\n"
			     "wtmp_enable=NO\n"
			     "btmp_enable=NO\n"
			     "delay_failed_login=0\n"
			     "accept_timeout=2\n"
			     "connect_timeout=2\n"
			     "data_connection_timeout=2\n"
			     "xferlog_enable=YES\n"
			     "log_ftp_protocol=YES\n"
			     "dual_log_enable=YES\n"
			     "json_log_file=/var/log/ftp.json\n";

#define DENIES 3 /* the variant with deny_file */
static const char *const variants[] = {
	"ls_recurse_enable=YES\n",
	"ascii_upload_enable=YES\nascii_download_enable=YES\ndirmessage_enable=YES\n"
	"delete_failed_uploads=YES\nuse_localtime=YES\nforce_dot_files=YES\nhide_ids=YES\n"
	"pasv_address=192.0.2.1\npasv_local_networks=127.0.0.0/8\n",
	"client_charset=EUC-KR\ntranslate_windows_paths=YES\ntilde_user_enable=YES\n"
	"wc_logs_enable=YES\ncmds_denied=STOU\nanon_max_rate=100000000\n",
	"deny_file={*.secret,b*}\nhide_file=.*\nupload_file=*[a-z]\ntext_userdb_names=YES\n"
	"host_config_dir=/run/hosts\nmax_login_fails=1000\n",
	"local_enable=YES\nchroot_local_user=YES\nlocal_root=" ROOT "\n",
};

static size_t variant_of(unsigned choice)
{
	return (choice & 0x1f) % COUNT(variants);
}

/* A sanitizer that has something to say is stopped by the walls before it says it: an input with another first byte
 * shows what it was. */
static const char *const walls_off[] = {
	"seccomp_sandbox=NO", "landlock_sandbox=NO", "login_sandbox=NO"};

static const char *const logs[] = {"/var/log/vsftpd.log", "/var/log/xferlog", "/var/log/ftp.json"};

/* A small quarantine keeps the process small, which is copied for every session. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4:malloc_context_size=2:detect_leaks=0";
}

/* ---- what nobody in the jail may see ---- */

static char secret[33]; /* random, so that no input says it */

static void make_secret(void)
{
	uint8_t bytes[16];

	must(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
}

/* Nor may libFuzzer see it, which takes hints from what is compared. */
__attribute__((no_sanitize("coverage"))) static bool tells_secret(const char *text, size_t size)
{
	for (size_t i = 0, same = 0; i < size; i++) {
		same = text[i] == secret[same] ? same + 1 : text[i] == secret[0];
		if (secret[same] == '\0')
			return true;
	}
	return false;
}

/* ---- the files ---- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	must(fd >= 0);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	must(fchown(fd, FTP_ID, FTP_ID) == 0);
	close(fd);
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	return at->level > 0 ? remove(path) : 0;
}

/* What is in the jail and not to be told: a file that not everyone may read, and what deny_file names. */
static void hide_secret(unsigned choice)
{
	bool denies = variant_of(choice) == DENIES;

	write_file(ROOT "/pub/closed", secret);
	must(chmod(ROOT "/pub/closed", 0600) == 0);
	write_file(ROOT "/b.secret", denies ? secret : "b");
	must(mkdir(ROOT "/pub/deep/box", 0755) == 0);
	write_file(ROOT "/pub/deep/box/in", denies ? secret : "in");
	must(symlink("../b.secret", ROOT "/pub/s") == 0);
	must(symlink("deep/box", ROOT "/pub/t") == 0);
}

static void make_tree(unsigned choice)
{
	static char large[50000];
	static const char *const directories[] = {ROOT, ROOT "/pub", ROOT "/a b", ROOT "/pub/deep"};

	memset(large, '\n', sizeof(large) - 1);
	must(nftw(ROOT, drop, 16, FTW_DEPTH | FTW_PHYS) == 0);
	for (size_t i = 0; i < COUNT(directories); i++) {
		if (i > 0)
			must(mkdir(directories[i], 0755) == 0);
		/* The jail's own directory must not be its user's. */
		must(chmod(directories[i], i > 0 ? 0777 : 0755) == 0);
	}
	write_file(ROOT "/pub/hello.txt", "Hello.\n");
	write_file(ROOT "/pub/large", large);
	write_file(ROOT "/pub/.message", "Look around.\n");
	write_file(ROOT "/a b/c", "");
	write_file(ROOT "/pub/deep/na\xc3\xafve", "x");
	must(symlink("../../home/alice/secret", ROOT "/out") == 0);
	must(symlink("pub", ROOT "/link") == 0);
	must(mkfifo(ROOT "/fifo", 0644) == 0);
	hide_secret(choice);
	for (size_t i = 0; i < COUNT(logs); i++)
		(void)truncate(logs[i], 0);
}

static struct stat outside[3];

static void look_outside(struct stat found[3])
{
	must(stat("/srv", &found[0]) == 0);
	must(stat("/srv/home/alice", &found[1]) == 0);
	must(stat(OUTSIDE, &found[2]) == 0);
}

static void must_be_untouched(void)
{
	struct stat now[3];

	look_outside(now);
	for (size_t i = 0; i < COUNT(now); i++) {
		must(now[i].st_mtim.tv_sec == outside[i].st_mtim.tv_sec);
		must(now[i].st_mtim.tv_nsec == outside[i].st_mtim.tv_nsec);
		must(now[i].st_ctim.tv_sec == outside[i].st_ctim.tv_sec);
		must(now[i].st_ctim.tv_nsec == outside[i].st_ctim.tv_nsec);
	}
}

static void config_path(char *path, size_t size, size_t variant)
{
	snprintf(path, size, "/run/fuzz%u.conf", (unsigned)variant);
}

/* ---- sockets ---- */

static struct sockaddr_in loopback(unsigned port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_on(unsigned port, struct sockaddr_in *out_at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in at = loopback(port);
	socklen_t size = sizeof(at);

	must(fd >= 0);
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0);
	must(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 64) == 0);
	must(getsockname(fd, (struct sockaddr *)out_at, &size) == 0);
	return fd;
}

static int connect_to(unsigned port)
{
	struct sockaddr_in at = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	must(fd >= 0);
	(void)connect(fd, (struct sockaddr *)&at, sizeof(at));
	return fd;
}

/* ---- the session ---- */

#ifdef __AFL_COMPILER

/* AFL's counters are shared with children anyway. */
static uint8_t none[1];
static uint8_t *const counter_bounds[2] = {none, none};

#else

/*
 * The bounds of the compiler's section of counters. Named in assembly: its own pass declares them in each object, and
 * would be confused by a second declaration in C.
 */
__asm__(".pushsection .data.rel.ro,\"aw\"\n"
	"counter_bounds: .quad __start___sancov_cntrs, __stop___sancov_cntrs\n"
	".popsection\n");
extern uint8_t *const counter_bounds[2];

#endif

static uint8_t *counters; /* the child's, in shared memory */

static size_t counters_size(void)
{
	return (size_t)(counter_bounds[1] - counter_bounds[0]);
}

_Noreturn static void serve(int control, unsigned choice)
{
	char path[32];
	const char *file = path;
	enum exit_class outcome;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	config_path(path, sizeof(path), variant_of(choice));
	const struct session_start start = {.control = control,
		.daemon = "soloftpd",
		.files = &file,
		.file_count = 1,
		.settings = walls_off,
		.setting_count = choice & WALLS_OFF ? COUNT(walls_off) : 0};
	outcome = session_run(&start);
	memcpy(counters, counter_bounds[0], counters_size());
	_exit((int)outcome);
}

static pid_t start_session(unsigned choice, int *out_client)
{
	static int listener = -1;
	static struct sockaddr_in at;
	int control;
	pid_t child;

	if (listener < 0)
		listener = listen_on(0, &at);
	*out_client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(connect(*out_client, (struct sockaddr *)&at, sizeof(at)) == 0);
	do {
		control = accept(listener, NULL, NULL);
	} while (control < 0 && errno == EINTR);
	must(control > 2 && fcntl(*out_client, F_SETFL, O_NONBLOCK) == 0);
	child = fork();
	must(child >= 0);
	if (child == 0) {
		close(*out_client);
		close(listener);
		serve(control, choice);
	}
	close(control);
	return child;
}

/* ---- replies ---- */

enum answer { DATA, IAC, OPTION };

/* What is heard on the control connection, byte by byte. */
struct hearing {
	enum answer telnet; /* within an answer to an option */
	char line[REPLY_LINE_MAX + 2];
	size_t size;
	char code[4];  /* of the multi-line reply that is under way; "" for none */
	size_t finals; /* replies that are not preliminary */
	unsigned last; /* code of the last of them */
};

static void must_be_text(const char *line, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (line[i] == '\r') {
			i++;
			must(i < size && line[i] == '\0');
		} else {
			must((unsigned char)line[i] >= 0x20 || line[i] == '\t');
		}
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void hear_line(struct hearing *to, const char *line, size_t size)
{
	bool numbered = size >= 4 && is_digit(line[0]) && is_digit(line[1]) && is_digit(line[2]) &&
			(line[3] == ' ' || line[3] == '-');

	must_be_text(line, size);
	must(!tells_secret(line, size));
	if (!to->code[0]) {
		must(numbered && line[0] >= '1' && line[0] <= '5');
		must(to->finals > 0 || memcmp(line, "220", 3) == 0 || memcmp(line, "421", 3) == 0);
		memcpy(to->code, line, 3);
	} else {
		must(numbered ? memcmp(line, to->code, 3) == 0 : size == 0 || !is_digit(line[0]));
	}
	if (!numbered || line[3] == '-')
		return;
	memset(to->code, 0, sizeof(to->code));
	if (line[0] == '1')
		return;
	to->last = (unsigned)strtoul(line, NULL, 10);
	to->finals++;
}

/* Returns whether the byte ends a line. */
static bool hear_byte(struct hearing *to, unsigned char byte)
{
	if (to->telnet == OPTION) {
		to->telnet = DATA;
		return false;
	}
	if (to->telnet == IAC) {
		/* Twice it is data; else an option is refused. */
		must(byte == 255 || byte == 252 || byte == 254);
		to->telnet = byte == 255 ? DATA : OPTION;
		if (byte != 255)
			return false;
	} else if (byte == 255) {
		to->telnet = IAC;
		return false;
	}
	must(to->size < sizeof(to->line));
	to->line[to->size++] = (char)byte;
	return byte == '\n';
}

/* ---- what was said ---- */

/* The lines that must be answered: all that have an end, but for empty ones. */
static size_t count_lines(const struct input *said)
{
	char *text = exactly(said->size);
	struct buffer answers = exact_buffer(1);
	size_t size = telnet_plainly((const char *)said->bytes, said->size, text, &answers);
	size_t lines = 0, length = 0;

	for (size_t i = 0; i < size; i++) {
		bool ends = text[i] == '\n';
		lines += ends && length > (i > 0 && text[i - 1] == '\r');
		length = ends ? 0 : length + 1;
	}
	free(answers.data);
	free(text);
	return lines;
}

/* ---- the client ---- */

struct client {
	struct input say;
	bool hasty; /* sends its end before it has heard all answers */
	size_t lines;
	struct hearing hearing;
	size_t data_size; /* of what each data connection is sent */
	unsigned data_count;
	struct pollfd wait[2 + DATA_MAX]; /* control, port 1025, data connections */
	size_t sent[2 + DATA_MAX];
};

static void add_data(struct client *client, int fd)
{
	unsigned place = 2;

	while (place < 2 + client->data_count && client->wait[place].fd >= 0)
		place++;
	if (place == 2 + DATA_MAX) {
		close(fd);
		return;
	}
	if (place == 2 + client->data_count)
		client->data_count++;
	client->wait[place] = (struct pollfd){.fd = fd, .events = POLLIN | POLLOUT};
	client->sent[place] = 0;
}

/* Whether the line says where to connect, and to which port. */
static unsigned port_of(const char *line)
{
	unsigned high, low, port;

	if (sscanf(line, "227 %*[^(](%*u,%*u,%*u,%*u,%u,%u)", &high, &low) == 2)
		return high << 8 | low;
	return sscanf(line, "229 %*[^(](|||%u|)", &port) == 1 ? port : 0;
}

static void take_line(struct client *client)
{
	struct hearing *hearing = &client->hearing;
	size_t size = hearing->size - 1;
	unsigned port;

	must(size > 0 && hearing->line[size - 1] == '\r');
	hearing->line[size - 1] = '\0';
	hear_line(hearing, hearing->line, size - 1);
	port = port_of(hearing->line);
	if (port > 0)
		add_data(client, connect_to(port));
	hearing->size = 0;
}

/* Returns whether the connection is still open. */
static bool hear(struct client *client)
{
	static unsigned char received[65536];
	ssize_t got = recv(client->wait[0].fd, received, sizeof(received), 0);

	for (ssize_t i = 0; i < got; i++)
		if (hear_byte(&client->hearing, received[i]))
			take_line(client);
	return got > 0;
}

static void speak(struct client *client)
{
	ssize_t sent = send(client->wait[0].fd, client->say.bytes, client->say.size, MSG_NOSIGNAL);

	if (sent > 0) {
		client->say.bytes += sent;
		client->say.size -= (size_t)sent;
	}
	if (sent < 0 || client->say.size == 0)
		client->wait[0].events = POLLIN;
}

static bool has_said_all(const struct client *client)
{
	return client->wait[0].events == POLLIN &&
	       (client->hasty || client->hearing.finals > client->lines);
}

static const char data_text[600000] = "One line.\r\nAnd another, \xff\x01 unfinished";

/* A data connection is sent a text, and listened to until it ends. */
static void tend(struct client *client, unsigned place)
{
	static char received[65536];
	struct pollfd *data = &client->wait[place];
	size_t *sent = &client->sent[place];
	ssize_t moved;

	if (data->revents & POLLOUT) {
		moved = send(data->fd, data_text + *sent, client->data_size - *sent, MSG_NOSIGNAL);
		*sent += moved > 0 ? (size_t)moved : 0;
	}
	if ((data->revents & POLLOUT) && *sent == client->data_size) {
		shutdown(data->fd, SHUT_WR);
		data->events = POLLIN;
	}
	if (data->revents & (POLLIN | POLLERR | POLLHUP)) {
		moved = recv(data->fd, received, sizeof(received), 0);
		if (moved > 0)
			must(!tells_secret(received, (size_t)moved));
		if (moved <= 0) {
			close(data->fd);
			data->fd = -1;
		}
	}
}

static int64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Until the server closes the control connection. */
static void converse(struct client *client)
{
	int64_t deadline = seconds_now() + PATIENCE;
	bool open = true, ended = false;

	while (open) {
		must(seconds_now() < deadline);
		(void)poll(client->wait, 2 + client->data_count, 1000);
		unsigned count = client->data_count;
		for (unsigned i = 0; i < count; i++)
			tend(client, 2 + i);
		if (client->wait[0].revents & POLLOUT)
			speak(client);
		if (client->wait[0].revents & (POLLIN | POLLERR | POLLHUP))
			open = hear(client);
		if (client->wait[1].revents & POLLIN)
			add_data(client, accept4(client->wait[1].fd, NULL, NULL, SOCK_NONBLOCK));
		if (!ended && has_said_all(client)) {
			shutdown(client->wait[0].fd, SHUT_WR);
			ended = true;
		}
	}
	close(client->wait[0].fd);
	for (unsigned i = 0; i < client->data_count; i++)
		if (client->wait[2 + i].fd >= 0)
			close(client->wait[2 + i].fd);
}

/* No command is answered twice, and none is not, unless one side has closed the connection. */
static void check_hearing(const struct client *client)
{
	const struct hearing *heard = &client->hearing;

	must(heard->telnet == DATA && heard->size == 0 && !heard->code[0] && heard->finals > 0);
	must(heard->finals <= 1 + client->lines + (heard->last == 421));
	must(client->hasty || heard->finals > client->lines || heard->last == 221 ||
		heard->last == 421 || heard->last == 500 || heard->last == 530);
}

/* ---- the target ---- */

static void set_up(void)
{
	char path[32];

	must(getuid() == 0 && access("/run/syslog.txt", F_OK) == 0); /* tests/lib/sandbox */
	for (size_t i = 0; i < COUNT(variants); i++) {
		char text[4096];
		snprintf(text, sizeof(text), "%s%s", common, variants[i]);
		config_path(path, sizeof(path), i);
		write_file(path, text);
		must(chown(path, 0, 0) == 0);
	}
	must(mkdir("/run/hosts", 0755) == 0);
	write_file("/run/hosts/one.example.net", "ftpd_banner=One.\n");
	must(chown("/run/hosts/one.example.net", 0, 0) == 0);
	make_secret();
	write_file(OUTSIDE, secret);
	look_outside(outside);
	counters = mmap(NULL, counters_size() + 1, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(counters != MAP_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static int active = -1;
	static struct client client;
	struct input in = {bytes, size};
	unsigned choice = take_byte(&in);
	struct sockaddr_in at;
	int status, fd;
	pid_t child;

	if (!counters) {
		set_up();
		active = listen_on(ACTIVE_PORT, &at);
	}
	make_tree(choice);
	client = (struct client){.say = in,
		.hasty = choice & HASTY,
		.lines = count_lines(&in),
		.data_size = choice & LARGE ? sizeof(data_text) : 40};
	child = start_session(choice, &fd);
	client.wait[0] = (struct pollfd){.fd = fd, .events = POLLIN | POLLOUT};
	client.wait[1] = (struct pollfd){.fd = active, .events = POLLIN};
	converse(&client);
	while (waitpid(child, &status, 0) != child)
		must(errno == EINTR); /* libFuzzer has timers */
	memcpy(counter_bounds[0], counters, counters_size());
	must(WIFEXITED(status) && WEXITSTATUS(status) <= EXIT_CLASS_CLIENT);
	check_hearing(&client);
	must_be_untouched();
	return 0;
}
