/*
 * POST /v1/provision: many tenants and accounts in one request, a line of answer for each line.
 *
 *     lines ─► 200 at a time: begin ─► each line in a savepoint of its own ─► commit ─► pull
 *
 * A line that is refused undoes only itself. Transactions are short, because on SQLite every other
 * writer waits for them. Doing it again is harmless: what is there already is "unchanged". With an
 * Idempotency-Key the answer of each transaction is kept in that transaction under the key and its
 * first line; the same request again gets those answers and goes on where the first one ended.
 *
 * A dry run is one transaction that is taken back: an account needs the tenant of an earlier line.
 */
#include <strings.h>

#include "base/log.h"
#include "doors/idempotency.h"
#include "doors/problem.h"
#include "doors/provision.h"
#include "wire/bulk.h"

enum {
    LINES_MAX = 10000,     /* of one request */
    BATCH_LINES = 200,     /* of one transaction */
    RESULT_BYTES = 8 * 1024, /* a line of the answer at most */
};

struct provisioning {
    struct app *app;
    struct request *request;
    struct slice tenant;
    struct idempotency idempotency;
    bool is_dry_run;
    struct bulk bulk;
    bool is_at_end;
    bool has_committed;
    char *answer; /* in the request's arena */
    size_t answer_n, answer_cap;
};

/* --- the answer ------------------------------------------------------------------------------- */

static int append(struct provisioning *it, struct slice text, struct err *err)
{
    if (text.n > it->answer_cap - it->answer_n) {
        size_t cap = 2 * (it->answer_cap + text.n);
        char *answer = arena_alloc(it->request->arena, cap);
        if (!answer)
            return err_set(err, ERR_NOMEM, "out of memory");
        memcpy(answer, it->answer ? it->answer : "", it->answer_n);
        it->answer = answer;
        it->answer_cap = cap;
    }
    memcpy(it->answer + it->answer_n, text.p, text.n);
    it->answer_n += text.n;
    return 0;
}

static int append_results(struct provisioning *it, const struct provisioned *results,
                          unsigned count, struct err *err)
{
    char line[RESULT_BYTES];
    int rc = 0;
    for (unsigned i = 0; i < count && rc == 0; i++) {
        struct buf buf = BUF_OVER(line);
        provision_write(&results[i], it->app->problem_base, &buf);
        rc = append(it, buf_slice(&buf), err);
    }
    return rc;
}

/* --- one transaction -------------------------------------------------------------------------- */

/* Reads the next line and does it, unless `rest` is NULL: then it is only read. 0: no more
 * lines. */
static int take_line(struct provisioning *it, struct rest *rest, struct provisioned *ret,
                     struct err *err)
{
    json_t *object = NULL;
    struct err why = {0};
    int rc = bulk_next(&it->bulk, &object, &why);
    *ret = (struct provisioned){.line = it->bulk.line, .tenant = "", .account = ""};
    if (rc == 0)
        return 0;
    if (rc < 0) {
        ret->rc = rc;
        ret->err = why;
        return 1;
    }
    rc = rest ? provision_line(rest, it->tenant, object, ret, err) : 0;
    json_decref(object);
    return rc ? rc : 1;
}

/* Up to `max` lines; *ret_count of them have a result, also when it fails. */
static int take_lines(struct provisioning *it, struct rest *rest, struct provisioned *results,
                      unsigned max, unsigned *ret_count, struct err *err)
{
    for (*ret_count = 0; *ret_count < max; ++*ret_count) {
        int rc = take_line(it, rest, &results[*ret_count], err);
        it->is_at_end = rc == 0;
        if (rc <= 0) {
            *ret_count += rc < 0; /* this line, too, was read */
            return rc;
        }
    }
    return 0;
}

/* The key under which the answers of the lines from here on are kept; no client's key has a
 * quote. */
static int key_of_batch(const struct provisioning *it, struct arena *arena,
                        struct idempotency *ret, struct err *err)
{
    *ret = it->idempotency;
    if (it->is_dry_run)
        ret->key = SLICE_NONE; /* nothing happens that must not happen twice */
    if (slice_is_empty(ret->key))
        return 0;
    char *key = arena_printf(arena, "%.*s\"%u", SLICE_ARG(ret->key), it->bulk.line + 1);
    if (!key)
        return err_set(err, ERR_NOMEM, "out of memory");
    ret->key = slice_of(key);
    return 0;
}

/* Does the lines and puts their results behind the answer, all in rest->txn. */
static int work(struct provisioning *it, struct rest *rest, const struct idempotency *key,
                struct provisioned *results, unsigned max, unsigned *ret_count, struct err *err)
{
    size_t before = it->answer_n;
    int rc = take_lines(it, rest, results, max, ret_count, err);
    if (rc == 0)
        rc = append_results(it, results, *ret_count, err);
    struct response kept = {.text = {it->answer + before, it->answer_n - before}};
    if (rc == 0 && *ret_count)
        rc = idempotency_keep(key, rest->txn, it->request, &kept, err);
    if (rc)
        it->answer_n = before;
    return rc;
}

/* What the same request answered before for the lines from here on; they are passed over. */
static int replay(struct provisioning *it, const struct response *kept,
                  struct provisioned *results, struct err *err)
{
    unsigned count;
    int rc = take_lines(it, NULL, results, BATCH_LINES, &count, err);
    if (rc == 0)
        it->has_committed = true;
    return rc ? rc : append(it, kept->text, err);
}

static int run_txn(struct provisioning *it, struct rest *rest, struct provisioned *results,
                   unsigned max, unsigned *ret_count, struct err *err)
{
    struct idempotency key;
    struct response kept = {0};
    bool is_replay = false;
    int rc = key_of_batch(it, rest->arena, &key, err);
    if (rc == 0)
        rc = store_begin(it->app->store, &it->request->actor, &rest->txn, err);
    if (rc)
        return rc;
    rc = idempotency_replay(&key, rest->txn, it->request, &kept, &is_replay, err);
    if (rc == 0 && !is_replay)
        rc = work(it, rest, &key, results, max, ret_count, err);
    if (rc || is_replay || it->is_dry_run) {
        store_rollback(rest->txn);
        return rc == 0 && is_replay ? replay(it, &kept, results, err) : rc;
    }
    rc = store_commit(rest->txn, NULL, err);
    if (rc == 0)
        rest_pull(it->app, it->request);
    it->has_committed = it->has_committed || rc == 0;
    return rc;
}

/* --- the whole request ------------------------------------------------------------------------ */

/* The lines that the store did not take, those it had taken before it failed, and all behind
 * them. */
static int refuse_rest(struct provisioning *it, struct provisioned *results, unsigned count,
                       unsigned max, struct err *err)
{
    int rc = 0;
    for (;;) {
        for (unsigned i = 0; i < count; i++) {
            results[i].rc = ERR_UNAVAILABLE; /* one word for all that is worth trying again */
            results[i].err = (struct err){0};
        }
        rc = append_results(it, results, count, err);
        if (rc || it->is_at_end)
            return rc;
        rc = take_lines(it, NULL, results, max, &count, err);
        if (rc)
            return rc;
    }
}

static int run_batch(struct provisioning *it, struct arena *arena, unsigned max, struct err *err)
{
    struct response ignored = {0};
    struct rest rest = {
        .app = it->app, .request = it->request, .response = &ignored, .arena = arena};
    struct provisioned *results = arena_alloc(arena, max * sizeof *results);
    size_t before = it->answer_n;
    unsigned count = 0;
    if (!results)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = run_txn(it, &rest, results, max, &count, err);
    if (rc == 0 || !it->has_committed || problem_facts(problem_of(rc))->status < 500)
        return rc; /* before anything was done the whole request is refused */
    log_warn("provision_stopped", "line=%u error=\"%s\" request_id=%s", it->bulk.line, err->text,
             it->request->request_id);
    it->answer_n = before;
    *err = (struct err){0};
    return refuse_rest(it, results, count, max, err);
}

static int run(struct provisioning *it, struct err *err)
{
    unsigned max = it->is_dry_run ? LINES_MAX + 1 : BATCH_LINES;
    int rc = 0;
    while (rc == 0 && !it->is_at_end) {
        struct arena arena;
        arena_init(&arena, ARENA_BYTES_MAX);
        rc = run_batch(it, &arena, max, err);
        arena_release(&arena);
    }
    return rc;
}

static int check_lines(struct slice body, struct err *err)
{
    size_t lines = 0;
    for (const char *p; body.n && (p = memchr(body.p, '\n', body.n)); lines++) {
        body.n -= (size_t)(p + 1 - body.p);
        body.p = p + 1;
    }
    if (lines + (body.n != 0) > LINES_MAX + 1) /* and a header */
        return err_set(err, ERR_LIMIT, "more than %d lines: send them in several requests",
                       LINES_MAX);
    return 0;
}

static int read_options(struct provisioning *it, enum charset *ret_charset, struct err *err)
{
    struct slice charset = request_query(it->request, "charset");
    struct slice dry_run = request_query(it->request, "dry_run");
    it->tenant = request_query(it->request, "tenant");
    *ret_charset = CHARSET_AUTO;
    it->is_dry_run = slice_equals_text(dry_run, "true");
    if (dry_run.p && !it->is_dry_run && !slice_equals_text(dry_run, "false"))
        return err_set(err, ERR_INVALID, "dry_run must be true or false");
    if (it->tenant.p && !tenant_id_is_valid(it->tenant))
        return err_set(err, ERR_INVALID, "tenant is no tenant's id");
    return charset.p ? charset_of(charset, ret_charset, err) : 0;
}

static bool is_csv(const struct request *request)
{
    struct slice type = request_header(request, "Content-Type");
    return type.n >= 8 && strncasecmp(type.p, "text/csv", 8) == 0;
}

int rest_provision(struct app *app, struct request *request, struct response *response,
                   struct err *err)
{
    struct provisioning *it = arena_alloc(request->arena, sizeof *it);
    enum charset charset = CHARSET_AUTO;
    if (!it)
        return err_set(err, ERR_NOMEM, "out of memory");
    it->app = app;
    it->request = request;
    int rc = read_options(it, &charset, err);
    if (rc == 0)
        rc = check_lines(request->body, err);
    if (rc == 0)
        rc = idempotency_of(request, SLICE_NONE, &it->idempotency, err);
    if (rc)
        return rc;
    rc = bulk_init(&it->bulk, is_csv(request) ? BULK_CSV : BULK_NDJSON, request->body, charset,
                   provision_columns, err);
    if (rc == 0)
        rc = run(it, err);
    bulk_release(&it->bulk);
    response->content_type = "application/x-ndjson";
    response->text = (struct slice){it->answer ? it->answer : "", it->answer_n};
    return rc;
}
