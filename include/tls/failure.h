/* failure.h - why a handshake did not come about. One list gives the word in the log and in the
 * metrics. */
#ifndef TLS_FAILURE_H
#define TLS_FAILURE_H

/* name, word */
#define TLS_FAILURES(X)                                                                            \
    X(SILENT, "silent")   /* closed without a byte of it, as checks of health do */                \
    X(CLOSED, "closed")   /* by the peer */                                                        \
    X(TIMEOUT, "timeout") /* timeouts.handshake */                                                 \
    X(NOT_TLS, "not-tls") /* plain HTTP, or anything */                                            \
    X(VERSION, "protocol-version")                                                                 \
    X(ALPN, "no-application-protocol")                                                             \
    X(CIPHER, "no-shared-cipher") /* or group, or algorithm of signatures */                       \
    X(REFUSED, "refused") /* by an alert of the peer's, which may not trust our certificate */     \
    X(OTHER, "other")

enum tls_failure {
#define X(id, word) TLS_FAILURE_##id,
    TLS_FAILURES(X)
#undef X
        TLS_FAILURES_END
};

const char *tls_failure_word(enum tls_failure f);
/* What OpenSSL's reason (ERR_GET_REASON) comes to. For this room only. */
enum tls_failure tls_failure_of(int reason);

#endif
