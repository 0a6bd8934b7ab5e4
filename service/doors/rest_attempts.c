/*
 * /v1/attempts and /v1/tenants/{t}/attempts: what was tried and what we answered, newest first.
 *
 * Allowed domestic calls are counted and not kept one by one; with `from`, a tenant's answer says how
 * many they were.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "doors/listing.h"
#include "doors/rest.h"
#include "wire/fields.h"

/* clang-format off */
#define AT(member) .offset = offsetof(struct attempt, member)
static const struct field attempt_fields[] = {
    {"at",          &field_time,  AT(at_ms)},
    {"decision_id", &field_chars, AT(decision_id)},
    {"tenant",      &field_chars, AT(tenant), FIELD_NULL},
    {"account",     &field_chars, AT(account), FIELD_NULL},
    {"number",      &field_chars, AT(number)},
    {"kind",        &field_chars, AT(kind)},
    {"country",     &field_chars, AT(country), FIELD_NULL},
    {"verdict",     &field_chars, AT(action)},
    {"reason",      &field_chars, AT(reason)},
    {"rule_id",     &field_chars, AT(rule_id), FIELD_NULL},
    {"degraded",    &field_chars, AT(degraded), FIELD_NULL},
    {"origin",      &field_chars, AT(origin)},
    {"call_id",     &field_chars, AT(call_id), FIELD_NULL},
    {"source_ip",   &field_chars, AT(source_ip), FIELD_NULL},
    {"revision",    &field_u64,   AT(revision)},
    {0},
};
#undef AT
/* clang-format on */

/* What the query chooses. */
struct wanted {
    struct slice account;
    int64_t from_ms, to_ms; /* 0: open */
};

static int take_time(struct rest *rest, const char *name, int64_t *ret, struct err *err)
{
    struct slice text = request_query(rest->request, name);
    *ret = 0;
    if (text.p && !clock_parse(text, ret))
        return err_set(err, ERR_INVALID, "%s must be a time like 2026-12-01T09:00:00%%2B09:00",
                       name);
    return 0;
}

static int take_wanted(struct rest *rest, struct wanted *ret, struct err *err)
{
    ret->account = request_query(rest->request, "account");
    if (ret->account.p && !account_id_is_valid(ret->account))
        return err_set(err, ERR_INVALID, "account is no account's id");
    int rc = take_time(rest, "from", &ret->from_ms, err);
    return rc ? rc : take_time(rest, "to", &ret->to_ms, err);
}

/* "1767225600000 01JH…": a cursor's position, by time and decision. */
static void seek(struct slice position, struct attempt_page *page)
{
    const char *space = memchr(position.p, ' ', position.n);
    if (!space)
        return;
    page->before_ms = strtoll(position.p, NULL, 10);
    page->before_id = slice_of(space + 1);
}

static int count_allowed(struct rest *rest, const struct wanted *wanted, struct err *err)
{
    uint64_t count;
    int64_t to_ms = wanted->to_ms ? wanted->to_ms : clock_now_ms();
    if (slice_is_empty(rest->tenant) || !wanted->from_ms)
        return 0;
    int rc = store_attempt_counts(rest->txn, rest->tenant, wanted->account, wanted->from_ms, to_ms,
                                  &count, err);
    if (rc)
        return rc;
    if (json_object_set_new(rest->response->json, "allowed_domestic",
                            json_integer((json_int_t)count)))
        return err_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

static int answer(struct rest *rest, const struct listing *listing, const struct wanted *wanted,
                  const struct attempt *attempts, unsigned found, struct err *err)
{
    unsigned count = 0;
    struct slice last = SLICE_NONE;
    while (count < found && attempts[count].at_ms >= wanted->from_ms)
        count++;
    if (count > listing->limit) {
        count = listing->limit;
        last = slice_of(arena_printf(rest->arena, "%" PRId64 " %s", attempts[count - 1].at_ms,
                                     attempts[count - 1].decision_id));
    }
    json_t *array = fields_write_all(attempt_fields, 0, attempts, count, sizeof *attempts);
    int rc = listing_answer(rest, listing, "attempts", array, last, err);
    return rc ? rc : count_allowed(rest, wanted, err);
}

int rest_attempt_list(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct wanted wanted;
    struct attempt *attempts;
    struct tenant tenant;
    unsigned found;
    int rc = take_wanted(rest, &wanted, err);
    if (rc)
        return rc;
    char *filter = arena_printf(rest->arena, "%.*s %.*s %" PRId64 " %" PRId64,
                                SLICE_ARG(listing_owner(rest)), SLICE_ARG(wanted.account),
                                wanted.from_ms, wanted.to_ms);
    if (!filter)
        return err_set(err, ERR_NOMEM, "out of memory");
    rc = listing_begin(rest, slice_of(filter), &listing, err);
    if (rc == 0 && !slice_is_empty(rest->tenant))
        rc = store_tenant_get(rest->txn, rest->tenant, rest->arena, &tenant, err);
    if (rc)
        return rc;
    struct attempt_page page = {.tenant = listing_owner(rest),
                                .account = wanted.account,
                                .before_ms = wanted.to_ms,
                                .limit = listing.limit + 1};
    if (listing.after.p)
        seek(listing.after, &page);
    rc = store_attempt_list(rest->txn, &page, rest->arena, &attempts, &found, err);
    return rc ? rc : answer(rest, &listing, &wanted, attempts, found, err);
}
