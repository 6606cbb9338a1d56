#include "tls/tickets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"

struct tls_tickets {
    pthread_mutex_t lock; /* over `keys` */
    struct ticket_keys keys;
    uint64_t (*now_ms)(void);
};

/* What OpenSSL wants to know of a ticket. */
enum answer {
    ANSWER_FAILED = -1,
    ANSWER_NONE = 0, /* without tickets; a whole handshake */
    ANSWER_TAKEN = 1,
    ANSWER_RENEW = 2, /* taken, and the client is to get a new one */
};

/* How many whole hours the current key is old. Threads do not see the clock in the order in which
 * they get the lock, so it may be younger than nothing. */
static uint64_t hours_of(const struct ticket_keys *keys, uint64_t now_ms)
{
    return now_ms > keys->since_ms ? (now_ms - keys->since_ms) / TICKET_RENEW_MS : 0;
}

bool ticket_keys_are_due(const struct ticket_keys *keys, uint64_t now_ms)
{
    return hours_of(keys, now_ms) > 0;
}

void ticket_keys_renew(struct ticket_keys *keys, const struct ticket_key *fresh, uint64_t now_ms)
{
    uint64_t hours = hours_of(keys, now_ms);
    if (hours == 0)
        return;
    keys->has_previous = hours == 1;
    if (keys->has_previous)
        keys->previous = keys->current;
    else
        OPENSSL_cleanse(&keys->previous, sizeof keys->previous);
    keys->current = *fresh;
    keys->since_ms += hours * TICKET_RENEW_MS;
}

const struct ticket_key *ticket_keys_find(const struct ticket_keys *keys,
                                          const unsigned char name[TICKET_NAME_BYTES])
{
    if (memcmp(name, keys->current.name, TICKET_NAME_BYTES) == 0)
        return &keys->current;
    if (keys->has_previous && memcmp(name, keys->previous.name, TICKET_NAME_BYTES) == 0)
        return &keys->previous;
    return NULL;
}

static bool make_key(struct ticket_key *key)
{
    return RAND_bytes(key->name, sizeof key->name) == 1 &&
           RAND_priv_bytes(key->aes, sizeof key->aes) == 1 &&
           RAND_priv_bytes(key->hmac, sizeof key->hmac) == 1;
}

struct tls_tickets *tls_tickets_new(uint64_t (*now_ms)(void))
{
    struct tls_tickets *t = mem_zalloc(1, sizeof *t);
    if (!t)
        return NULL;
    if (pthread_mutex_init(&t->lock, NULL) != 0) {
        mem_free(t);
        return NULL;
    }
    t->now_ms = now_ms;
    t->keys.since_ms = now_ms();
    if (make_key(&t->keys.current))
        return t;
    tls_tickets_free(t);
    return NULL;
}

void tls_tickets_free(struct tls_tickets *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    OPENSSL_cleanse(&t->keys, sizeof t->keys);
    mem_free(t);
}

/* The keys of now, and whether they are due; renewed with `fresh`, where that is given. */
static bool copy_keys(struct tls_tickets *t, const struct ticket_key *fresh,
                      struct ticket_keys *out)
{
    uint64_t now = t->now_ms();
    pthread_mutex_lock(&t->lock);
    if (fresh)
        ticket_keys_renew(&t->keys, fresh, now);
    *out = t->keys;
    pthread_mutex_unlock(&t->lock);
    return ticket_keys_are_due(out, now);
}

/* False where new keys were due and there is no randomness. The caller overwrites them. */
static bool take_keys(struct tls_tickets *t, struct ticket_keys *out)
{
    struct ticket_key fresh;
    if (!copy_keys(t, NULL, out))
        return true;
    bool made = make_key(&fresh);
    if (made)
        copy_keys(t, &fresh, out);
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return made;
}

static bool set_mac(EVP_MAC_CTX *mac, const struct ticket_key *key)
{
    char digest[] = "SHA256";
    unsigned char secret[TICKET_SECRET_BYTES];
    memcpy(secret, key->hmac, sizeof secret);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, sizeof secret),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    bool set = EVP_MAC_CTX_set_params(mac, params) == 1;
    OPENSSL_cleanse(secret, sizeof secret);
    return set;
}

static enum answer begin_making(const struct ticket_keys *keys, unsigned char *name,
                                unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    const EVP_CIPHER *aes = EVP_aes_256_cbc();
    const struct ticket_key *key = &keys->current;
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) != 1 ||
        EVP_EncryptInit_ex(cipher, aes, NULL, key->aes, iv) != 1 || !set_mac(mac, key))
        return ANSWER_FAILED;
    memcpy(name, key->name, TICKET_NAME_BYTES);
    return ANSWER_TAKEN;
}

static enum answer begin_taking(const struct ticket_keys *keys, const unsigned char *name,
                                const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    const struct ticket_key *key = ticket_keys_find(keys, name);
    if (!key)
        return ANSWER_NONE;
    if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv) != 1 ||
        !set_mac(mac, key))
        return ANSWER_FAILED;
    return key == &keys->current ? ANSWER_TAKEN : ANSWER_RENEW;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int is_making)
{
    struct ticket_keys keys;
    enum answer answer = ANSWER_NONE;
    if (take_keys(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)), &keys))
        answer = is_making ? begin_making(&keys, name, iv, cipher, mac)
                           : begin_taking(&keys, name, iv, cipher, mac);
    /* In TLS 1.3 each ticket is for one connection (RFC 8446 §C.4). */
    if (!is_making && answer == ANSWER_TAKEN && SSL_version(ssl) >= TLS1_3_VERSION)
        answer = ANSWER_RENEW;
    OPENSSL_cleanse(&keys, sizeof keys);
    return answer;
}

bool tls_tickets_use(struct tls_tickets *t, struct ssl_ctx_st *ssl)
{
    SSL_CTX_set_timeout(ssl, TICKET_RENEW_MS / 1000);
    return SSL_CTX_set_app_data(ssl, t) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket) == 1;
}
