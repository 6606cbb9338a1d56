/* report.h - what there is to say of an exchange when it has ended: for the access log and the
 * metrics. Borrows all its text, for the time of the call that gets it. */
#ifndef PROXY_REPORT_H
#define PROXY_REPORT_H

#include "http/session.h"
#include "proxy/failure.h"
#include "push/plan.h"

struct report {
    const char *peer;
    const struct session_verbs *protocol; /* the client's; its name and version are read */
    const char *tls_version;
    const struct request *request;
    const struct config_origin *origin; /* NULL: none was chosen */
    unsigned status;                    /* 0: no final head was sent */
    uint64_t bytes;                     /* of the response's body that were framed */
    uint64_t duration_us;
    uint64_t origin_us; /* from the start to the origin's first byte; 0: there was none */
    bool reused;        /* the origin's connection */
    bool is_push;
    enum failure failure;
    bool planned; /* the response had links, and these are their verdicts */
    enum plan_off push_off;
    const unsigned *verdicts; /* PLAN_VERDICTS_END of them */
    const struct plan_asset *pushed;
    size_t pushed_len;
};

#endif
