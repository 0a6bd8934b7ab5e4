/*
 * One request against the store: what is the same for every resource stands here once.
 *
 *     read:  begin ─► work ─► end
 *     write: body, headers ─► begin ─► kept answer? ─► work ─► revision ─► keep ─► commit ─► feed
 *
 * A write is all there or not at all: the change, its revision and the answer kept for an
 * Idempotency-Key are one transaction. Before its answer goes out this node has pulled the change in,
 * so an edit that was acknowledged is in force here.
 *
 * A credential for some tenants only reaches the routes of those tenants (ROUTE_TENANT, checked before)
 * and the few marked ROUTE_SOME_TENANTS; everything else concerns all tenants and is refused here.
 */
#ifndef SEKISHO_DOORS_EXCHANGE_H
#define SEKISHO_DOORS_EXCHANGE_H

#include "doors/http.h"
#include "doors/precondition.h"

struct exchange {
    struct app *app;
    const struct request *request;
    struct response *response;
    struct arena *arena;
    struct txn *txn;
    json_t *body;        /* an object; NULL when the route has none */
    struct slice tenant; /* of the path; empty: platform, profiles, tokens */
    struct slice id;     /* the last parameter of the path */
    struct precondition precondition;
};

/* The handlers of most routes: they frame the route's `work`, which runs inside the transaction and
 * fills x->response. */
http_handler exchange_read, exchange_write;

/* --- for the work itself ------------------------------------------------------------------------- */

/*
 * Holds the request's precondition for something of `version` (0: does not exist)? On ERR_STALE the
 * response carries the present ETag.
 */
int exchange_condition(struct exchange *x, uint64_t version, struct condition *ret,
                       struct err *err) MUST_CHECK;

/* The answer's body (taken; NULL is ERR_NOMEM), its ETag (0: none) and status. */
int exchange_answer(struct exchange *x, int status, json_t *json, uint64_t etag,
                    struct err *err) MUST_CHECK;
/* printf for Location. */
int exchange_location(struct exchange *x, struct err *err, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;

/* Is the member in the body, be it null? */
bool exchange_has(const struct exchange *x, const char *member);

/* A slice as text in the request's arena; NULL when out of memory. */
const char *exchange_text(struct exchange *x, struct slice text);

#endif
