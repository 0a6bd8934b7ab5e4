/*
 * HTTP listeners over libmicrohttpd: what is common to the dial and the admin door.
 *
 *     bytes ─► libmicrohttpd ─► gate (framing, sizes, deadlines) ─► route table ─► credential, ROLE
 *           ─► handler(app, request, response) ─► one function finishes every response
 *
 * The gate exists because libmicrohttpd lets too much through (pitfalls C.1). A handler never sees a
 * request that the gate, the route table or the role refused. Handlers return 0 after filling the
 * response, or a negative ERR_* with err filled, which http.c turns into an RFC 9457 problem (or the
 * word `deny` where the format is text or form).
 *
 * The dial route is the exception that the speed demands: authorize.c answers it without a struct
 * request, from buffers on its stack.
 */
#ifndef SEKISHO_DOORS_HTTP_H
#define SEKISHO_DOORS_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "auth/auth.h"
#include "store/store.h"

struct engine;
struct feed;
struct rulesets;
struct metrics;

/* Everything a handler may need; borrowed from main, lives as long as the listeners. */
struct app {
    struct store *store;
    struct engine *engine;
    struct rulesets *rulesets;
    struct feed *feed;
    struct auth *auth;
    struct metrics *metrics;
    const unsigned char *cursor_key; /* 32 random bytes: signs list cursors */
    const char *problem_base;        /* absolute URI before a problem's name */
};

enum { PATH_PARAMS_MAX = 3, REQUEST_ID_BYTES = 40 };

struct request {
    const struct route *route;
    struct slice method, path;
    struct slice params[PATH_PARAMS_MAX]; /* of {…} in the pattern, percent-decoded, in order */
    struct slice body;
    const struct credential *credential; /* NULL on open routes */
    struct actor actor;                  /* for store_begin() */
    struct arena *arena;                 /* freed after the response was queued */
    char request_id[REQUEST_ID_BYTES];
    void *connection; /* struct MHD_Connection *, for request_query() and request_header() */
};

/* A query parameter, percent-decoded; empty slice with p == NULL when absent. Repeated: ERR_INVALID was
 * answered by the gate already. */
struct slice request_query(const struct request *request, const char *name);
/* A header's value, or p == NULL. */
struct slice request_header(const struct request *request, const char *name);

struct response {
    int status;           /* 0 stands for 200 */
    json_t *json;         /* takes; the body, or NULL */
    struct slice text;    /* body when json is NULL; arena memory */
    const char *content_type; /* NULL: application/json */
    const char *location; /* arena memory, or NULL */
    uint64_t etag;        /* 0: none */
    bool has_revision;
    uint64_t revision;    /* Sekisho-Revision */
};

typedef int http_handler(struct app *app, struct request *request, struct response *response,
                         struct err *err);

/* One row of the route table (routes.c): the only place where a role is granted. */
struct route {
    const char *method;
    const char *pattern; /* "/v1/tenants/{t}/rules/{id}" */
    unsigned roles;      /* set of enum role; 0: open to everyone (health, metrics on loopback) */
    http_handler *handler;
    unsigned flags;
};
enum {
    ROUTE_TENANT = 1,      /* the first {…} is a tenant: must be covered by the credential, else 404 */
    ROUTE_NEEDS_MATCH = 2, /* If-Match required (428) */
    ROUTE_BODY = 4,        /* has a JSON body: Content-Type checked, 256 kB at most */
    ROUTE_NDJSON = 8,
};

/* The admin routes; ends with a row whose method is NULL. */
extern const struct route admin_routes[];

#endif
