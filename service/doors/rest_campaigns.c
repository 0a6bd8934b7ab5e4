/*
 * /v1/campaigns: made, looked at, and told what to do. An order is written and answered at once (202);
 * the nodes' workers do what it takes (jobs/campaigns.h), and GET shows how far they are.
 */
#include "base/clock.h"
#include "doors/campaign_json.h"
#include "doors/listing.h"
#include "doors/rest.h"
#include "doors/rule_origin.h"
#include "jobs/campaigns.h"
#include "wire/rule.h"
#include "wire/selection.h"

enum { GRACE_DAYS_DEFAULT = 14, RATE_DEFAULT = 200 };
static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000, DAYS_MAX = 3650;

/* rest_write(), and then the workers look at once. */
int rest_campaign_write(struct app *app, struct request *request, struct response *response,
                        struct err *err)
{
    int rc = rest_write(app, request, response, err);
    if (rc == 0)
        campaigns_wake(app->campaigns);
    return rc;
}

static int answer(struct rest *rest, int status, struct slice id, struct err *err)
{
    struct campaign campaign;
    int rc = store_campaign_get(rest->txn, id, rest->arena, &campaign, err);
    return rc ? rc : rest_answer(rest, status, campaign_write(&campaign), 0, err);
}

/* --- making --------------------------------------------------------------------------------------- */

/* The body of a POST. */
struct wanted {
    const char *name;
    struct selection selection;
    struct rule rule;
    int64_t apply_at_ms, grace_days, rate;
};

static int read_selection(json_t *value, const struct field *field, const struct where *where,
                          struct arena *arena, void *record, struct err *err)
{
    (void)field;
    return selection_read(value, where, arena, &((struct wanted *)record)->selection, err);
}

static int read_rule(json_t *value, const struct field *field, const struct where *where,
                     struct arena *arena, void *record, struct err *err)
{
    struct wanted *wanted = record;
    const struct where match = {where, "match", 0};
    (void)field;
    wanted->rule = rule_blank("operator");
    int rc = rule_read(value, RULE_OF_PROFILE, READ_NEW, where, arena, &wanted->rule, err);
    if (rc == 0 && wanted->rule.is_exact)
        return where_err(&match, ERR_INVALID, err, "a campaign's rule is one of prefixes");
    return rc;
}

static int read_number(json_t *value, const struct field *field, const struct where *where,
                       struct arena *arena, void *record, struct err *err)
{
    int64_t *number = (int64_t *)((char *)record + field->offset);
    (void)arena;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > (json_int_t)field->max)
        return where_err(where, ERR_INVALID, err, "must be a whole number, 0 to %zu", field->max);
    *number = json_integer_value(value);
    return 0;
}

static const struct field_type field_selection = {read_selection, NULL};
static const struct field_type field_rule = {read_rule, NULL};
static const struct field_type field_number = {read_number, NULL};

#define AT(member) .offset = offsetof(struct wanted, member)
static const struct field wanted_fields[] = {
    {"name", &field_text, AT(name), FIELD_REQUIRED, .max = CAMPAIGN_NAME_BYTES},
    {"selection", &field_selection, AT(selection), FIELD_REQUIRED},
    {"rule", &field_rule, AT(rule)},
    {"apply_at", &field_time, AT(apply_at_ms), FIELD_NULL},
    {"grace_days", &field_number, AT(grace_days), .max = CAMPAIGN_GRACE_DAYS_MAX},
    {"rate", &field_number, AT(rate), .max = CAMPAIGN_RATE_MAX},
    {0},
};
#undef AT

/* What can be known of the selection before anybody walks the history. */
static int check_period(const struct selection *selection, struct err *err)
{
    static const struct where in_selection = {NULL, "selection", 0};
    const struct where since = {&in_selection, "since", 0};
    int64_t now_ms = clock_now_ms();
    if (selection->since_ms >= now_ms)
        return where_err(&since, ERR_INVALID, err, "must be a time that is over");
    if (now_ms - selection->since_ms > DAYS_MAX * DAY_MS)
        return where_err(&since, ERR_INVALID, err, "is more than %d days ago", (int)DAYS_MAX);
    if (now_ms - selection->since_ms < selection->days_min * DAY_MS)
        return where_err(&since, ERR_INVALID, err,
                         "is less than days_min (%lld) days ago, so nobody could be chosen",
                         (long long)selection->days_min);
    return 0;
}

static int read_wanted(struct rest *rest, struct wanted *ret, struct err *err)
{
    static const struct where in_rule = {NULL, "rule", 0};
    *ret = (struct wanted){.rule = rule_blank("operator"), .grace_days = GRACE_DAYS_DEFAULT,
                           .rate = RATE_DEFAULT};
    ret->rule.action = ACTION_DENY;
    int rc = target_parse(SLICE_LIT("010"), &ret->rule.target, err);
    if (rc == 0)
        rc = fields_read(rest->body, wanted_fields, 0, READ_NEW, NULL, rest->arena, ret, err);
    if (rc == 0)
        rc = check_period(&ret->selection, err);
    return rc ? rc : rule_target_check(rest->app, &ret->rule, &in_rule, err);
}

/* The selection as the store keeps it. */
static int selection_text(struct rest *rest, const struct selection *selection, const char **ret,
                          struct err *err)
{
    json_t *json = selection_write(selection);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    *ret = text ? arena_copy(rest->arena, slice_of(text)) : NULL;
    free(text);
    json_decref(json);
    return *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

int rest_campaign_create(struct rest *rest, struct err *err)
{
    struct wanted wanted;
    char id[RULE_ID_BYTES];
    const char *selection;
    int rc = read_wanted(rest, &wanted, err);
    if (rc == 0)
        rc = selection_text(rest, &wanted.selection, &selection, err);
    if (rc)
        return rc;
    const struct campaign campaign = {
        .name = wanted.name,
        .selection = selection,
        .level = wanted.selection.level == 0 ? CAMPAIGN_OF_TENANTS : CAMPAIGN_OF_ACCOUNTS,
        .is_of_some = wanted.selection.tenants.count || wanted.selection.profiles.count,
        .since_ms = wanted.selection.since_ms,
        .target = wanted.rule.target,
        .action = wanted.rule.action,
        .divert_to = wanted.rule.divert_to,
        .note = wanted.rule.note,
        .apply_at_ms = wanted.apply_at_ms,
        .grace_ms = wanted.grace_days * DAY_MS,
        .rate = wanted.rate,
    };
    rc = store_campaign_create(rest->txn, &campaign, id, err);
    if (rc == 0)
        rc = rest_location(rest, err, "/v1/campaigns/%s", id);
    return rc ? rc : answer(rest, 201, slice_of(id), err);
}

/* --- looking -------------------------------------------------------------------------------------- */

int rest_campaign_list(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct campaign *campaigns;
    unsigned found;
    int rc = listing_begin(rest, SLICE_NONE, &listing, err);
    if (rc == 0)
        rc = store_campaign_list(rest->txn, listing_page(&listing), rest->arena, &campaigns,
                                 &found, err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found);
    json_t *array = json_array();
    for (unsigned i = 0; array && i < count; i++)
        json_array_append_new(array, campaign_write(&campaigns[i]));
    struct slice last = found > count ? slice_of(campaigns[count - 1].id) : SLICE_NONE;
    return listing_answer(rest, &listing, "campaigns", array, last, err);
}

static int add_reasons(struct rest *rest, struct err *err)
{
    struct member_count *counts;
    unsigned count;
    int rc = store_campaign_reasons(rest->txn, rest->id, rest->arena, &counts, &count, err);
    if (rc == 0 && json_object_set_new(rest->response->json, "reasons",
                                       campaign_reasons_write(counts, count)))
        rc = err_set(err, ERR_NOMEM, "out of memory");
    return rc;
}

int rest_campaign_get(struct rest *rest, struct err *err)
{
    struct slice reasons = request_query(rest->request, "reasons");
    bool is_wanted = slice_equals_text(reasons, "true");
    if (reasons.p && !is_wanted && !slice_equals_text(reasons, "false"))
        return err_set(err, ERR_INVALID, "reasons must be true or false");
    int rc = answer(rest, 200, rest->id, err);
    return rc == 0 && is_wanted ? add_reasons(rest, err) : rc;
}

/* --- orders --------------------------------------------------------------------------------------- */

struct order_body {
    bool is_forced;
    int64_t rate, apply_at_ms;
};
#define AT(member) .offset = offsetof(struct order_body, member)
static const struct field apply_fields[] = {
    {"force", &field_bool, AT(is_forced)},
    {"rate", &field_number, AT(rate), .max = CAMPAIGN_RATE_MAX},
    {0},
};
static const struct field notify_fields[] = {
    {"apply_at", &field_time, AT(apply_at_ms), FIELD_NULL},
    {0},
};
#undef AT

static int order(struct rest *rest, enum campaign_verb verb, const struct field *fields,
                 struct err *err)
{
    struct order_body body = {.rate = 0};
    int rc = fields ? fields_read(rest->body, fields, 0, READ_NEW, NULL, rest->arena, &body, err)
                    : 0;
    if (rc)
        return rc;
    const struct campaign_order it = {.verb = verb, .is_forced = body.is_forced,
                                      .has_rate = fields && rest_has(rest, "rate"),
                                      .rate = body.rate, .apply_at_ms = body.apply_at_ms};
    rc = store_campaign_order(rest->txn, rest->id, &it, err);
    return rc ? rc : answer(rest, 202, rest->id, err);
}

int rest_campaign_notify(struct rest *rest, struct err *err)
{
    return order(rest, CAMPAIGN_NOTIFY, notify_fields, err);
}

int rest_campaign_apply(struct rest *rest, struct err *err)
{
    return order(rest, CAMPAIGN_APPLY, apply_fields, err);
}

int rest_campaign_pause(struct rest *rest, struct err *err)
{
    return order(rest, CAMPAIGN_PAUSE, NULL, err);
}

int rest_campaign_resume(struct rest *rest, struct err *err)
{
    return order(rest, CAMPAIGN_RESUME, NULL, err);
}

int rest_campaign_cancel(struct rest *rest, struct err *err)
{
    return order(rest, CAMPAIGN_CANCEL, NULL, err);
}

int rest_campaign_undo(struct rest *rest, struct err *err)
{
    return order(rest, CAMPAIGN_UNDO, NULL, err);
}
