/* selfsigned.h - a certificate for trying things out on one's own machine. For this room only. */
#ifndef TLS_SELFSIGNED_H
#define TLS_SELFSIGNED_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/attr.h"

/* Makes a key (EC P-256) and a certificate for localhost, 127.0.0.1 and ::1 that was valid an hour
 * ago and is for 30 days, signed by itself; the caller owns both. False when the library fails. */
NODISCARD bool selfsigned_make(X509 **certificate, EVP_PKEY **key);

#endif
