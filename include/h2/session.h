/* session.h - makes the HTTP/2 connection of a client, as a server sees it (RFC 9113). Behind
 * http/session.h; the only user of nghttp2. */
#ifndef H2_SESSION_H
#define H2_SESSION_H

#include "h2/cache.h"
#include "http/session.h"

struct h2_limits {
    uint32_t streams;           /* SETTINGS_MAX_CONCURRENT_STREAMS */
    uint32_t header_list_bytes; /* SETTINGS_MAX_HEADER_LIST_SIZE */
    uint32_t window_bytes;      /* of a stream, for uploads */
    size_t response_head_bytes; /* the largest head that stream_respond() will be given, as
                                 * names and values */
};

/* Makes a session for a client that has not said anything yet; our SETTINGS wait to be sent. Fields
 * beyond header_list_bytes of a head are decoded and counted; too many of them end the connection.
 * Its memory comes from `cache` (borrowed). NULL when memory is out. Free with session_free(). */
NODISCARD struct session *h2_session_new(const struct stream_events *events, void *user,
                                         const struct h2_limits *limits, struct h2_cache *cache);

#endif
