/* How far apart two words are, for "did you mean". */
#ifndef SOLOFTPD_TEXT_DISTANCE_H
#define SOLOFTPD_TEXT_DISTANCE_H

/* The least number of letters to insert, remove, change, or swap with their neighbour to make one word
 * of the other (optimal string alignment). Words over 63 bytes are as far apart as can be: UINT_MAX. */
unsigned distance_between(const char *a, const char *b);

#endif
