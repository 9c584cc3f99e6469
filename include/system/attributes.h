/* What files have beside their content. */
#ifndef SOLOFTPD_SYSTEM_ATTRIBUTES_H
#define SOLOFTPD_SYSTEM_ATTRIBUTES_H

/* Gives the open file the mode, the group, the access control list and the attributes of the open file `old`; nobody is granted
 * more than `old` grants on the way. Returns 0 or -errno: -EPERM if the owner is another, -EXDEV if they are on different mounts. */
int attributes_take_after(int fd, int old);

#endif
