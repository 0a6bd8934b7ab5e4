/*
 * Who called abroad, and on what that rests:
 *
 *     /v1/accounts              accounts (or ?by=tenant), in pages, or all of them as CSV or NDJSON
 *     /v1/history               how many there are of each kind, and what the sources cover
 *     /v1/tenants/{t}/history   one tenant: itself, its accounts, the countries called
 */
#include <inttypes.h>
#include <strings.h>

#include "base/clock.h"
#include "doors/history_export.h"
#include "doors/history_lines.h"
#include "doors/listing.h"
#include "doors/rest.h"

enum { DAYS_LOOKED_BACK = 365 };

/* --- what the query chooses --------------------------------------------------------------------- */

/* A moment, or a day of Japan. */
static int take_time(struct rest *rest, const char *name, int64_t *ret, struct err *err)
{
    struct slice text = request_query(rest->request, name);
    char moment[CLOCK_TEXT_BYTES];
    if (!text.p)
        return 0;
    if (text.n == 10) {
        snprintf(moment, sizeof moment, "%.*sT00:00:00+09:00", SLICE_ARG(text));
        text = slice_of(moment);
    }
    if (!clock_parse(text, ret))
        return err_set(err, ERR_INVALID,
                       "%s must be a day like 2026-09-01 (of Japan) or a time like "
                       "2026-09-01T09:00:00%%2B09:00",
                       name);
    return 0;
}

static int take_days_min(struct rest *rest, int *ret, struct err *err)
{
    struct slice text = request_query(rest->request, "days_min");
    int value = 0;
    if (!text.p)
        return 0;
    for (size_t i = 0; i < text.n && value <= HISTORY_DAYS_MAX; i++)
        value = text.p[i] >= '0' && text.p[i] <= '9' ? value * 10 + text.p[i] - '0'
                                                     : HISTORY_DAYS_MAX + 1;
    if (value < 1 || value > HISTORY_DAYS_MAX)
        return err_set(err, ERR_INVALID, "days_min must be a number from 1 to %d",
                       HISTORY_DAYS_MAX);
    *ret = value;
    return 0;
}

static int take_words(struct rest *rest, struct history_filter *filter, struct err *err)
{
    struct slice word = request_query(rest->request, "overseas");
    struct slice by = request_query(rest->request, "by");
    enum overseas overseas;
    if (word.p && !overseas_of(word, &overseas))
        return err_set(err, ERR_INVALID, "overseas must be called, never or unknown");
    if (by.p && !slice_equals_text(by, "account") && !slice_equals_text(by, "tenant"))
        return err_set(err, ERR_INVALID, "by must be account or tenant");
    filter->overseas = word.p ? (int)overseas : -1;
    filter->whole_tenants = by.p && by.p[0] == 't';
    return 0;
}

static int take_filter(struct rest *rest, struct history_filter *ret, struct err *err)
{
    struct history_filter filter = {.tenant = listing_owner(rest), .overseas = -1};
    filter.profile = request_query(rest->request, "profile");
    int rc = take_words(rest, &filter, err);
    if (rc == 0)
        rc = take_time(rest, "since", &filter.period.since_ms, err);
    if (rc == 0)
        rc = take_time(rest, "until", &filter.period.until_ms, err);
    if (rc == 0)
        rc = take_days_min(rest, &filter.period.days_min, err);
    if (rc == 0 && filter.tenant.n && !tenant_id_is_valid(filter.tenant))
        rc = err_set(err, ERR_INVALID, "tenant is no tenant's id");
    if (rc)
        return rc;
    if (!filter.period.since_ms) {
        int64_t until_ms = filter.period.until_ms ? filter.period.until_ms : clock_now_ms();
        filter.period.since_ms = day_begins_ms(day_of_ms(until_ms) - DAYS_LOOKED_BACK + 1);
    }
    *ret = filter;
    return 0;
}

/* A cursor is good for the same question only; "now" moves on from page to page. */
static int begin_listing(struct rest *rest, const struct history_filter *filter,
                         struct listing *ret, struct err *err)
{
    char *text = arena_printf(
        rest->arena, "%.*s %.*s %d %d %" PRId32 " %" PRId64 " %d", SLICE_ARG(filter->tenant),
        SLICE_ARG(filter->profile), filter->whole_tenants, filter->overseas,
        day_of_ms(filter->period.since_ms), filter->period.until_ms, filter->period.days_min);
    return text ? listing_begin(rest, slice_of(text), ret, err)
                : err_set(err, ERR_NOMEM, "out of memory");
}

/* "acme 1001": a cursor's position. */
static void seek(struct slice position, struct history_filter *filter)
{
    const char *space = position.p ? memchr(position.p, ' ', position.n) : NULL;
    if (!space)
        return;
    filter->after_tenant = (struct slice){position.p, (size_t)(space - position.p)};
    filter->after_account = slice_of(space + 1);
}

/* --- a page --------------------------------------------------------------------------------------- */

struct page_of_lines {
    struct rest *rest;
    json_t *array;
    unsigned limit;
    struct slice last; /* position of the last line, once there is one behind the page */
    char tenant[TENANT_ID_BYTES], account[ACCOUNT_ID_BYTES]; /* of the last line of it */
};

static int add_line(void *context, const struct account_history *history, struct err *err)
{
    struct page_of_lines *page = context;
    if (json_array_size(page->array) == page->limit) {
        char *last = arena_printf(page->rest->arena, "%s %s", page->tenant, page->account);
        if (!last)
            return err_set(err, ERR_NOMEM, "out of memory");
        page->last = slice_of(last);
        return 1;
    }
    if (json_array_append_new(page->array, history_write(history)))
        return err_set(err, ERR_NOMEM, "out of memory");
    snprintf(page->tenant, sizeof page->tenant, "%.*s", SLICE_ARG(history->tenant));
    snprintf(page->account, sizeof page->account, "%.*s", SLICE_ARG(history->account));
    return 0;
}

/* *ret is returned new. */
static int read_page(struct rest *rest, struct history_filter *filter,
                     const struct listing *listing, json_t **ret, struct slice *ret_last,
                     struct err *err)
{
    struct page_of_lines page = {.rest = rest, .limit = listing->limit, .last = SLICE_NONE};
    page.array = json_array();
    if (!page.array)
        return err_set(err, ERR_NOMEM, "out of memory");
    seek(listing->after, filter);
    int rc = store_history_each(rest->app->store, filter, add_line, &page, err);
    if (rc < 0) {
        json_decref(page.array);
        return rc;
    }
    *ret = page.array;
    *ret_last = page.last;
    return 0;
}

static enum history_format wanted_format(const struct request *request)
{
    struct slice accept = request_header(request, "Accept");
    if (accept.p && accept.n >= 8 && strncasecmp(accept.p, "text/csv", 8) == 0)
        return HISTORY_CSV;
    if (accept.p && accept.n >= 20 && strncasecmp(accept.p, "application/x-ndjson", 20) == 0)
        return HISTORY_NDJSON;
    return HISTORY_JSON;
}

static int stop_at_once(void *context, const struct account_history *history, struct err *err)
{
    (void)context, (void)history, (void)err;
    return 1;
}

/* The first look finds out what is wrong with the question while it can still be said. */
static int export(struct rest *rest, const struct history_filter *filter,
                  enum history_format format, struct err *err)
{
    int rc = store_history_each(rest->app->store, filter, stop_at_once, NULL, err);
    if (rc < 0)
        return rc;
    rest->response->stream = history_export_new(rest->app->store, filter, format);
    rest->response->content_type =
        format == HISTORY_CSV ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson";
    return rest->response->stream ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

int rest_history_list(struct rest *rest, struct err *err)
{
    struct history_filter filter;
    struct listing listing;
    json_t *array;
    struct slice last;
    enum history_format format = wanted_format(rest->request);
    int rc = take_filter(rest, &filter, err);
    if (rc == 0 && format != HISTORY_JSON)
        return export(rest, &filter, format, err);
    if (rc == 0)
        rc = begin_listing(rest, &filter, &listing, err);
    if (rc == 0)
        rc = read_page(rest, &filter, &listing, &array, &last, err);
    if (rc)
        return rc;
    return listing_answer(rest, &listing, filter.whole_tenants ? "tenants" : "accounts", array,
                          last, err);
}

/* --- sums ----------------------------------------------------------------------------------------- */

struct sums {
    uint64_t tenants[OVERSEAS_UNKNOWN + 1], accounts[OVERSEAS_UNKNOWN + 1];
    json_t *sources;
};

static int add_tenant(void *context, const struct account_history *history, struct err *err)
{
    struct sums *sums = context;
    (void)err;
    sums->tenants[history->overseas]++;
    for (enum overseas overseas = OVERSEAS_CALLED; overseas <= OVERSEAS_UNKNOWN; overseas++)
        sums->accounts[overseas] += history->accounts[overseas];
    return 0;
}

static int add_source(void *context, const struct source_history *source, struct err *err)
{
    struct sums *sums = context;
    json_t *object = json_pack("{s:s,s:i,s:i,s:o,s:i}", "source", source->source, "days_covered",
                               source->days_covered, "days_wanted", source->days_wanted, "gaps",
                               gaps_write(source->gaps, source->gaps_count), "gaps_count",
                               (int)source->gaps_count);
    return json_array_append_new(sums->sources, object)
               ? err_set(err, ERR_NOMEM, "out of memory")
               : 0;
}

static json_t *sums_of(const uint64_t counts[OVERSEAS_UNKNOWN + 1])
{
    return json_pack("{s:I,s:I,s:I}", "called", (json_int_t)counts[OVERSEAS_CALLED], "never",
                     (json_int_t)counts[OVERSEAS_NEVER], "unknown",
                     (json_int_t)counts[OVERSEAS_UNKNOWN]);
}

int rest_history_sums(struct rest *rest, struct err *err)
{
    struct history_filter filter;
    struct sums sums = {.sources = json_array()};
    char since[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];
    int rc = sums.sources ? take_filter(rest, &filter, err)
                          : err_set(err, ERR_NOMEM, "out of memory");
    if (rc == 0) {
        filter.whole_tenants = true;
        if (!filter.period.until_ms)
            filter.period.until_ms = clock_now_ms();
        rc = store_history_each(rest->app->store, &filter, add_tenant, &sums, err);
    }
    if (rc == 0)
        rc = store_history_sources(rest->app->store, &filter.period, add_source, &sums, err);
    if (rc) {
        json_decref(sums.sources);
        return rc;
    }
    int days_min = filter.period.days_min ? filter.period.days_min : HISTORY_DAYS_MIN;
    return rest_answer(rest, 200,
                       json_pack("{s:s,s:s,s:i,s:o,s:o,s:o}", "since",
                                 clock_format(filter.period.since_ms, since), "until",
                                 clock_format(filter.period.until_ms, until), "days_min", days_min,
                                 "accounts", sums_of(sums.accounts), "tenants",
                                 sums_of(sums.tenants), "sources", sums.sources),
                       0, err);
}

/* --- one tenant ----------------------------------------------------------------------------------- */

static int take_line(void *context, const struct account_history *history, struct err *err)
{
    json_t **ret = context;
    *ret = history_write(history);
    return *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int set_countries(struct rest *rest, struct txn *txn, struct slice account, json_t *line,
                         struct err *err)
{
    struct country_calls *countries;
    unsigned count;
    int rc = store_call_countries(txn, rest->tenant, account, rest->arena, &countries, &count, err);
    if (rc)
        return rc;
    return json_object_set_new(line, "countries", countries_write(countries, count))
               ? err_set(err, ERR_NOMEM, "out of memory")
               : 0;
}

/* Where the tenant and each of the accounts called. */
static int add_countries(struct rest *rest, json_t *whole, json_t *accounts, struct err *err)
{
    struct txn *txn;
    struct tenant tenant;
    int rc = store_begin(rest->app->store, NULL, &txn, err);
    if (rc)
        return rc;
    rc = store_tenant_get(txn, rest->tenant, rest->arena, &tenant, err);
    if (rc == 0)
        rc = set_countries(rest, txn, SLICE_NONE, whole, err);
    for (size_t i = 0; i < json_array_size(accounts) && rc == 0; i++) {
        json_t *line = json_array_get(accounts, i);
        rc = set_countries(rest, txn, slice_of(json_string_value(json_object_get(line, "account"))),
                           line, err);
    }
    store_rollback(txn);
    return rc;
}

int rest_history_tenant(struct rest *rest, struct err *err)
{
    struct history_filter filter;
    struct listing listing;
    json_t *whole = NULL, *accounts = NULL;
    struct slice last = SLICE_NONE;
    int rc = take_filter(rest, &filter, err);
    if (rc == 0)
        rc = begin_listing(rest, &filter, &listing, err);
    if (rc == 0)
        rc = read_page(rest, &filter, &listing, &accounts, &last, err);
    if (rc == 0) {
        filter.whole_tenants = true;
        filter.after_tenant = SLICE_NONE;
        filter.overseas = -1;
        rc = store_history_each(rest->app->store, &filter, take_line, &whole, err);
    }
    if (rc == 0 && !whole)
        rc = err_set(err, ERR_NOT_FOUND, "no such tenant");
    if (rc == 0)
        rc = add_countries(rest, whole, accounts, err);
    if (rc == 0)
        rc = listing_answer(rest, &listing, "accounts", json_incref(accounts), last, err);
    if (rc == 0 && json_object_set(rest->response->json, "tenant", whole))
        rc = err_set(err, ERR_NOMEM, "out of memory");
    json_decref(whole);
    json_decref(accounts);
    return rc;
}
