/* Names in the order of their bytes, many at a time. */
#ifndef SOLOFTPD_TEXT_ORDER_H
#define SOLOFTPD_TEXT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct order_entry {
	uint64_t key;	/* sorts before the name does */
	uint32_t name;	/* where it begins in the names, each with its terminator */
	uint32_t place; /* the caller's */
};

/* Bytes behind the last name that are read, whatever they are. */
#define ORDER_SLACK 8

/* Makes keys of the names: their next eight bytes behind those that all begin with, since names that a program has numbered
 * differ late. */
void order_set_keys(struct order_entry *entries, size_t count, const char *names);

/* Whether each entry comes before the one behind it, or with `backwards` each behind it. */
bool order_holds(
	const struct order_entry *entries, size_t count, const char *names, bool backwards);

/* Sorts by key and then by name; no input makes it slow, since clients choose the names. Returns where the result is: in
 * `entries`, or in `spare`, which has room for as many. */
struct order_entry *order_sort(
	struct order_entry *entries, struct order_entry *spare, size_t count, const char *names);

void order_reverse(struct order_entry *entries, size_t count);

#endif
