/* Campaigns: applied and undone, account by account, exactly once; their states and leases. */
#include "campaign_suite.h"

/* --- the way there and back ------------------------------------------------------------------- */

static void test_apply_and_undo(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    const struct planned list[] = {planned("acme", "1001"), planned("acme", "1002"),
                                   planned("beta", "2001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 3);
    uint64_t acme = revision(suite, "acme"), beta = revision(suite, "beta");
    unsigned audits = audit_count(suite);
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 100), 3);
    assert_string_equal(rules_text(suite, "acme"), "deny 010@1001, deny 010@1002");
    assert_string_equal(rules_text(suite, "beta"), "deny 010@2001");
    assert_int_equal(revision(suite, "acme"), acme + 1); /* one commit, one revision */
    assert_int_equal(revision(suite, "beta"), beta + 1);
    assert_int_equal(audit_count(suite), audits + 3 + 2); /* the order, and its end */
    IS(suite, id, "acme", "1002", MEMBER_APPLIED, MEMBER_NEVER);
    struct campaign_member it = get_member(suite, id, "acme", "1002");
    struct rule rule = get_rule(suite, "acme", it.rule);
    assert_string_equal(rule.source + strlen("campaign:"), id);
    assert_string_equal(rule.note, "see letter");
    assert_int_equal(rule.version, it.revision);
    assert_int_equal(rule.version, acme + 1);
    assert_int_equal(list_version(suite, account_of("acme", "1002")), acme + 1);
    assert_int_equal(list_version(suite, all_of("acme")), acme + 1);
    check_counts(suite, id);

    assert_int_equal(work_at(suite, id, CAMPAIGN_UNDO, 2), 3);
    assert_string_equal(rules_text(suite, "acme"), "");
    assert_string_equal(rules_text(suite, "beta"), "");
    assert_int_equal(revision(suite, "acme"), acme + 2);
    IS(suite, id, "beta", "2001", MEMBER_UNDONE, MEMBER_NEVER);
    assert_int_equal(get_member(suite, id, "beta", "2001").undone_revision, beta + 2);
    assert_int_equal(get_campaign(suite, id).state, CAMPAIGN_UNDONE);
    check_counts(suite, id);
}

/* What the audit trail says is what a rule that was made by hand would say. */
static void test_audit_says_the_same(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    const struct planned list[] = {planned("acme", "1001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 1);
    work_at(suite, id, CAMPAIGN_APPLY, 100);
    struct audit_record *records;
    unsigned count;
    struct txn *txn = begin_read(suite);
    OK(store_audit_list(txn, SLICE_LIT("acme"), 0, 10, &suite->arena, &records, &count, &err));
    store_rollback(txn);
    struct campaign_member it = get_member(suite, id, "acme", "1001");
    char wanted[400];
    snprintf(wanted, sizeof wanted,
             "{\"id\":\"%s\",\"account\":\"1001\",\"target\":\"010\",\"action\":\"deny\","
             "\"note\":\"see letter\",\"source\":\"campaign:%s\"}", it.rule, id);
    assert_string_equal(records[0].action, "rule.create");
    assert_string_equal(records[0].object, it.rule);
    assert_string_equal(records[0].before, "");
    assert_string_equal(records[0].after, wanted);
    assert_string_equal(records[0].subject, "token:01TEST");
    assert_string_equal(records[0].request_id, "req-1");
    assert_string_equal(records[0].address, "192.0.2.7");
    work_at(suite, id, CAMPAIGN_UNDO, 100);
    txn = begin_read(suite);
    OK(store_audit_list(txn, SLICE_LIT("acme"), 0, 10, &suite->arena, &records, &count, &err));
    store_rollback(txn);
    assert_string_equal(records[0].action, "rule.delete");
    assert_string_equal(records[0].before, wanted);
    assert_string_equal(records[0].after, "");
}

static void test_whole_tenants(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    const struct planned list[] = {planned("acme", ""), planned("beta", "")};
    const char *id = make_plan(suite, CAMPAIGN_OF_TENANTS, list, 2);
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 1), 2);
    assert_string_equal(rules_text(suite, "acme"), "deny 010");
    assert_int_equal(list_version(suite, own_of("acme")), revision(suite, "acme"));
    assert_int_equal(work_at(suite, id, CAMPAIGN_UNDO, 1), 2);
    assert_string_equal(rules_text(suite, "acme"), "");
    assert_int_equal(list_version(suite, own_of("acme")), revision(suite, "acme"));
}

/* Followers of the feed hear of every tenant, and of no other. */
static void test_feed(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    put_tenant(suite, "other", "open");
    const struct planned list[] = {planned("acme", ""), planned("beta", "")};
    const char *id = make_plan(suite, CAMPAIGN_OF_TENANTS, list, 2);
    struct feed_position position = {.seq = 0};
    struct feed_row *rows;
    unsigned count;
    OK(store_feed_since(suite->store, &position, 100, &suite->arena, &rows, &count, &err));
    work_at(suite, id, CAMPAIGN_APPLY, 100);
    OK(store_feed_since(suite->store, &position, 100, &suite->arena, &rows, &count, &err));
    unsigned seen = 0;
    for (unsigned i = 0; i < count; i++) {
        assert_string_not_equal(rows[i].tenant, "other");
        seen += rows[i].kind == FEED_TENANT;
        if (strcmp(rows[i].tenant, "acme") == 0)
            assert_int_equal(rows[i].revision, revision(suite, "acme"));
    }
    assert_int_equal(seen, 2);
}

/* --- states and leases ------------------------------------------------------------------------ */

static void test_states(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    const struct planned list[] = {planned("acme", "1001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 1);
    const struct campaign_order calm = {.verb = CAMPAIGN_APPLY};
    order_refused(suite, id, calm, ERR_WRONG_STATE); /* nobody was told */
    order_refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_UNDO}, ERR_WRONG_STATE);
    order_refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_PAUSE}, ERR_WRONG_STATE);
    order_refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_RESUME}, ERR_WRONG_STATE);
    order_refused(suite, "01KZZZZZZZZZZZZZZZZZZZZZZZ", calm, ERR_NOT_FOUND);
    order_refused(suite, "none", calm, ERR_NOT_FOUND);
    order_campaign(suite, id, CAMPAIGN_APPLY);
    order_refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_APPLY, .is_forced = true},
            ERR_WRONG_STATE); /* the second operator */
    struct campaign_run run = take_campaign(suite, run_a);
    struct campaign_batch batch;
    order_campaign(suite, id, CAMPAIGN_PAUSE);
    FAILS(suite, ERR_STALE, store_campaign_apply(suite->store, &run, 10, &batch, &err));
    assert_false(can_take(suite, run_b));
    order_campaign(suite, id, CAMPAIGN_RESUME);
    FAILS(suite, ERR_STALE, store_campaign_apply(suite->store, &run, 10, &batch, &err));
    run = take_campaign(suite, run_a);
    OK(store_campaign_apply(suite->store, &run, 10, &batch, &err));
    assert_int_equal(batch.done, 1);
    order_campaign(suite, id, CAMPAIGN_CANCEL);
    FAILS(suite, ERR_STALE, store_campaign_finish(suite->store, &run, &err));
    assert_int_equal(work_at(suite, id, CAMPAIGN_UNDO, 10), 1); /* what was applied can be undone */
    order_refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_APPLY, .is_forced = true},
            ERR_WRONG_STATE);
}

static void test_dates(void **state)
{
    struct suite *suite = *state;
    struct campaign campaign = a_campaign(CAMPAIGN_OF_ACCOUNTS);
    char id[RULE_ID_BYTES];
    campaign.grace_ms = 3600000;
    struct txn *txn = begin_write(suite);
    OK(store_campaign_create(txn, &campaign, id, &err));
    campaign.name = "";
    FAILS(suite, ERR_INVALID, store_campaign_create(txn, &campaign, id, &err));
    campaign.name = "x";
    campaign.rate = -1;
    FAILS(suite, ERR_INVALID, store_campaign_create(txn, &campaign, id, &err));
    campaign.rate = 0;
    campaign.target.text[0] = '\0';
    FAILS(suite, ERR_INVALID, store_campaign_create(txn, &campaign, id, &err));
    assert_string_equal(suite->err.field, "/rule/target");
    commit(txn);
    struct campaign_run run = take_campaign(suite, run_a);
    OK(store_campaign_finish(suite->store, &run, &err));
    order_campaign(suite, id, CAMPAIGN_NOTIFY);
    run = take_campaign(suite, run_a);
    OK(store_campaign_finish(suite->store, &run, &err));
    campaign = get_campaign(suite, id);
    assert_int_equal(campaign.state, CAMPAIGN_NOTIFIED);
    assert_true(campaign.apply_at_ms > campaign.created_at_ms + 3590000);
    assert_true(campaign.apply_at_ms <= campaign.notified_at_ms + 3600000);
    order_refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_APPLY}, ERR_WRONG_STATE);
    assert_non_null(strstr(suite->err.text, "not before"));
    order_campaign(suite, id, CAMPAIGN_APPLY); /* forced */
    assert_int_equal(get_campaign(suite, id).state, CAMPAIGN_APPLYING);
}

/* A node that slept through its lease does nothing more; the other goes on where it was. */
static void test_two_nodes(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    const struct planned list[] = {planned("acme", "1001"), planned("acme", "1002"),
                                   planned("beta", "2001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 3);
    order_campaign(suite, id, CAMPAIGN_APPLY);
    struct campaign_batch batch;
    struct campaign_run a = take_campaign(suite, run_a), b;
    assert_false(can_take(suite, run_b));
    OK(store_campaign_apply(suite->store, &a, 1, &batch, &err));
    a.lease_ms = -1; /* is over as soon as it is written */
    OK(store_campaign_apply(suite->store, &a, 1, &batch, &err));
    b = take_campaign(suite, run_b);
    FAILS(suite, ERR_STALE, store_campaign_apply(suite->store, &a, 1, &batch, &err));
    OK(store_campaign_apply(suite->store, &b, 10, &batch, &err));
    assert_int_equal(batch.done, 1);
    assert_string_equal(batch.last_tenant, "beta");
    OK(store_campaign_apply(suite->store, &b, 10, &batch, &err));
    assert_int_equal(batch.count, 0);
    OK(store_campaign_finish(suite->store, &b, &err));
    FAILS(suite, ERR_STALE, store_campaign_finish(suite->store, &a, &err));
    assert_string_equal(rules_text(suite, "acme"), "deny 010@1001, deny 010@1002");
    check_counts(suite, id);
}

/* What the store refuses is passed over, and comes again with the next apply. */
static void test_failed_accounts(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    const struct planned list[] = {planned("acme", "1001"), planned("acme", "1002")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 2);
    struct campaign_batch batch;
    order_campaign(suite, id, CAMPAIGN_APPLY);
    struct campaign_run run = take_campaign(suite, run_a);
    OK(store_campaign_fail(suite->store, &run, "no luck", &batch, &err));
    assert_string_equal(batch.last_account, "1001");
    OK(store_campaign_apply(suite->store, &run, 10, &batch, &err));
    assert_int_equal(batch.done, 1);
    OK(store_campaign_finish(suite->store, &run, &err));
    IS(suite, id, "acme", "1001", MEMBER_FAILED, MEMBER_REFUSED);
    check_counts(suite, id);
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 10), 1);
    assert_string_equal(rules_text(suite, "acme"), "deny 010@1001, deny 010@1002");
    check_counts(suite, id);
}

static void test_lists(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    struct planned list[] = {planned("acme", "1001"), planned("acme", "1002"),
                             planned("beta", "2001")};
    list[1].is_excluded = true;
    list[2].is_in = false;
    list[2].reason = MEMBER_CALLED;
    const char *first = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 3);
    const char *second = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 1);
    struct campaign *campaigns;
    struct campaign_member *members;
    unsigned count;
    struct txn *txn = begin_read(suite);
    OK(store_campaign_list(txn, (struct page){SLICE_NONE, 10}, &suite->arena, &campaigns, &count,
                           &err));
    assert_int_equal(count, 2);
    assert_string_equal(campaigns[0].id, second);
    OK(store_campaign_list(txn, (struct page){slice_of(second), 10}, &suite->arena, &campaigns,
                           &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(campaigns[0].id, first);
    struct member_filter filter = {.state = MEMBER_OUT, .reason = MEMBER_EXCLUDED, .limit = 10};
    OK(store_campaign_members(txn, slice_of(first), &filter, &suite->arena, &members, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(members[0].account, "1002");
    filter = (struct member_filter){.state = -1, .reason = -1, .limit = 1,
                                    .after_tenant = SLICE_LIT("acme"),
                                    .after_account = SLICE_LIT("1002")};
    OK(store_campaign_members(txn, slice_of(first), &filter, &suite->arena, &members, &count, &err));
    assert_string_equal(members[0].account, "2001");
    assert_int_equal(members[0].reason, MEMBER_CALLED);
    assert_int_equal(members[0].days_covered, 100);
    FAILS(suite, ERR_NOT_FOUND,
          store_campaign_members(txn, SLICE_LIT("no"), &filter, &suite->arena, &members, &count,
                                 &err));
    store_rollback(txn);
}

/* Only tenants with one of the profiles, and nobody who is gone. */
static void test_plan_by_profile(void **state)
{
    struct suite *suite = *state;
    static const char *const profiles[] = {"standard", "other", NULL};
    struct campaign campaign = a_campaign(CAMPAIGN_OF_TENANTS);
    struct campaign_batch batch;
    char id[RULE_ID_BYTES];
    put_tenant(suite, "acme", "open");
    put_tenant(suite, "beta", "standard");
    OK(target_parse(SLICE_LIT("0570"), &campaign.target, &err));
    struct txn *txn = begin_write(suite);
    OK(store_campaign_create(txn, &campaign, id, &err));
    commit(txn);
    const struct planned list[] = {planned("acme", ""), planned("beta", ""), planned("gone", "")};
    struct campaign_run run = take_campaign(suite, run_a);
    OK(store_campaign_plan_add(suite->store, &run, list, 3, profiles, &batch, &err));
    OK(store_campaign_finish(suite->store, &run, &err));
    assert_int_equal(batch.count, 3);
    assert_int_equal(batch.done, 1);
    campaign = get_campaign(suite, id);
    assert_int_equal(campaign.counts[MEMBER_PLANNED], 1);
    assert_int_equal(campaign.counts[MEMBER_OUT], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_apply_and_undo),
        STORE_TEST(test_audit_says_the_same),
        STORE_TEST(test_whole_tenants),
        STORE_TEST(test_feed),
        STORE_TEST(test_states),
        STORE_TEST(test_dates),
        STORE_TEST(test_two_nodes),
        STORE_TEST(test_failed_accounts),
        STORE_TEST(test_lists),
        STORE_TEST(test_plan_by_profile),
    };
    return cmocka_run_group_tests_name("store campaigns", tests, NULL, NULL);
}
