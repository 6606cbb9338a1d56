/* failure.h - why an exchange did not end as it should. One list gives the status that the client
 * gets, the word in the access log and the name of the metric. */
#ifndef PROXY_FAILURE_H
#define PROXY_FAILURE_H

/* name, status of the answer (0: the stream is reset, or gone), word */
#define FAILURES(X)                                                                                \
    X(BAD_REQUEST, 400, "bad-request")                                                             \
    X(HEADER_TOO_LARGE, 431, "header-too-large")                                                   \
    X(CONNECT_METHOD, 501, "connect")                                                              \
    X(NO_ROUTE, 421, "no-route")                                                                   \
    X(ORIGIN_REFUSED, 502, "origin-refused")                                                       \
    X(ORIGIN_CONNECT_TIMEOUT, 504, "origin-connect-timeout")                                       \
    X(ORIGIN_BUSY, 503, "origin-busy")                                                             \
    X(ORIGIN_TIMEOUT, 504, "origin-timeout")                                                       \
    X(ORIGIN_CLOSED, 502, "origin-closed")                                                         \
    X(ORIGIN_MALFORMED, 502, "origin-malformed")                                                   \
    X(ORIGIN_BROKEN, 502, "origin-broken")                                                         \
    X(ORIGIN_STALLED, 504, "origin-stalled")                                                       \
    X(EXCHANGE_TIMEOUT, 504, "exchange-timeout")                                                   \
    X(NO_MEMORY, 503, "no-memory")                                                                 \
    X(MEMORY_REFUSED, 503, "memory-refused")                                                       \
    X(MEMORY_YIELDED, 408, "memory-yielded")                                                       \
    X(CLIENT_RESET, 0, "client-reset")                                                             \
    X(CLIENT_GONE, 0, "client-gone")                                                               \
    X(CLIENT_STALLED, 408, "client-stalled")                                                       \
    X(CLIENT_YIELDED, 408, "client-yielded")                                                       \
    X(DRAINING, 0, "draining")                                                                     \
    X(PUSH_STATUS, 0, "push-status")                                                               \
    X(PUSH_VARY, 0, "push-vary")                                                                   \
    X(PUSH_WAITED, 0, "push-waited")                                                               \
    X(PUSH_ABANDONED, 0, "push-abandoned")

enum failure {
    FAIL_NONE,
#define X(id, status, word) FAIL_##id,
    FAILURES(X)
#undef X
        FAILURES_END
};

/* The status that a client is answered with; 0: none. */
unsigned failure_status(enum failure f);
/* The failure's word in the access log; "" for FAIL_NONE. */
const char *failure_word(enum failure f);

#endif
