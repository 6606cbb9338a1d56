#include "origin/names.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "origin/multi.h"

enum {
    KEPT_MS = 60000,
    FRESH_MS = 1000, /* what was said so recently would be said again */
    URL_BYTES = 512,
};

/* The order in which libcurl tells addresses is that of the system, but one family after the
 * other. */
struct question {
    struct multi *multi;
    CURL *easy;
    bool has_ended;
    int first_family;
    struct names_list first, second;
    char why[NAMES_WHY_BYTES];
};

_Static_assert(NAMES_WHY_BYTES >= CURL_ERROR_SIZE, "libcurl writes so much");

static void free_question(struct question *q)
{
    if (!q)
        return;
    if (q->multi)
        multi_drop(q->multi, q->easy);
    multi_free(q->multi);
    mem_free(q);
}

static bool print_address(const struct sockaddr *sa, unsigned port, char out[NAMES_ADDRESS_BYTES])
{
    char ip[INET6_ADDRSTRLEN];
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)sa;
        inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip);
        snprintf(out, NAMES_ADDRESS_BYTES, "%s:%u", ip, port);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)sa;
        inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
        if (v6->sin6_scope_id > 0) /* RFC 6874: "%" is written as "%25" */
            snprintf(out, NAMES_ADDRESS_BYTES, "[%s%%25%u]:%u", ip, v6->sin6_scope_id, port);
        else
            snprintf(out, NAMES_ADDRESS_BYTES, "[%s]:%u", ip, port);
    } else {
        return false;
    }
    return true;
}

static size_t find(const struct names_list *list, const char *text)
{
    size_t i = 0;
    while (i < list->len && strcmp(list->at[i].text, text) != 0)
        i++;
    return i;
}

static void add(struct names_list *list, const char *text)
{
    if (list->len == NAMES_MOST || find(list, text) < list->len)
        return;
    snprintf(list->at[list->len++].text, NAMES_ADDRESS_BYTES, "%s", text);
}

/* libcurl asks for a socket to each address in turn: it gets none, and goes on to the next; but not
 * at once, see collect(). */
static curl_socket_t note_address(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct names *n = user;
    struct question *q = n->question;
    char text[NAMES_ADDRESS_BYTES];
    (void)purpose;
    turn_add(n->turn, TURN_ACT, &n->act);
    if (!print_address(&address->addr, n->url->port, text))
        return CURL_SOCKET_BAD;
    if (q->first.len == 0)
        q->first_family = address->family;
    add(address->family == q->first_family ? &q->first : &q->second, text);
    return CURL_SOCKET_BAD;
}

/* The families take turns, as RFC 8305 §4 has it: one of them may lead nowhere as a whole. */
static void interleave(struct names_list *out, const struct question *q)
{
    out->len = 0;
    for (size_t i = 0; i < q->first.len || i < q->second.len; i++) {
        if (i < q->first.len)
            add(out, q->first.at[i].text);
        if (i < q->second.len)
            add(out, q->second.at[i].text);
    }
}

/* After an address to which there is no socket libcurl waits for the next one's time, which it says
 * is never. */
static void collect(struct question *q)
{
    for (int i = 0; !q->has_ended && i < 2 * NAMES_MOST; i++)
        multi_push(q->multi);
}

static void take_answer(struct names *n)
{
    const struct question *q = n->question;
    if (q->first.len > 0) {
        interleave(&n->known, q);
        n->answered_ms = turn_now_ms(n->turn);
        n->why[0] = '\0';
    } else {
        snprintf(n->why, sizeof n->why, "%s", q->why);
    }
    free_question(n->question);
    n->question = NULL;
}

/* Who was told may ask anew: he waits for the next answer. */
static void tell(struct names *n)
{
    struct list told, *node;
    list_init(&told);
    while ((node = list_pop(&n->waiting)))
        list_push(&told, node);
    while ((node = list_pop(&told))) {
        struct names_waiter *w = CONTAINER_OF(node, struct names_waiter, node);
        w->told(w);
    }
}

static void run_act(struct turn_task *task)
{
    struct names *n = CONTAINER_OF(task, struct names, act);
    collect(n->question);
    turn_cancel(&n->act); /* that was told of more */
    take_answer(n);
    tell(n);
}

static void on_ended(void *user, CURL *easy, CURLcode code)
{
    struct names *n = user;
    (void)easy;
    n->question->has_ended = true;
    if (n->question->why[0] == '\0')
        snprintf(n->question->why, sizeof n->question->why, "%s", curl_easy_strerror(code));
    turn_add(n->turn, TURN_ACT, &n->act);
}

static bool is_address(const char *host)
{
    struct in6_addr ip;
    return inet_pton(AF_INET, host, &ip) == 1 || inet_pton(AF_INET6, host, &ip) == 1;
}

static void print_authority(char *out, size_t room, const struct config_url *url)
{
    bool is_v6 = strchr(url->host, ':') != NULL;
    snprintf(out, room, is_v6 ? "[%s]:%u" : "%s:%u", url->host, url->port);
}

void names_init(struct names *n, struct event_base *base, struct turn *turn,
                const struct config_url *url, uint64_t timeout_ms)
{
    *n = (struct names){.base = base, .turn = turn, .url = url, .timeout_ms = timeout_ms};
    list_init(&n->waiting);
    turn_task_init(&n->act, run_act);
    n->is_fixed = url->unix_path || is_address(url->host);
    if (!n->is_fixed)
        return;
    n->known.len = 1;
    if (url->unix_path) /* the name in its URL, which is never resolved */
        snprintf(n->known.at[0].text, NAMES_ADDRESS_BYTES, "localhost");
    else
        print_authority(n->known.at[0].text, NAMES_ADDRESS_BYTES, url);
}

void names_fini(struct names *n)
{
    assert(list_empty(&n->waiting));
    turn_cancel(&n->act);
    free_question(n->question);
    n->question = NULL;
}

static bool is_younger(const struct names *n, uint64_t ms)
{
    return n->is_fixed || (n->known.len > 0 && turn_now_ms(n->turn) - n->answered_ms < ms);
}

const struct names_list *names_known(struct names *n)
{
    if (!is_younger(n, KEPT_MS))
        n->known.len = 0;
    return &n->known;
}

bool names_may_ask(const struct names *n)
{
    return !is_younger(n, FRESH_MS);
}

bool names_is_asking(const struct names *n)
{
    return n->question;
}

void names_waiter_init(struct names_waiter *w, void (*told)(struct names_waiter *w))
{
    list_init(&w->node);
    w->told = told;
}

/* HAPPY_EYEBALLS_TIMEOUT: the addresses of the second family are told at once, too. */
static struct question *new_question(struct names *n)
{
    char authority[URL_BYTES], url[URL_BYTES + sizeof "http:///"];
    struct question *q = mem_zalloc(1, sizeof *q);
    if (!q)
        return NULL;
    print_authority(authority, sizeof authority, n->url);
    snprintf(url, sizeof url, "http://%s/", authority);
    q->multi = multi_new(n->base, on_ended, n);
    q->easy = multi_connector(url, n->timeout_ms, q->why);
    if (q->multi && q->easy &&
        curl_easy_setopt(q->easy, CURLOPT_OPENSOCKETFUNCTION, note_address) == CURLE_OK &&
        curl_easy_setopt(q->easy, CURLOPT_OPENSOCKETDATA, n) == CURLE_OK &&
        curl_easy_setopt(q->easy, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, 1L) == CURLE_OK &&
        multi_add(q->multi, q->easy))
        return q;
    if (!q->multi)
        curl_easy_cleanup(q->easy);
    free_question(q);
    return NULL;
}

bool names_ask(struct names *n, struct names_waiter *w)
{
    if (!n->question)
        n->question = new_question(n);
    if (!n->question)
        return false;
    list_push(&n->waiting, &w->node);
    return true;
}

void names_leave(struct names_waiter *w)
{
    list_remove(&w->node);
}

const char *names_why(const struct names *n)
{
    return n->why;
}

void names_prefer(struct names *n, const char *text)
{
    size_t i = find(&n->known, text);
    if (i == 0 || i == n->known.len)
        return;
    struct names_address chosen = n->known.at[i];
    memmove(&n->known.at[1], &n->known.at[0], i * sizeof n->known.at[0]);
    n->known.at[0] = chosen;
}
