/* What files have beside their content. */
#ifndef SOLOFTPD_SYSTEM_ATTRIBUTES_H
#define SOLOFTPD_SYSTEM_ATTRIBUTES_H

#include <stdbool.h>

/* Gives the open file the mode, the group, the access control list and the attributes of the open file `old`; nobody is granted
 * more than `old` grants on the way. Returns 0 or -errno: -EPERM if the owner is another. */
int attributes_take_after(int fd, int old);

/* Whether both were opened through the same mount; where the system does not tell, they were. */
bool attributes_share_mount(int fd, int old);

#endif
