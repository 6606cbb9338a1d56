/* dial.h - what the bench's clients share: TLS 1.3 with one cipher and one group, so that all
 * proxies do the same cryptography, without resumption; and the end of a run that went wrong. */
#ifndef DIAL_H
#define DIAL_H

#include <openssl/ssl.h>
#include <stdint.h>

/* Says what was wrong and ends the process with 1: one wrong response fails the bench. */
__attribute__((noreturn, format(printf, 1, 2))) void dial_die(const char *format, ...);

/* The monotonic clock. */
uint64_t dial_now_ns(void);

/* Lives as long as the process. */
SSL_CTX *dial_context(void);
/* A non-blocking socket that connects to 127.0.0.1:port. */
int dial_socket(uint16_t port);
/* A TLS client on that socket, handshake not begun. */
SSL *dial_tls(SSL_CTX *context, int fd);
/* Waits until someone accepts on 127.0.0.1:port, for ten seconds at most. */
void dial_await(uint16_t port);

#endif
