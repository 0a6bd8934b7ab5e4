#include "campaign_suite.h"

const char run_a[] = "here/01KAAAAAAAAAAAAAAAAAAAAAAA", run_b[] = "there/01KBBBBBBBBBBBBBBBBBBBBBBB";

struct campaign a_campaign(enum campaign_level level)
{
    struct campaign campaign = {.name = "Never called abroad", .selection = "{}", .level = level,
                                .action = ACTION_DENY, .divert_to = "", .note = "see letter"};
    OK(target_parse(SLICE_LIT("010"), &campaign.target, &err));
    return campaign;
}

struct campaign get_campaign(struct suite *suite, const char *id)
{
    struct campaign campaign = {.done = 0};
    struct txn *txn = begin_read(suite);
    OK(store_campaign_get(txn, slice_of(id), &suite->arena, &campaign, &err));
    store_rollback(txn);
    return campaign;
}

struct campaign_run take_campaign(struct suite *suite, const char *run)
{
    struct campaign campaign;
    bool found = false;
    OK(store_campaign_take(suite->store, run, 60000, "", &suite->arena, &found, &campaign, &err));
    assert_true(found);
    struct campaign_run it = {.state = campaign.state, .run = run, .lease_ms = 60000};
    memcpy(it.id, campaign.id, sizeof it.id);
    return it;
}

bool can_take(struct suite *suite, const char *run)
{
    struct campaign campaign;
    bool found = false;
    OK(store_campaign_take(suite->store, run, 60000, "", &suite->arena, &found, &campaign, &err));
    return found;
}

struct planned planned(const char *tenant, const char *account)
{
    struct planned it = {.is_in = true, .reason = MEMBER_NEVER, .days_covered = 100,
                         .days_wanted = 120, .calls = 7};
    snprintf(it.tenant, sizeof it.tenant, "%s", tenant);
    snprintf(it.account, sizeof it.account, "%s", account);
    return it;
}

const char *make_plan(struct suite *suite, enum campaign_level level,
                             const struct planned *list, unsigned count)
{
    struct campaign campaign = a_campaign(level);
    struct campaign_batch batch;
    char id[RULE_ID_BYTES];
    struct txn *txn = begin_write(suite);
    OK(store_campaign_create(txn, &campaign, id, &err));
    commit(txn);
    struct campaign_run run = take_campaign(suite, run_a);
    OK(store_campaign_plan_add(suite->store, &run, list, count, NULL, &batch, &err));
    OK(store_campaign_finish(suite->store, &run, &err));
    const char *copy = arena_copy(&suite->arena, slice_of(id));
    assert_non_null(copy);
    assert_int_equal(get_campaign(suite, copy).state, CAMPAIGN_PLANNED);
    return copy;
}

void order_campaign(struct suite *suite, const char *id, enum campaign_verb verb)
{
    struct txn *txn = begin_write(suite);
    struct campaign_order it = {.verb = verb, .is_forced = true};
    OK(store_campaign_order(txn, slice_of(id), &it, &err));
    commit(txn);
}

void order_refused(struct suite *suite, const char *id, struct campaign_order it, int code)
{
    struct txn *txn = begin_write(suite);
    FAILS(suite, code, store_campaign_order(txn, slice_of(id), &it, &err));
    store_rollback(txn);
}

typedef int step(struct store *store, const struct campaign_run *run, unsigned limit,
                 struct campaign_batch *ret, struct err *err);

unsigned work_at(struct suite *suite, const char *id, enum campaign_verb verb, unsigned limit)
{
    struct campaign_batch batch = {.count = 1};
    unsigned done = 0;
    step *it = verb == CAMPAIGN_UNDO ? store_campaign_undo : store_campaign_apply;
    order_campaign(suite, id, verb);
    struct campaign_run run = take_campaign(suite, run_a);
    while (batch.count) {
        OK(it(suite->store, &run, limit, &batch, &err));
        done += batch.done;
    }
    OK(store_campaign_finish(suite->store, &run, &err));
    return done;
}

struct campaign_member get_member(struct suite *suite, const char *id, const char *tenant,
                                     const char *account)
{
    struct campaign_member *members;
    unsigned count;
    struct txn *txn = begin_read(suite);
    struct member_filter filter = {.tenant = slice_of(tenant), .state = -1, .reason = -1,
                                   .limit = 100};
    OK(store_campaign_members(txn, slice_of(id), &filter, &suite->arena, &members, &count, &err));
    store_rollback(txn);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(members[i].account, account) == 0)
            return members[i];
    fail_msg("%s/%s is not in the campaign", tenant, account);
    return members[0];
}


void check_counts(struct suite *suite, const char *id)
{
    struct member_count *counts;
    unsigned count;
    uint64_t sums[MEMBER_STATES] = {0};
    struct campaign campaign = get_campaign(suite, id);
    struct txn *txn = begin_read(suite);
    OK(store_campaign_reasons(txn, slice_of(id), &suite->arena, &counts, &count, &err));
    store_rollback(txn);
    for (unsigned i = 0; i < count; i++)
        sums[counts[i].state] += counts[i].accounts;
    for (unsigned i = 0; i < MEMBER_STATES; i++)
        assert_int_equal(campaign.counts[i], sums[i]);
}

void put_two_tenants(struct suite *suite)
{
    put_tenant(suite, "acme", "open");
    put_tenant(suite, "beta", "open");
    put_account(suite, "acme", "1001");
    put_account(suite, "acme", "1002");
    put_account(suite, "beta", "2001");
}
