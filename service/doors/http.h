/*
 * HTTP listeners over libmicrohttpd: what is common to the dial and the admin door.
 *
 *     bytes ─► libmicrohttpd ─► gate (framing, sizes, deadlines) ─► route table ─► credential, ROLE
 *           ─► handler(app, request, response) ─► one function finishes every response
 *
 * The gate exists because libmicrohttpd lets too much through. A handler never sees a request
 * that the gate, the route table or the role refused. Handlers return 0 after filling the
 * response, or a negative ERR_* with err filled, which problem.c turns into an RFC 9457 problem
 * (or the word `deny` where the format is text or form).
 *
 * The dial route is the exception that the speed demands: authorize.c answers it without a struct
 * request, from buffers of the connection.
 *
 *     listener.c   sockets, bind rules, TLS, start and stop
 *     http.c       one request from first byte to answer
 *     gate.c       what libmicrohttpd lets through and must not come in
 *     deadline.c   who takes too long is cut off
 *     dispatch.c   route, credential, role, preconditions
 *     authorize.c  the dial route
 *     answer.c     the one function that finishes every response; ready.c keeps some of them
 *     problem.c    errors as RFC 9457 documents
 */
#ifndef SEKISHO_DOORS_HTTP_H
#define SEKISHO_DOORS_HTTP_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "auth/auth.h"
#include "base/address.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "doors/metrics.h"
#include "store/store.h"

struct campaigns;
struct engine;
struct feed;
struct node;
struct notify;
struct rulesets;

/* Everything a handler may need; borrowed from main, lives as long as the listeners. */
struct cache;
struct app {
    struct store *store;
    struct engine *engine;
    struct rulesets *rulesets;
    struct feed *feed;
    struct cache *cache; /* NULL: none */
    struct node *node;
    struct campaigns *campaigns;
    const struct notify *notify;
    struct auth *auth;
    struct metrics *metrics;
    const unsigned char *cursor_key; /* 32 random bytes: signs list cursors */
    const char *cdr_map, *cdr_time_zone; /* for call records that come without */
    const char *problem_base;        /* absolute URI before a problem's code */
    struct token_refusals { /* since the last warning about them: token_check.h */
        atomic_uint count;
        _Atomic int64_t told_at_ms;
    } refusals;
    atomic_uint waiters;             /* requests that hold a thread until something happens */
    atomic_uint simulations;         /* under way */
    atomic_bool is_draining;         /* http_drain() sets it: /readyz says no from then on */
};

enum {
    PATH_PARAMS_MAX = 3,
    REQUEST_ID_BYTES = 40,
    URI_BYTES_MAX = 2048,
    HEADER_BYTES_MAX = 16 * 1024,
    BODY_BYTES_MAX = 256 * 1024,
    FORM_BYTES_MAX = 16 * 1024,
    NDJSON_BYTES_MAX = 8 * 1024 * 1024, /* the whole body of a ROUTE_NDJSON or ROUTE_CSV request */
    NDJSON_LINE_BYTES_MAX = 64 * 1024,
    ARENA_BYTES_MAX = 64 * 1024 * 1024, /* of one request */
};

struct request {
    const struct route *route;
    enum door door;
    struct slice method, path;
    struct slice params[PATH_PARAMS_MAX]; /* of {…} in the pattern, percent-decoded, in order */
    struct slice body;
    const struct credential *credential; /* NULL on open routes */
    struct actor actor;                  /* for store_begin() */
    struct arena *arena;                 /* freed after the response was queued */
    char request_id[REQUEST_ID_BYTES];
    void *connection; /* struct MHD_Connection *, for request_query() and request_header() */
};

/* A query parameter, percent-decoded; empty slice with p == NULL when absent. One that is
 * repeated or not in route->query was answered with 400 before. */
struct slice request_query(const struct request *request, const char *name);
/* A header's value, or p == NULL. */
struct slice request_header(const struct request *request, const char *name);

/*
 * A body that is made piece by piece while it is sent, so that it may be longer than memory. It belongs
 * to whoever has it: `release` is called once, whether or not it was sent to its end.
 */
enum { STREAM_PIECE_BYTES = 256 * 1024, STREAM_FULL_BYTES = STREAM_PIECE_BYTES / 4 * 3 };
struct body_stream {
    /* Adds the next piece to `out`, which is empty; best until STREAM_FULL_BYTES are in it. 1: there may
     * be more, 0: that was the end, or ERR_*: the connection is cut, so that nobody takes half for all. */
    int (*more)(struct body_stream *stream, struct buf *out, struct err *err);
    void (*release)(struct body_stream *stream);
};

struct response {
    int status;           /* 0 stands for 200 */
    json_t *json;         /* takes; the body, or NULL */
    struct slice text;    /* body when json is NULL; arena or static memory */
    struct body_stream *stream; /* takes; the body in place of both, or NULL */
    const char *content_type; /* NULL: application/json */
    const char *location; /* arena memory, or NULL */
    const char *csp;      /* of a page: its Content-Security-Policy, arena memory; or NULL */
    uint64_t etag;        /* 0: none; sent with an error too, so that a 412 names the present one */
    bool has_revision;
    uint64_t revision;    /* Sekisho-Revision */
};

typedef int http_handler(struct app *app, struct request *request, struct response *response,
                         struct err *err);
struct rest; /* rest.h */
typedef int rest_work(struct rest *rest, struct err *err);

/* One row of the route table (routes.c): the only place where a role is granted. */
struct route {
    const char *method;  /* a GET row answers HEAD too */
    const char *pattern; /* "/v1/tenants/{t}/rules/{id}" */
    unsigned roles;      /* set of enum role; 0: open to everyone (health, metrics on loopback) */
    http_handler *handler;
    unsigned flags;
    rest_work *work;     /* for rest_read() and rest_write() as handler */
    const char *const *query; /* the query parameters it knows, ends with NULL; NULL: none */
};
enum {
    ROUTE_TENANT = 1,      /* the first {…} is a tenant: covered by the credential, else 404 */
    ROUTE_NEEDS_MATCH = 2, /* If-Match required (428) */
    ROUTE_BODY = 4,        /* has a JSON body: Content-Type checked, BODY_BYTES_MAX at most */
    ROUTE_NDJSON = 8,      /* has an application/x-ndjson body, NDJSON_BYTES_MAX at most */
    ROUTE_FORM = 32,       /* has an application/x-www-form-urlencoded body, FORM_BYTES_MAX at most */
    ROUTE_CSV = 16,        /* has a text/csv body, NDJSON_BYTES_MAX at most; with ROUTE_NDJSON either */
};

/* The admin routes; ends with a row whose method is NULL. */
extern const struct route admin_routes[];

/* --- listeners: for main -------------------------------------------------------------------- */

struct http_config {
    enum door door;                 /* DOOR_DIAL or DOOR_ADMIN */
    struct endpoint listen;         /* port 0 picks one */
    struct networks allow;          /* DOOR_DIAL: who may connect; items are borrowed */
    const char *tls_cert, *tls_key; /* DOOR_ADMIN: PEM files; both or neither (NULL) */
    unsigned threads;               /* 0: dial one a core, admin 8 */
    unsigned connections_max;       /* 0: dial 10000, admin 512 */
};

struct http;

/*
 * Starts one listener and logs `listening door=… address=…`. Borrows `app` and the items of
 * config->allow. ERR_INVALID, with a text that names the option: dial on another address than
 * loopback without --dial-allow; admin on another than loopback without --tls-cert and --tls-key;
 * certificate or key not usable. ERR_IO: the address is taken.
 */
int http_listen(const struct http_config *config, struct app *app, struct http **ret,
                struct err *err) MUST_CHECK;
uint16_t http_port(const struct http *http);
/* Readiness off, connections end after their next answer; still accepts, so that whoever balances
 * the load can notice. Any thread. */
void http_drain(struct http *http);
/* Accepts nothing more, lets requests under way finish (2 s at most), ends all, frees. NULL is
 * fine. */
void http_stop(struct http *http);

#endif
