/* cert.h - certificates made for one run of the tests (EC P-256, a day long unless it is said).
 * Files in `dir`: NAME.pem (the chain) and NAME.key. */
#ifndef CERT_H
#define CERT_H

/* Makes an authority that signs the certificates below. */
void cert_make_ca(const char *dir, const char *name);
/* Makes a certificate for `alt_names` ("DNS:example.com,IP:127.0.0.1"), signed by the authority
 * `ca` in the same directory. */
void cert_make(const char *dir, const char *ca, const char *name, const char *alt_names);
/* The same, valid from and to so many seconds from now. */
void cert_make_between(const char *dir, const char *ca, const char *name, const char *alt_names,
                       long from_s, long to_s);

#endif
