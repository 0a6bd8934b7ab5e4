/* Several campaigns over the same accounts, and other things that come in an odd order. */
#include "campaign_suite.h"

#include "base/clock.h"
#include "store/purge.h"

/* A campaign with that action over acme's 1001. */
static const char *plan_of(struct suite *suite, enum action action)
{
    struct campaign campaign = a_campaign(CAMPAIGN_OF_ACCOUNTS);
    const struct planned list[] = {planned("acme", "1001")};
    struct campaign_batch batch;
    char id[RULE_ID_BYTES];
    campaign.action = action;
    campaign.divert_to = action == ACTION_DIVERT ? "voicemail" : "";
    struct txn *txn = begin_write(suite);
    OK(store_campaign_create(txn, &campaign, id, &err));
    commit(txn);
    struct campaign_run run = take_campaign(suite, run_a);
    OK(store_campaign_plan_add(suite->store, &run, list, 1, NULL, &batch, &err));
    OK(store_campaign_finish(suite->store, &run, &err));
    const char *copy = arena_copy(&suite->arena, slice_of(id));
    assert_non_null(copy);
    return copy;
}

static void rule_of_1001(struct suite *suite, const char *text, const char *source)
{
    struct rule rule = a_rule(text);
    rule.account = "1001";
    rule.source = source;
    add_rule(suite, "acme", &rule);
}

/* What the second gives back is the first's again, so that its undo takes it away. */
static void test_undone_in_order(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    rule_of_1001(suite, "allow 010", "onboarding");
    const char *first = plan_of(suite, ACTION_DENY);
    assert_int_equal(work_at(suite, first, CAMPAIGN_APPLY, 10), 1);
    const char *second = plan_of(suite, ACTION_DIVERT);
    assert_int_equal(work_at(suite, second, CAMPAIGN_APPLY, 10), 1);
    assert_string_equal(rules_text(suite, "acme"), "divert 010@1001");
    assert_int_equal(work_at(suite, second, CAMPAIGN_UNDO, 10), 1);
    assert_string_equal(rules_text(suite, "acme"), "deny 010@1001");
    assert_int_equal(work_at(suite, first, CAMPAIGN_UNDO, 10), 1);
    IS(suite, first, "acme", "1001", MEMBER_UNDONE, MEMBER_NEVER);
    assert_string_equal(rules_text(suite, "acme"), "allow 010@1001");
}

/* The first is undone below the second: then its rule does not come back with the second's undo. */
static void undone_below(struct suite *suite, const char *at_last)
{
    const char *first = plan_of(suite, ACTION_DENY);
    assert_int_equal(work_at(suite, first, CAMPAIGN_APPLY, 10), 1);
    const char *second = plan_of(suite, ACTION_DIVERT);
    assert_int_equal(work_at(suite, second, CAMPAIGN_APPLY, 10), 1);
    work_at(suite, first, CAMPAIGN_UNDO, 10);
    IS(suite, first, "acme", "1001", MEMBER_UNDONE, MEMBER_NEVER);
    check_counts(suite, first);
    assert_string_equal(rules_text(suite, "acme"), "divert 010@1001");
    assert_int_equal(work_at(suite, second, CAMPAIGN_UNDO, 10), 1);
    assert_string_equal(rules_text(suite, "acme"), at_last);
    check_counts(suite, second);
}

static void test_undone_below_another(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    undone_below(suite, "");
    rule_of_1001(suite, "allow 010", "onboarding");
    undone_below(suite, "allow 010@1001");
}

/* A rule of the tenant's would take over from an account's shorter allow. */
static void test_shorter_allow_of_an_account(void **state)
{
    struct suite *suite = *state;
    const struct planned list[] = {planned("acme", ""), planned("beta", "")};
    put_two_tenants(suite);
    rule_of_1001(suite, "allow 01", "customer");
    const char *id = make_plan(suite, CAMPAIGN_OF_TENANTS, list, 2);
    IS(suite, id, "acme", "", MEMBER_OUT, MEMBER_CUSTOMER_RULE);
    IS(suite, id, "beta", "", MEMBER_PLANNED, MEMBER_NEVER);
    struct rule rule = a_rule("allow 010"); /* as long: it still passes */
    rule.account = "2001";
    rule.source = "customer";
    add_rule(suite, "beta", &rule);
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 10), 1);
}

/* A call that came in late and left again with its retention is known by its sum. */
static void test_late_call_that_was_purged(void **state)
{
    struct suite *suite = *state;
    const struct call_terms terms = {.purpose = "test", .retention_days = 30, .stated_by = "me",
                                     .stated_at_ms = clock_now_ms()};
    struct call_record call = {.tenant = "acme", .account = "1001", .at_ms = clock_now_ms() - 1000,
                               .is_overseas = true, .number = "01012125550100",
                               .kind = "international", .source = "pbx", .country = "US",
                               .id = "00000000000000000000000000000001"};
    struct purge_position position = {""};
    unsigned count;
    put_two_tenants(suite);
    const char *id = plan_of(suite, ACTION_DENY);
    struct txn *txn = begin_write(suite);
    OK(store_call_terms_put(txn, &terms, &err));
    OK(store_calls_add(txn, &call, 1, &count, &err));
    commit(txn);
    OK(store_calls_purge(suite->store, &position, clock_now_ms() + 1000, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 10), 0);
    IS(suite, id, "acme", "1001", MEMBER_SKIPPED, MEMBER_CALLED);
}

/* A country's rule is longer than prefixes that it lies in, so what a customer opened there counts. */
static void test_countries_within_prefixes(void **state)
{
    static const struct {
        const char *text, *source;
        enum member_reason reason;
    } cases[] = {
        {"allow 010", "customer", MEMBER_CUSTOMER_RULE},
        {"allow 0107", "customer", MEMBER_CUSTOMER_RULE},
        {"allow group:high-risk", "customer", MEMBER_CUSTOMER_RULE},
        {"allow 010", "onboarding", MEMBER_NEVER},
        {"deny 010", "customer", MEMBER_BLOCKED},
        {"allow country:GB", "customer", MEMBER_NEVER}, /* and it does not give way */
        {"allow 0570", "customer", MEMBER_NEVER},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    struct suite *suite = *state;
    struct campaign campaign = a_campaign(CAMPAIGN_OF_ACCOUNTS);
    struct campaign_batch batch;
    struct planned list[CASES];
    char id[RULE_ID_BYTES];
    put_tenant(suite, "acme", "open");
    for (unsigned i = 0; i < CASES; i++) {
        char account[8];
        snprintf(account, sizeof account, "%u", i);
        put_account(suite, "acme", account);
        struct rule rule = a_rule(cases[i].text);
        rule.account = account;
        rule.source = cases[i].source;
        add_rule(suite, "acme", &rule);
        list[i] = planned("acme", account);
    }
    OK(target_parse(SLICE_LIT("country:RU"), &campaign.target, &err));
    struct txn *txn = begin_write(suite);
    OK(store_campaign_create(txn, &campaign, id, &err));
    commit(txn);
    struct campaign_run run = take_campaign(suite, run_a);
    OK(store_campaign_plan_add(suite->store, &run, list, CASES, NULL, &batch, &err));
    OK(store_campaign_finish(suite->store, &run, &err));
    for (unsigned i = 0; i < CASES; i++) {
        struct campaign_member it = get_member(suite, id, "acme", list[i].account);
        if (it.reason != cases[i].reason)
            fail_msg("%s: %s", cases[i].text, member_reason_words[it.reason]);
    }
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 10), 3);
    assert_string_equal(get_member(suite, id, "acme", "5").replaced, "");
}

/* Rules that are not made need no room. */
static void test_room_of_those_left_out(void **state)
{
    struct suite *suite = *state;
    struct rule *rules = calloc(RULES_PER_TENANT_MAX - 1, sizeof *rules);
    const struct planned list[] = {planned("acme", "1001"), planned("acme", "1002")};
    put_two_tenants(suite);
    assert_non_null(rules);
    for (unsigned i = 0; i < RULES_PER_TENANT_MAX - 1; i++) {
        rules[i] = a_rule("deny 0990");
        snprintf(rules[i].target.text, sizeof rules[i].target.text, "0990%05u", i);
    }
    struct rule_filter own = own_of("acme");
    struct txn *txn = begin_write(suite);
    OK(store_rules_replace(txn, &own, rules, RULES_PER_TENANT_MAX - 1, NULL, &err));
    commit(txn);
    free(rules);
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 2);
    txn = begin_write(suite);
    OK(store_account_delete(txn, SLICE_LIT("acme"), SLICE_LIT("1001"), NULL, &err));
    commit(txn);
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 100), 1);
    IS(suite, id, "acme", "1001", MEMBER_SKIPPED, MEMBER_GONE);
    IS(suite, id, "acme", "1002", MEMBER_APPLIED, MEMBER_NEVER);
}

/* Who was told a date is not cut off before it, whatever those who are told later are told. */
static void test_a_told_date_stays(void **state)
{
    struct suite *suite = *state;
    struct campaign_order early = {.verb = CAMPAIGN_NOTIFY}, late = early;
    put_two_tenants(suite);
    const char *id = plan_of(suite, ACTION_DENY);
    late.apply_at_ms = clock_now_ms() + 30 * INT64_C(86400000);
    early.apply_at_ms = clock_now_ms() + INT64_C(86400000);
    const struct campaign_order *const orders[] = {&late, &early};
    for (unsigned i = 0; i < 2; i++) {
        struct txn *txn = begin_write(suite);
        OK(store_campaign_order(txn, slice_of(id), orders[i], &err));
        commit(txn);
        struct campaign_run run = take_campaign(suite, run_a);
        OK(store_campaign_finish(suite->store, &run, &err));
    }
    assert_int_equal(get_campaign(suite, id).apply_at_ms, late.apply_at_ms);
}

/* "Leave it open" counts for an account that the apply failed for, before the next try. */
static void test_answer_before_the_next_try(void **state)
{
    struct suite *suite = *state;
    struct campaign_batch batch;
    const struct campaign_answer answer = {"acme", "1001", ANSWER_LEAVE_OPEN, "", "link", "", 0};
    put_two_tenants(suite);
    const char *id = plan_of(suite, ACTION_DENY);
    order_campaign(suite, id, CAMPAIGN_APPLY);
    struct campaign_run run = take_campaign(suite, run_a);
    OK(store_campaign_fail(suite->store, &run, "no luck", &batch, &err));
    OK(store_campaign_finish(suite->store, &run, &err));
    struct txn *txn = begin_write(suite);
    OK(store_campaign_answer(txn, slice_of(id), &answer, &err));
    commit(txn);
    IS(suite, id, "acme", "1001", MEMBER_ANSWERED, MEMBER_REFUSED);
    check_counts(suite, id);
    order_refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_APPLY}, ERR_WRONG_STATE);
    assert_string_equal(rules_text(suite, "acme"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_undone_in_order),
        STORE_TEST(test_undone_below_another),
        STORE_TEST(test_shorter_allow_of_an_account),
        STORE_TEST(test_late_call_that_was_purged),
        STORE_TEST(test_countries_within_prefixes),
        STORE_TEST(test_room_of_those_left_out),
        STORE_TEST(test_a_told_date_stays),
        STORE_TEST(test_answer_before_the_next_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
