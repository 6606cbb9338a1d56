#include "proxy/greeting.h"

#include "h2/session.h"

enum { WINDOW_BYTES = POOL_UPLOAD_BYTES - 1 }; /* an upload's buffer holds a whole window */

enum greeting_result greeting_go_on(struct tls_conn *tls)
{
    switch (tls_conn_handshake(tls)) {
    case TLS_OK:
        return GREETING_DONE;
    case TLS_WANT_READ:
        return GREETING_WANTS_READ;
    case TLS_WANT_WRITE:
        return GREETING_WANTS_WRITE;
    case TLS_CLOSED:
    case TLS_CUT:
        return GREETING_GONE;
    case TLS_FAILED:
        break;
    }
    return GREETING_FAILED;
}

struct session *greeting_session(struct env *env, void *user)
{
    const struct config *config = env->config;
    const struct h2_limits limits = {
        .streams = (uint32_t)config->limits.streams,
        .header_list_bytes = (uint32_t)config->limits.header_list_bytes,
        .window_bytes = WINDOW_BYTES,
        .response_head_bytes = (size_t)config->limits.origin_header_bytes,
    };
    return h2_session_new(env->events, user, &limits, &env->h2_cache);
}
