/* arguments.h - the command line. */
#ifndef SERVER_ARGUMENTS_H
#define SERVER_ARGUMENTS_H

#include <stdbool.h>

#include "base/attr.h"

#define ARGUMENTS_DEFAULT_FILE "/etc/headstart/proxy.conf"

enum arguments_action {
    ACTION_RUN,
    ACTION_DEMO,
    ACTION_TEST, /* -t */
    ACTION_DUMP, /* --dump-config */
    ACTION_HELP,
    ACTION_VERSION,
};

struct arguments {
    enum arguments_action action;
    const char *file;
    const char *origin; /* --origin; NULL: from the file */
    const char *listen;
    const char *certificate, *key;
};

/* Reads the command line. False: it is not right, and one line that says why was written to
 * stderr. The strings stay those of argv. */
NODISCARD bool arguments_read(struct arguments *a, int argc, char **argv);
/* Prints how the program is used. */
void arguments_print_help(void);

#endif
