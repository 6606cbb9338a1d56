#include "cert.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "check.h"

static FILE *cert_file(const char *dir, const char *name, const char *ending, const char *mode)
{
    char *path = check_printf("%s/%s.%s", dir, name, ending);
    FILE *file = fopen(path, mode);
    if (!file)
        fail_msg("cannot open %s", path);
    free(path);
    return file;
}

static void cert_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(ext);
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
}

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };

static X509 *cert_new(const char *name, EVP_PKEY *key, X509 *issuer, long from_s, long to_s)
{
    static long serial = 1;
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), to_s);
    X509_set_pubkey(cert, key);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
    return cert;
}

static void cert_write(const char *dir, const char *name, X509 *cert, EVP_PKEY *key)
{
    FILE *out = cert_file(dir, name, "pem", "we");
    PEM_write_X509(out, cert);
    fclose(out);
    out = cert_file(dir, name, "key", "we");
    PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
}

void cert_make_ca(const char *dir, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = cert_new(name, key, NULL, -HOUR_S, DAY_S);
    cert_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
    cert_extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    cert_extend(cert, cert, NID_subject_key_identifier, "hash");
    X509_sign(cert, key, EVP_sha256());
    cert_write(dir, name, cert, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void cert_make(const char *dir, const char *ca, const char *name, const char *alt_names)
{
    cert_make_between(dir, ca, name, alt_names, -HOUR_S, DAY_S);
}

void cert_make_between(const char *dir, const char *ca, const char *name, const char *alt_names,
                       long from_s, long to_s)
{
    FILE *in = cert_file(dir, ca, "pem", "re");
    X509 *issuer = PEM_read_X509(in, NULL, NULL, NULL);
    fclose(in);
    in = cert_file(dir, ca, "key", "re");
    EVP_PKEY *issuer_key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
    fclose(in);

    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = cert_new(name, key, issuer, from_s, to_s);
    cert_extend(cert, issuer, NID_subject_alt_name, alt_names);
    cert_extend(cert, issuer, NID_authority_key_identifier, "keyid");
    X509_sign(cert, issuer_key, EVP_sha256());
    cert_write(dir, name, cert, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    X509_free(issuer);
    EVP_PKEY_free(issuer_key);
}
