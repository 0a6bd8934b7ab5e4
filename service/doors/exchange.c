#include "doors/exchange.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "doors/idempotency.h"
#include "engine/feed.h"
#include "wire/json.h"

/* --- before ------------------------------------------------------------------------------------- */

static int check_reach(const struct request *request, struct err *err)
{
    const unsigned open = ROUTE_TENANT | ROUTE_SOME_TENANTS;
    if (request->route->flags & open || request->credential->tenants_count == 0)
        return 0;
    return err_set(err, ERR_FORBIDDEN, "this token is for some tenants only");
}

static struct slice last_param(const struct request *request)
{
    int last = 0;
    while (last + 1 < PATH_PARAMS_MAX && request->params[last + 1].p)
        last++;
    return request->params[last];
}

static int exchange_init(struct exchange *x, struct app *app, struct request *request,
                         struct response *response, struct err *err)
{
    static const char *const none[] = {NULL};
    const char *const *query = request->route->query ? request->route->query : none;
    int rc = check_reach(request, err);
    *x = (struct exchange){.app = app, .request = request, .response = response,
                           .arena = request->arena, .id = last_param(request)};
    if (request->route->flags & ROUTE_TENANT)
        x->tenant = request->params[0];
    if (rc == 0)
        rc = request_query_only(request, query, err);
    if (rc == 0 && request->route->flags & ROUTE_BODY)
        rc = json_read(request->body, &x->body, err);
    return rc;
}

/*
 * After the work failed: what it had put into the response is no answer any more, but for the ETag of a
 * 412. Something that is missing because the body named it is an error of the body, not a 404.
 */
static int exchange_fail(struct exchange *x, int rc, struct err *err)
{
    uint64_t etag = rc == ERR_STALE ? x->response->etag : 0;
    json_decref(x->response->json);
    *x->response = (struct response){.etag = etag};
    if (rc == ERR_NOT_FOUND && err->field[0])
        rc = err->code = ERR_INVALID;
    return rc;
}

/* --- the two frames ----------------------------------------------------------------------------- */

int exchange_read(struct app *app, struct request *request, struct response *response,
                  struct err *err)
{
    struct exchange x;
    int rc = exchange_init(&x, app, request, response, err);
    if (rc == 0)
        rc = store_begin(app->store, NULL, &x.txn, err);
    if (rc == 0) {
        rc = request->route->work(&x, err);
        store_rollback(x.txn);
    }
    json_decref(x.body);
    return rc ? exchange_fail(&x, rc, err) : 0;
}

/* The work and all that belongs into its transaction. */
static int write_in_txn(struct exchange *x, const struct idempotency *idempotency, struct err *err)
{
    int rc = x->request->route->work(x, err);
    if (rc == 0)
        rc = store_revision(x->txn, x->tenant, &x->response->revision, err);
    x->response->has_revision = true;
    if (rc == 0)
        rc = idempotency_keep(idempotency, x->txn, x->request, x->response, err);
    return rc;
}

/* The change is committed whatever happens here: if the pull fails, the poll brings it within a second
 * and the log says so. */
static void pull(struct app *app, const struct request *request)
{
    struct err err = {0};
    if (feed_pull(app->feed, &err))
        log_warn("feed_pull", "error=%s request_id=%s", err_word(err.code), request->request_id);
}

static int write_once(struct exchange *x, const struct idempotency *idempotency, struct err *err)
{
    bool is_replay;
    int rc = store_begin(x->app->store, &x->request->actor, &x->txn, err);
    if (rc)
        return rc;
    rc = idempotency_replay(idempotency, x->txn, x->request, x->response, &is_replay, err);
    if (rc || is_replay) {
        store_rollback(x->txn);
        return rc;
    }
    rc = write_in_txn(x, idempotency, err);
    if (rc) {
        store_rollback(x->txn);
        return rc;
    }
    rc = store_commit(x->txn, NULL, err);
    if (rc == 0)
        pull(x->app, x->request);
    return rc;
}

int exchange_write(struct app *app, struct request *request, struct response *response,
                   struct err *err)
{
    struct exchange x;
    struct idempotency idempotency;
    int rc = exchange_init(&x, app, request, response, err);
    if (rc == 0)
        rc = precondition_parse(request_header(request, "If-Match"),
                                request_header(request, "If-None-Match"), &x.precondition, err);
    if (rc == 0)
        rc = idempotency_of(request, x.tenant, &idempotency, err);
    if (rc == 0)
        rc = write_once(&x, &idempotency, err);
    json_decref(x.body);
    return rc ? exchange_fail(&x, rc, err) : 0;
}

/* --- for the work itself ------------------------------------------------------------------------- */

int exchange_condition(struct exchange *x, uint64_t version, struct condition *ret, struct err *err)
{
    int rc = precondition_resolve(&x->precondition, version, ret, err);
    if (rc)
        x->response->etag = version;
    return rc;
}

int exchange_answer(struct exchange *x, int status, json_t *json, uint64_t etag, struct err *err)
{
    if (!json)
        return err_set(err, ERR_NOMEM, "out of memory");
    x->response->status = status;
    x->response->json = json;
    x->response->etag = etag;
    return 0;
}

int exchange_location(struct exchange *x, struct err *err, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof text)
        x->response->location = arena_copy(x->arena, (struct slice){text, (size_t)n});
    return x->response->location ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

bool exchange_has(const struct exchange *x, const char *member)
{
    return json_object_get(x->body, member) != NULL;
}

const char *exchange_text(struct exchange *x, struct slice text)
{
    return arena_copy(x->arena, text);
}
