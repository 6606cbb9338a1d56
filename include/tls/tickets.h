/* tickets.h - the keys of session tickets (RFC 5077, RFC 8446 §4.6.1): who steals one reads no more
 * than the early data and the TLS 1.2 sessions of two hours, and so they are made anew every hour.
 * One set for the process, whatever its workers and its reloads: a client resumes with each.
 * Any thread may use it: a lock is held while keys are copied, and for nothing else. */
#ifndef TLS_TICKETS_H
#define TLS_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum {
    TICKET_NAME_BYTES = 16,
    TICKET_SECRET_BYTES = 32,
    TICKET_RENEW_MS = 60 * 60 * 1000,
};

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */
struct tls_tickets;

/* One key: its name, which the ticket says, and what tickets are encrypted and signed with. */
struct ticket_key {
    unsigned char name[TICKET_NAME_BYTES];
    unsigned char aes[TICKET_SECRET_BYTES], hmac[TICKET_SECRET_BYTES];
};

/* The keys of an hour and of the one before. */
struct ticket_keys {
    struct ticket_key current, previous;
    bool has_previous;
    uint64_t since_ms; /* when the hour of `current` began */
};

/* The hour of the current key is over. */
bool ticket_keys_are_due(const struct ticket_keys *keys, uint64_t now_ms);
/* Makes `fresh` the current key, if that is due. The one before decrypts for the hour that follows
 * its own, if that is not over too; what decrypts no more is overwritten. The hours begin at
 * multiples from the first one, however late they are looked at. */
void ticket_keys_renew(struct ticket_keys *keys, const struct ticket_key *fresh, uint64_t now_ms);
/* The key of that name; NULL: none decrypts it. */
const struct ticket_key *ticket_keys_find(const struct ticket_keys *keys,
                                          const unsigned char name[TICKET_NAME_BYTES]);

/* Keys at random, renewed by the clock `now_ms` (base/clock.h). NULL when memory, or randomness, is
 * out. */
NODISCARD struct tls_tickets *tls_tickets_new(uint64_t (*now_ms)(void));
/* Overwrites the keys; NULL is fine. Contexts that use them must be gone. */
void tls_tickets_free(struct tls_tickets *t);
/* Makes the context use them (borrowed), and say that its tickets are good for an hour. False when
 * OpenSSL does not take them. */
NODISCARD bool tls_tickets_use(struct tls_tickets *t, struct ssl_ctx_st *ssl);

#endif
