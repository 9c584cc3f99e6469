/* Names in the order of their bytes, many at a time. */
#ifndef SOLOFTPD_TEXT_ORDER_H
#define SOLOFTPD_TEXT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Small, since there may be many: memory costs more than sorting it. */
struct order_entry {
	uint32_t key;  /* sorts before the name does */
	uint32_t name; /* where it begins in the names, each with its terminator */
};

/* Bytes behind the last name that are read, whatever they are. */
#define ORDER_SLACK 8

/* Makes keys of the names: of their next eight bytes behind those that all begin with, since names that a program has numbered
 * differ late, and of these the bits in which they do differ, which are few in digits. */
void order_set_keys(struct order_entry *entries, size_t count, const char *names);

/* Whether the entries are in order, or with `backwards` each comes behind the next. As below, `names` may be NULL: then those
 * with the same key are in any order. */
bool order_holds(
	const struct order_entry *entries, size_t count, const char *names, bool backwards);

/* Sorts by key and then by name, or by key alone, those with the same one staying as they are; no input makes it slow, since
 * clients choose the names. Returns where the result is: in `entries`, or in `spare`, which has room for as many. */
struct order_entry *order_sort(
	struct order_entry *entries, struct order_entry *spare, size_t count, const char *names);

void order_reverse(struct order_entry *entries, size_t count);

#endif
