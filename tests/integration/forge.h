/* forge.h - records of TLS as a test wants them (RFC 8446 §5.2, RFC 5288 §3): of any type, empty,
 * padded, with pieces of messages or many. In a client's name, whose handshake OpenSSL has done
 * with AES_128_GCM_SHA256, and which is not asked to write any more.
 * For one thread; needs nothing but OpenSSL and cmocka. */
#ifndef FORGE_H
#define FORGE_H

#include <stdint.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include "check.h"

enum {
    FORGE_SECRET_BYTES = 32,
    FORGE_KEY_BYTES = 16,
    FORGE_IV_BYTES = 12,
    FORGE_TAG_BYTES = 16,
    FORGE_HEAD_BYTES = 5,
    FORGE_NONCE_BYTES = 8, /* that TLS 1.2 sends along */
    FORGE_RECORD_BYTES = FORGE_HEAD_BYTES + FORGE_NONCE_BYTES + 16384 + 1 + FORGE_TAG_BYTES,
};

/* A KeyUpdate message (RFC 8446 §4.6.3); what asks for one in return ends with 1. */
#define FORGE_KEY_UPDATE           "\30\0\0\1\0"
#define FORGE_KEY_UPDATE_REQUESTED "\30\0\0\1\1"
/* A ClientHello that goes no further than its head: in TLS 1.2, after the handshake, more than is
 * looked at. */
#define FORGE_HELLO "\1\0\0\0"

struct forge {
    bool old; /* TLS 1.2 */
    unsigned char secret[FORGE_SECRET_BYTES], key[FORGE_KEY_BYTES], iv[FORGE_IV_BYTES];
    uint64_t sequence;
};

/* The last secret that a client of this thread began to write with. */
static _Thread_local unsigned char forge_secret[FORGE_SECRET_BYTES];

static inline void forge_on_secret(const SSL *ssl, const char *line)
{
    static const char label[] = "CLIENT_TRAFFIC_SECRET_0 ";
    (void)ssl;
    const char *hex = strrchr(line, ' ');
    if (strncmp(line, label, sizeof(label) - 1) != 0 || !hex)
        return;
    for (size_t i = 0; i < FORGE_SECRET_BYTES; i++) {
        int high = OPENSSL_hexchar2int((unsigned char)hex[1 + 2 * i]);
        int low = OPENSSL_hexchar2int((unsigned char)hex[2 + 2 * i]);
        forge_secret[i] = (unsigned char)(high << 4 | low);
    }
}

/* Before the client's handshake. */
static inline void forge_watch(SSL *client)
{
    SSL_set_ciphersuites(client, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(client), forge_on_secret);
}

static inline void forge_expand(const unsigned char *secret, const char *label, unsigned char *out,
                                size_t len)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, FORGE_SECRET_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (void *)"tls13 ", 6),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    assert_int_equal(EVP_KDF_derive(ctx, out, len, params), 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

static inline void forge_begin(struct forge *f)
{
    forge_expand(f->secret, "key", f->key, sizeof(f->key));
    forge_expand(f->secret, "iv", f->iv, sizeof(f->iv));
    f->sequence = 0;
}

/* Goes on in the name of the client whose handshake was the last to be done, and which has written
 * nothing since. */
static inline void forge_init(struct forge *f)
{
    f->old = false;
    memcpy(f->secret, forge_secret, sizeof(f->secret));
    forge_begin(f);
}

/* The same in TLS 1.2 (RFC 5246 §6.3). */
static inline void forge_init_old(struct forge *f, const SSL *client)
{
    unsigned char master[48], seed[64], block[2 * (FORGE_KEY_BYTES + 4)];
    assert_string_equal(SSL_get_cipher_name(client), "ECDHE-ECDSA-AES128-GCM-SHA256");
    SSL_SESSION_get_master_key(SSL_get0_session(client), master, sizeof(master));
    SSL_get_server_random(client, seed, 32);
    SSL_get_client_random(client, seed + 32, 32);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, sizeof(master)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)"key expansion", 13),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
        OSSL_PARAM_construct_end(),
    };
    assert_int_equal(EVP_KDF_derive(ctx, block, sizeof(block), params), 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    f->old = true;
    memcpy(f->key, block, sizeof(f->key));
    memcpy(f->iv, block + sizeof(block) - 8, 4);
    f->sequence = 1; /* its Finished was the first */
}

/* A KeyUpdate was sent as a whole: new keys from here on. */
static inline void forge_update(struct forge *f)
{
    unsigned char next[FORGE_SECRET_BYTES];
    forge_expand(f->secret, "traffic upd", next, sizeof(next));
    memcpy(f->secret, next, sizeof(next));
    forge_begin(f);
}

static inline void forge_number(uint64_t n, unsigned char out[8])
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (unsigned char)(n >> 8 * (7 - i));
}

static inline void forge_seal(const struct forge *f, const unsigned char *nonce,
                              const unsigned char *extra, size_t extra_len,
                              const unsigned char *plain, size_t len, unsigned char *out)
{
    int n = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, f->key, nonce);
    EVP_EncryptUpdate(ctx, NULL, &n, extra, (int)extra_len);
    EVP_EncryptUpdate(ctx, out, &n, plain, (int)len);
    EVP_EncryptFinal_ex(ctx, out + len, &n);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, FORGE_TAG_BYTES, out + len);
    EVP_CIPHER_CTX_free(ctx);
}

static inline size_t forge_old_record(struct forge *f, int type, const void *bytes, size_t len,
                                      unsigned char *out)
{
    unsigned char extra[8 + FORGE_HEAD_BYTES], nonce[FORGE_IV_BYTES];
    size_t outer = FORGE_NONCE_BYTES + len + FORGE_TAG_BYTES;
    forge_number(f->sequence++, extra);
    memcpy(nonce, f->iv, 4);
    memcpy(nonce + 4, extra, FORGE_NONCE_BYTES);
    const unsigned char head[FORGE_HEAD_BYTES] = {
        (unsigned char)type, 3, 3, (unsigned char)(outer >> 8), (unsigned char)outer};
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), extra, FORGE_NONCE_BYTES);
    memcpy(extra + 8, head, 3);
    extra[11] = (unsigned char)(len >> 8);
    extra[12] = (unsigned char)len;
    forge_seal(f, nonce, extra, sizeof(extra), bytes, len, out + sizeof(head) + FORGE_NONCE_BYTES);
    return sizeof(head) + outer;
}

/* Writes a record of `type` with the bytes, and so many zeros of padding (TLS 1.3), to `out`
 * (FORGE_RECORD_BYTES); returns its length. */
static inline size_t forge_record(struct forge *f, int type, const void *bytes, size_t len,
                                  size_t padding, unsigned char *out)
{
    unsigned char plain[16384 + 1] = {0}, number[8], nonce[FORGE_IV_BYTES];
    size_t inner = len + 1 + padding, outer = inner + FORGE_TAG_BYTES;
    if (f->old)
        return forge_old_record(f, type, bytes, len, out);
    memcpy(plain, bytes, len);
    plain[len] = (unsigned char)type;
    memcpy(nonce, f->iv, sizeof(nonce));
    forge_number(f->sequence++, number);
    for (size_t i = 0; i < 8; i++)
        nonce[sizeof(nonce) - 8 + i] ^= number[i];
    const unsigned char head[FORGE_HEAD_BYTES] = {23, 3, 3, (unsigned char)(outer >> 8),
                                                  (unsigned char)outer};
    memcpy(out, head, sizeof(head));
    forge_seal(f, nonce, head, sizeof(head), plain, inner, out + sizeof(head));
    return sizeof(head) + outer;
}

#endif
