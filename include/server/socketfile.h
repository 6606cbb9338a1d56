/* socketfile.h - the file of a unix socket on which we listen: made with the permissions that the
 * configuration names, whatever the umask, and removed as long as it is still ours.
 * At start and end only: the umask, which it changes for a moment, is the whole process's. */
#ifndef SERVER_SOCKETFILE_H
#define SERVER_SOCKETFILE_H

#include <sys/types.h>

#include "config/config.h"

/* Which file it is: another process may have put its own in the same place. */
struct socketfile {
    dev_t device;
    ino_t inode; /* 0: there is none */
};

/* Opens a listening socket at `address`, a unix socket's, with room for `backlog` clients, and
 * fills `file`. Nobody whom `access` does not name can connect at any time. A socket that nobody
 * listens on is replaced; one that somebody does, and any other file, is refused. Returns -1 after
 * one message if it cannot be opened. */
NODISCARD int socketfile_listen(struct socketfile *file, const struct config_address *address,
                                const struct config_access *access, int backlog);
/* Removes the file if it is still there and ours. */
void socketfile_remove(struct socketfile *file, const struct config_address *address);

#endif
