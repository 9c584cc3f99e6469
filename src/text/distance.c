#include "text/distance.h"

#include <limits.h>
#include <string.h>

#define LONGEST 63

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned distance_between(const char *a, const char *b)
{
	unsigned rows[3][LONGEST + 1]; /* of the table: the last two and the one being made */
	size_t rows_size = strlen(a), columns = strlen(b);

	if (rows_size > LONGEST || columns > LONGEST)
		return UINT_MAX;
	for (size_t j = 0; j <= columns; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= rows_size; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3],
			 *before = rows[(i + 1) % 3];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= columns; j++) {
			unsigned change = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = least(change, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return rows[rows_size % 3][columns];
}
