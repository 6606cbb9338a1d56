/* forward.h - what a proxy changes in the messages that it passes on (RFC 9110 §7.6, RFC 7239).
 * Pure: reads a message, writes the list of fields for the other side. Values that are new live in
 * the output list's arena, the others where they were. */
#ifndef HTTP_FORWARD_H
#define HTTP_FORWARD_H

#include "http/message.h"

/* The name of this proxy in Via. */
#define FORWARD_PSEUDONYM "headstart"

struct forward_rules {
    struct span peer;         /* the client's address without port; empty for a unix socket */
    struct span host;         /* sent as Host; empty: the request's authority is kept */
    struct span via_protocol; /* how the message came in: "2", "1.1"; empty: Via is not added to */
    bool append;              /* believe the client's claims (http/claims.h) and append to them */
    bool underscores;         /* pass fields with "_" in their names, which are dropped otherwise */
    bool pushed;              /* the request stands for a push: it carries "x-http2-push: 1" */
    const struct fields *claims; /* of a push: the fields of its page's request, whose claims hold
                                    for it too. NULL: the request's own */
};

/* Writes into `out` the fields with which `in` goes to the origin: Host first, hop-by-hop fields
 * gone, cookie lines joined, forwarding fields set, claims gone unless they are believed, and those
 * with a name that CGI takes for one of ours. Content-Length and Transfer-Encoding are left
 * to the writer of the message, who knows the framing. `in` was found fine by request_check().
 * Look at out->failed. */
void forward_request(struct fields *out, const struct request *in,
                     const struct forward_rules *rules);

/* Writes into `out` the fields with which `in` goes to the client: hop-by-hop fields gone, our own
 * names gone, Content-Length only where the status may have one. A final response gets Via, and a
 * Date (`date`, an IMF-fixdate) where the origin sent none; an informational one gets nothing, so
 * that it shows when nothing is left of it. `out` may be empty and use the array of `in->fields`,
 * which is lost then. Look at out->failed. */
void forward_response(struct fields *out, const struct response *in, struct span via_protocol,
                      struct span date);

/* Writes into `out` the trailer fields of `in` that may be passed on to the client: without those
 * that frame, route, say who the client is, or belong to the connection (RFC 9110 §6.5.1), which a
 * careless receiver would merge into the header. Look at out->failed. */
void forward_trailers(struct fields *out, const struct fields *in);
/* The same of a request's trailer fields, on their way to the origin; `underscores` is as in the
 * rules. */
void forward_request_trailers(struct fields *out, const struct fields *in, bool underscores);

#endif
