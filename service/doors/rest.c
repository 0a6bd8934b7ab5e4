#include "doors/rest.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "doors/idempotency.h"
#include "engine/feed.h"
#include "wire/json.h"

/* --- before ------------------------------------------------------------------------------------- */

static struct slice last_param(const struct request *request)
{
    int last = 0;
    while (last + 1 < PATH_PARAMS_MAX && request->params[last + 1].p)
        last++;
    return request->params[last];
}

static int rest_init(struct rest *rest, struct app *app, struct request *request,
                     struct response *response, struct err *err)
{
    *rest = (struct rest){.app = app,
                          .request = request,
                          .response = response,
                          .arena = request->arena,
                          .id = last_param(request)};
    if (request->route->flags & ROUTE_TENANT)
        rest->tenant = request->params[0];
    if (request->route->flags & ROUTE_BODY)
        return json_read(request->body, &rest->body, err);
    return 0;
}

/*
 * After the work failed: what it had put into the response is no answer any more, but for the ETag of a
 * 412. Something that is missing because the body named it is an error of the body, not a 404.
 */
static int rest_fail(struct rest *rest, int rc, struct err *err)
{
    uint64_t etag = rc == ERR_STALE ? rest->response->etag : 0;
    json_decref(rest->response->json);
    *rest->response = (struct response){.etag = etag};
    if (rc == ERR_NOT_FOUND && err->field[0])
        rc = err->code = ERR_INVALID;
    return rc;
}

/* --- the frames --------------------------------------------------------------------------------- */

int rest_ask(struct app *app, struct request *request, struct response *response, struct err *err)
{
    struct rest rest;
    int rc = rest_init(&rest, app, request, response, err);
    if (rc == 0)
        rc = request->route->work(&rest, err);
    json_decref(rest.body);
    return rc ? rest_fail(&rest, rc, err) : 0;
}

int rest_read(struct app *app, struct request *request, struct response *response, struct err *err)
{
    struct rest rest;
    int rc = rest_init(&rest, app, request, response, err);
    if (rc == 0)
        rc = store_begin(app->store, NULL, &rest.txn, err);
    if (rc == 0) {
        rc = request->route->work(&rest, err);
        store_rollback(rest.txn);
    }
    json_decref(rest.body);
    return rc ? rest_fail(&rest, rc, err) : 0;
}

/* The work and all that belongs into its transaction. */
static int write_in_txn(struct rest *rest, const struct idempotency *idempotency, struct err *err)
{
    int rc = rest->request->route->work(rest, err);
    if (rc == 0)
        rc = store_revision(rest->txn, rest->tenant, &rest->response->revision, err);
    rest->response->has_revision = true;
    if (rc == 0)
        rc = idempotency_keep(idempotency, rest->txn, rest->request, rest->response, err);
    return rc;
}

void rest_pull(struct app *app, const struct request *request)
{
    struct err err = {0};
    if (feed_pull(app->feed, &err))
        log_warn("feed_pull", "error=%s request_id=%s", err_word(err.code), request->request_id);
}

static int write_once(struct rest *rest, const struct idempotency *idempotency, struct err *err)
{
    bool is_replay;
    int rc = store_begin(rest->app->store, &rest->request->actor, &rest->txn, err);
    if (rc)
        return rc;
    rc = idempotency_replay(idempotency, rest->txn, rest->request, rest->response, &is_replay, err);
    if (rc || is_replay) {
        store_rollback(rest->txn);
        return rc;
    }
    rc = write_in_txn(rest, idempotency, err);
    if (rc) {
        store_rollback(rest->txn);
        return rc;
    }
    rc = store_commit(rest->txn, NULL, err);
    if (rc == 0)
        rest_pull(rest->app, rest->request);
    return rc;
}

/* Where too many want the same, or two wait for each other, this one lets go of everything, waits a little
 * and begins anew; who asked need not know of it. */
static int write_patiently(struct rest *rest, const struct idempotency *idempotency, struct err *err)
{
    enum { PATIENCE_MS = 2000, PAUSE_MS = 40 };
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    int rc;
    while ((rc = write_once(rest, idempotency, err)) == ERR_CROWDED && clock_mono_ms() < until_ms) {
        rest_fail(rest, rc, err);
        *err = (struct err){0};
        nanosleep(&pause, NULL);
    }
    return rc;
}

int rest_write(struct app *app, struct request *request, struct response *response, struct err *err)
{
    struct rest rest;
    struct idempotency idempotency;
    int rc = rest_init(&rest, app, request, response, err);
    if (rc == 0)
        rc = precondition_parse(request_header(request, "If-Match"),
                                request_header(request, "If-None-Match"), &rest.precondition, err);
    if (rc == 0)
        rc = idempotency_of(request, rest.tenant, &idempotency, err);
    if (rc == 0)
        rc = write_patiently(&rest, &idempotency, err);
    json_decref(rest.body);
    return rc ? rest_fail(&rest, rc, err) : 0;
}

/* --- for the work itself ------------------------------------------------------------------------- */

int rest_condition(struct rest *rest, uint64_t version, struct condition *ret, struct err *err)
{
    int rc = precondition_resolve(&rest->precondition, version, ret, err);
    if (rc)
        rest->response->etag = version;
    return rc;
}

int rest_answer(struct rest *rest, int status, json_t *json, uint64_t etag, struct err *err)
{
    if (!json)
        return err_set(err, ERR_NOMEM, "out of memory");
    rest->response->status = status;
    rest->response->json = json;
    rest->response->etag = etag;
    return 0;
}

int rest_location(struct rest *rest, struct err *err, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof text)
        rest->response->location = arena_copy(rest->arena, (struct slice){text, (size_t)n});
    return rest->response->location ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

bool rest_has(const struct rest *rest, const char *member)
{
    return json_object_get(rest->body, member) != NULL;
}

const char *rest_text(struct rest *rest, struct slice text)
{
    return arena_copy(rest->arena, text);
}
