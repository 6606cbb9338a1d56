/* identity.h - who the process is: the user and the groups that the configuration names.
 * At start and for -t only: names are looked up in the system's databases, which may wait. */
#ifndef SERVER_IDENTITY_H
#define SERVER_IDENTITY_H

#include <sys/types.h>

#include "config/config.h"

/* Finds the group with that name; digits are its number, whether the system knows it or not. False:
 * there is none. */
NODISCARD bool identity_group(const char *name, gid_t *gid);
/* The user and the groups of `config` exist. False fills `error`. */
NODISCARD bool identity_check(const struct config *config, struct config_error *error);
/* Warns of a process that serves as root because no user is named. */
void identity_warn(const struct config *config);
/* Becomes the user that `config` names, if any. The access log becomes a file of that user before,
 * as nginx does it: it is opened later, and again after it was rotated. False after one message. */
NODISCARD bool identity_assume(const struct config *config);

#endif
