/* error.h - one line that says what is wrong with a certificate, a key, the authorities to trust or
 * the library. */
#ifndef TLS_ERROR_H
#define TLS_ERROR_H

enum { TLS_ERROR_BYTES = 512 };

/* One line that says what is wrong with a certificate, a key or the library. */
struct tls_error {
    char text[TLS_ERROR_BYTES];
};

#endif
