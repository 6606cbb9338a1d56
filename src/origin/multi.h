/* multi.h - a multi handle of libcurl in a worker's event loop. Internal to the origin room.
 * libcurl says which sockets and which time it waits for; libevent waits, and tells it.
 * Each question and each dial has one of its own: libcurl looks through the idle connections of a
 * multi handle when it dials, and closes what it takes for dead.
 * Calls back from the loop, after libcurl has returned; the callback records and queues, and must
 * not free. Never after multi_free(). */
#ifndef ORIGIN_MULTI_H
#define ORIGIN_MULTI_H

#include <curl/curl.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct multi;

/* `ended` is told of each easy handle that is through. NULL when memory is out. */
NODISCARD struct multi *multi_new(struct event_base *base,
                                  void (*ended)(void *user, CURL *easy, CURLcode code), void *user);
/* Its handles must have been removed; NULL is fine. */
void multi_free(struct multi *m);
/* An easy handle that connects to `url` and sends nothing. It ends by itself only some time after
 * `timeout_ms`, since the time-out is the caller's; what goes wrong is told in `why`, of
 * CURL_ERROR_SIZE bytes (borrowed). The caller owns it. NULL when memory is out. */
NODISCARD CURL *multi_connector(const char *url, uint64_t timeout_ms, char *why);
/* Starts `easy`. False when memory is out. */
NODISCARD bool multi_add(struct multi *m, CURL *easy);
/* Lets every handle go a step on, though nothing has happened that it waits for. */
void multi_push(struct multi *m);
/* Ends `easy` at any stage and frees it; NULL is fine. */
void multi_drop(struct multi *m, CURL *easy);

#endif
