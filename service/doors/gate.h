/*
 * The gate: looks at every request before anything believes it, because libmicrohttpd lets
 * through what a proxy in front of it may have read differently (request smuggling, RFC 9112
 * sections 3.2, 5, 6). One pass over the headers, which also picks out the few that the doors
 * need.
 *
 * libmicrohttpd before 1.0 takes bare LF and bare CR for line ends, joins folded lines, and cuts
 * a value at a NUL byte, all without a trace in what it hands over. Its header lines lie one
 * behind the other in its buffer, though, so where the next name starts tells what stood between:
 * exactly CR LF, or something that has no business there. With 1.0 and later this is not needed.
 */
#ifndef SEKISHO_DOORS_GATE_H
#define SEKISHO_DOORS_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct connection;

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE,
              METHOD_OPTIONS, METHOD_COUNT };
const char *method_word(enum method method);

/* What the pass over the headers found. Slices borrow the library's buffer until the answer is
 * sent. */
struct facts {
    enum method method;
    unsigned hosts, content_lengths, transfer_encodings, authorizations, content_types, if_matches,
        if_none_matches, idempotency_keys, expects;
    bool is_chunked;
    uint64_t content_length;
    struct slice host, authorization, accept, content_type;
    const char *broken; /* what was wrong with a header, or NULL */
    const char *at;     /* where the next header name must start (libmicrohttpd before 1.0) */
};

/* Reads connection->uri from the raw target (may be NULL); refuses one too long or malformed. */
void gate_take_uri(struct connection *connection, const char *raw);

/* Reads connection->facts; refuses the request where its framing is not beyond doubt. A refusal
 * here must close the connection: what follows on it may not be what the client meant. */
void gate_take_headers(struct connection *connection, const char *method, const char *version);

/* Does the request have a body, as far as its headers tell? */
bool facts_have_body(const struct facts *facts);

#endif
