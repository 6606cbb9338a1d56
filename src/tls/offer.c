#include "tls/offer.h"

#include <openssl/ec.h>
#include <stdint.h>

enum { CODE_BYTES = 2, TLS_1_3 = 0x0304 };

/* Code points of TLS, up to a 0. */
typedef uint16_t codes[7];

/* What a key may sign with (RFC 8446 §4.2.3). In TLS 1.2, which knows no curves there, the first
 * one of EC stands for all. */
static const struct {
    int key, curve;
    codes tls13, tls12, ciphers;
} keys[] = {
    {EVP_PKEY_EC,
     NID_X9_62_prime256v1,
     {0x0403},
     {0x0403, 0x0503, 0x0603},
     {0xc02b, 0xc02c, 0xcca9}},
    {EVP_PKEY_EC, NID_secp384r1, {0x0503}, {0x0403, 0x0503, 0x0603}, {0xc02b, 0xc02c, 0xcca9}},
    {EVP_PKEY_EC, NID_secp521r1, {0x0603}, {0x0403, 0x0503, 0x0603}, {0xc02b, 0xc02c, 0xcca9}},
    {EVP_PKEY_RSA,
     NID_undef,
     {0x0804, 0x0805, 0x0806},
     {0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806},
     {0xc02f, 0xc030, 0xcca8}},
    {EVP_PKEY_RSA_PSS,
     NID_undef,
     {0x0809, 0x080a, 0x080b},
     {0x0809, 0x080a, 0x080b},
     {0xc02f, 0xc030, 0xcca8}},
    {EVP_PKEY_ED25519, NID_undef, {0x0807}, {0x0807}, {0xc02b, 0xc02c, 0xcca9}},
    {EVP_PKEY_ED448, NID_undef, {0x0808}, {0x0808}, {0xc02b, 0xc02c, 0xcca9}},
};

/* How a certificate may be signed, as OpenSSL and as TLS call it. */
static const struct {
    int key, digest;
    codes schemes;
} signatures[] = {
    {EVP_PKEY_EC, NID_sha1, {0x0203}},
    {EVP_PKEY_EC, NID_sha256, {0x0403}},
    {EVP_PKEY_EC, NID_sha384, {0x0503}},
    {EVP_PKEY_EC, NID_sha512, {0x0603}},
    {EVP_PKEY_RSA, NID_sha1, {0x0201}},
    {EVP_PKEY_RSA, NID_sha256, {0x0401}},
    {EVP_PKEY_RSA, NID_sha384, {0x0501}},
    {EVP_PKEY_RSA, NID_sha512, {0x0601}},
    {EVP_PKEY_RSA_PSS, NID_sha256, {0x0804, 0x0809}},
    {EVP_PKEY_RSA_PSS, NID_sha384, {0x0805, 0x080a}},
    {EVP_PKEY_RSA_PSS, NID_sha512, {0x0806, 0x080b}},
    {EVP_PKEY_ED25519, NID_undef, {0x0807}},
    {EVP_PKEY_ED448, NID_undef, {0x0808}},
};

static uint16_t code_at(struct span list, size_t at)
{
    return (uint16_t)((unsigned char)list.ptr[at] << 8 | (unsigned char)list.ptr[at + 1]);
}

static bool has_code(struct span list, uint16_t code)
{
    for (size_t i = 0; i + CODE_BYTES <= list.len; i += CODE_BYTES) {
        if (code_at(list, i) == code)
            return true;
    }
    return false;
}

static bool has_any(struct span list, const codes wanted)
{
    for (; *wanted; wanted++) {
        if (has_code(list, *wanted))
            return true;
    }
    return false;
}

/* The list in an extension, behind its length of `length_bytes`. */
static struct span list_of(SSL *ssl, unsigned type, size_t length_bytes)
{
    const unsigned char *at;
    size_t len;
    if (!SSL_client_hello_get0_ext(ssl, type, &at, &len) || len < length_bytes)
        return SPAN("");
    return span_from(span_of(at, len), length_bytes);
}

void offer_read(struct offer *out, SSL *ssl)
{
    const unsigned char *ciphers;
    size_t len = SSL_client_hello_get0_ciphers(ssl, &ciphers);
    *out = (struct offer){
        .schemes = list_of(ssl, TLSEXT_TYPE_signature_algorithms, 2),
        .chain_schemes = list_of(ssl, TLSEXT_TYPE_signature_algorithms_cert, 2),
        .ciphers = span_of(ciphers, len),
        .tls13 = has_code(list_of(ssl, TLSEXT_TYPE_supported_versions, 1), TLS_1_3),
    };
    if (out->chain_schemes.len == 0)
        out->chain_schemes = out->schemes;
}

static bool may_sign(const struct offer *o, EVP_PKEY *key)
{
    int type = EVP_PKEY_get_base_id(key), curve = NID_undef;
    char group[64];
    if (type == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1)
        curve = OBJ_txt2nid(group);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].key != type || keys[i].curve != curve)
            continue;
        if (o->tls13)
            return has_any(o->schemes, keys[i].tls13);
        return has_any(o->schemes, keys[i].tls12) && has_any(o->ciphers, keys[i].ciphers);
    }
    return false;
}

/* A signature that TLS has no name for is nothing that the client could object to. */
static bool may_be_signed(const struct offer *o, X509 *x)
{
    int digest = NID_undef, key = NID_undef;
    if (X509_get_signature_info(x, &digest, &key, NULL, NULL) != 1)
        return true;
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        if (signatures[i].key == key && signatures[i].digest == digest)
            return has_any(o->chain_schemes, signatures[i].schemes);
    }
    return true;
}

/* Nobody verifies how a root is signed. */
static bool is_root(X509 *x)
{
    return X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
}

bool offer_suits(const struct offer *o, const struct certificate *c)
{
    if (!may_sign(o, c->key) || !may_be_signed(o, c->leaf))
        return false;
    for (int i = 0; i < sk_X509_num(c->chain); i++) {
        X509 *x = sk_X509_value(c->chain, i);
        if (!is_root(x) && !may_be_signed(o, x))
            return false;
    }
    return true;
}
