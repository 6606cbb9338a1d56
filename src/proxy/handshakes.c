#include "proxy/handshakes.h"

#include "base/log.h"

enum { SAY_EVERY_MS = 10000 };

void handshakes_note(struct handshakes *h, const struct peer *peer, enum tls_failure why,
                     const char *words, uint64_t now_ms)
{
    h->failed[why]++;
    if (why == TLS_FAILURE_SILENT) {
        log_debug("client %s: closed before it said anything", peer->text);
        return;
    }
    if (!bucket_take(&h->lines[why], 1, 1, SAY_EVERY_MS, now_ms)) {
        log_debug("client %s: TLS handshake failed: %s (%s)", peer->text, words,
                  tls_failure_word(why));
        h->unsaid[why]++;
        return;
    }
    if (h->unsaid[why] > 0)
        log_info("client %s: TLS handshake failed: %s (%s); so did %llu more since the last line "
                 "of this kind",
                 peer->text, words, tls_failure_word(why), (unsigned long long)h->unsaid[why]);
    else
        log_info("client %s: TLS handshake failed: %s (%s)", peer->text, words,
                 tls_failure_word(why));
    h->unsaid[why] = 0;
}
