/* setup.h - a configuration and what was made for it: what clients are served by.
 * Immutable, but for the notes, and shared by all threads, each of which holds it as long as it
 * uses it; the last to let go frees it. A reload makes a new one. */
#ifndef SERVER_SETUP_H
#define SERVER_SETUP_H

#include <stdatomic.h>

#include "config/config.h"
#include "origin/notes.h"
#include "server/arguments.h"
#include "tls/context.h"
#include "tls/trust.h"

struct setup {
    struct config *config;
    struct tls_context *tls; /* with clients; NULL: it was only looked at (-t, --dump-config) */
    struct tls_trust *trust; /* with origins */
    struct notes *notes;     /* what was logged of origins */
    atomic_uint holders;
};

/* Why there is none: one whole line without its newline. */
struct setup_error {
    char text[CONFIG_ERROR_BYTES];
};

/* Reads what the command line names, certificates and authorities too; `demo_port` is the port of
 * the demo's origin, or 0 where that does not run; `tickets` are the process's (borrowed). Returns
 * it held once, or NULL with `error` filled. */
NODISCARD struct setup *setup_load(const struct arguments *a, unsigned demo_port,
                                   struct tls_tickets *tickets, struct setup_error *error);
/* Another holder; returns `s`. */
struct setup *setup_hold(struct setup *s);
/* A holder lets go; NULL is fine. */
void setup_let_go(struct setup *s);

#endif
