#include "tls/selfsigned.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdint.h>

enum { VALID_SINCE_SECONDS = 60 * 60, VALID_DAYS = 30 };

static const struct {
    int nid;
    const char *value;
} extensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"},
};

static bool add_extensions(X509 *x)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        X509_EXTENSION *ext =
            X509V3_EXT_conf_nid(NULL, &ctx, extensions[i].nid, extensions[i].value);
        bool added = ext && X509_add_ext(x, ext, -1) == 1;
        X509_EXTENSION_free(ext);
        if (!added)
            return false;
    }
    return true;
}

/* Browsers refuse two certificates of one issuer with one serial number, so it is random. */
static bool set_serial(X509 *x)
{
    uint64_t serial;
    if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1)
        return false;
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1) == 1;
}

static bool set_name(X509 *x)
{
    X509_NAME *name = X509_get_subject_name(x);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"headstart self-signed", -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(x, name) == 1;
}

static bool set_validity(X509 *x)
{
    return X509_gmtime_adj(X509_getm_notBefore(x), -VALID_SINCE_SECONDS) &&
           X509_time_adj_ex(X509_getm_notAfter(x), VALID_DAYS, -VALID_SINCE_SECONDS, NULL);
}

bool selfsigned_make(X509 **certificate, EVP_PKEY **key)
{
    X509 *x = X509_new();
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    if (x && pkey && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_name(x) &&
        set_validity(x) && X509_set_pubkey(x, pkey) == 1 && add_extensions(x) &&
        X509_sign(x, pkey, EVP_sha256()) > 0) {
        *certificate = x;
        *key = pkey;
        return true;
    }
    X509_free(x);
    EVP_PKEY_free(pkey);
    return false;
}
