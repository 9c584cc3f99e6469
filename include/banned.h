/*
 * Included before everything else: calls that this program never makes become compile errors.
 * Unbounded or locale-dependent string functions, format strings built at run time, processes, libc's
 * pattern matchers, alarm signals, and sorting that opens files.
 */
#ifndef SOLOFTPD_BANNED_H
#define SOLOFTPD_BANNED_H

/* The system's headers declare some of these; they come first, before the names are poisoned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <ctype.h>
#include <signal.h>
#include <glob.h>
#include <fnmatch.h>
#include <wordexp.h>
#include <spawn.h>
#include <grp.h>
#include <pwd.h>
#include <sys/types.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <syslog.h>

/* Some are macros under _FORTIFY_SOURCE. */
#undef alloca
#undef sprintf
#undef vsprintf
#undef strcpy
#undef strcat
#undef strncat
#undef stpcpy

/* fork, vfork and execve have rows in the book of system calls: tests/lint/calls looks for them in the objects. */
#ifdef __GNUC__
#pragma GCC poison strcpy strcat sprintf vsprintf gets strncat stpcpy strtok
#pragma GCC poison atoi atol atoll atof scanf sscanf fscanf
#pragma GCC poison system popen posix_spawn execl execlp execv execvp
#pragma GCC poison glob fnmatch wordexp alloca qsort
#pragma GCC poison alarm setitimer signal longjmp siglongjmp
#pragma GCC poison ctime asctime gmtime localtime mktemp tmpnam tempnam
#pragma GCC poison setuid setgid seteuid setegid setreuid setregid initgroups
#pragma GCC poison inet_ntoa inet_aton inet_addr gethostbyname
#endif

#endif
