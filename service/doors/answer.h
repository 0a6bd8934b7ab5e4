/*
 * The last step of every request: one place that turns an answer into a response of
 * libmicrohttpd, so that no answer leaves without the headers that all of them carry.
 */
#ifndef SEKISHO_DOORS_ANSWER_H
#define SEKISHO_DOORS_ANSWER_H

#include <microhttpd.h>

#include "base/slice.h"

struct body_stream;
struct connection;

struct answer {
    int status;
    enum answer_memory {
        BODY_KEPT,   /* static, or connection->answer: stays until the next request */
        BODY_COPIED, /* belongs to somebody who goes away earlier */
        BODY_TAKEN,  /* from malloc; is freed */
    } memory;
    struct slice body;
    struct body_stream *stream; /* takes; the body in place of it, or NULL */
    const char *content_type; /* NULL when there is no body */
    const char *authenticate, *allow, *location; /* NULL: not sent */
    const char *csp;   /* of a page; NULL: of everything else */
    bool is_retryable; /* Retry-After */
    uint64_t etag;     /* 0: not sent */
    bool has_revision;
    uint64_t revision;
    bool closes;
};

/* Queues the answer; MHD_NO, which ends the connection, when there is no memory for it. */
enum MHD_Result answer_send(struct connection *connection, const struct answer *answer);

/* The same for a 200 with none but the common headers, from the connection's stock of ready
 * responses; `body` is copied. */
enum MHD_Result answer_send_ready(struct connection *connection, const char *content_type,
                                  struct slice body, int64_t now_ms);

/* The headers that every answer carries; false when there is no memory. `csp` NULL: nothing may be loaded
 * or run. With one, the answer is a page, whose address nobody else is to see. */
bool answer_add_common(struct MHD_Response *response, const char *content_type, const char *csp);

/* Answers with connection->problem: as a document, or as the word `deny` where that is what the
 * client of the dial route asked for. */
enum MHD_Result answer_refusal(struct connection *connection);

/* Names the request, for log and answer, unless it has a name: 24 hex digits. */
const char *request_name(struct connection *connection);

#endif
