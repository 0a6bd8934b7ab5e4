/* Whom a campaign leaves alone, when it is planned, applied and undone; and what customers answer. */
#include "campaign_suite.h"

#include "base/clock.h"

/* --- what other rules say --------------------------------------------------------------------- */

static void rule_of(struct suite *suite, const char *account, const char *text, const char *source,
                    int64_t expires_at_ms)
{
    struct rule rule = a_rule(text);
    rule.account = account;
    rule.source = source;
    rule.expires_at_ms = expires_at_ms;
    add_rule(suite, "acme", &rule);
}

static void test_plan_asks_the_rules(void **state)
{
    static const struct {
        const char *account, *own, *own_source, *of_tenant, *tenant_source;
        int64_t own_expires_ms; /* from now */
        enum member_reason reason;
    } cases[] = {
        {"01", "deny 010", "onboarding", NULL, NULL, 0, MEMBER_BLOCKED},
        {"02", "deny 01", "customer", NULL, NULL, 0, MEMBER_BLOCKED},
        {"03", "allow 010", "customer", NULL, NULL, 0, MEMBER_CUSTOMER_RULE},
        {"04", "allow 0", "customer", NULL, NULL, 0, MEMBER_CUSTOMER_RULE},
        {"05", "allow 010", "customer", NULL, NULL, 3600000, MEMBER_CUSTOMER_RULE},
        {"06", "divert 010", "operator", NULL, NULL, 0, MEMBER_OPERATOR_RULE},
        {"07", "allow 010", "guard", NULL, NULL, 0, MEMBER_OPERATOR_RULE},
        {"08", "allow 010", "onboarding", NULL, NULL, 0, MEMBER_NEVER},
        {"09", "allow 0101", "customer", NULL, NULL, 0, MEMBER_NEVER},
        {"10", "deny 0101", "customer", NULL, NULL, 0, MEMBER_NEVER},
        {"11", "deny 010", "operator", NULL, NULL, 3600000, MEMBER_NEVER},
        {"12", NULL, NULL, NULL, NULL, 0, MEMBER_NEVER},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    struct suite *suite = *state;
    struct planned list[CASES];
    put_tenant(suite, "acme", "open");
    for (unsigned i = 0; i < CASES; i++) {
        put_account(suite, "acme", cases[i].account);
        list[i] = planned("acme", cases[i].account);
        if (cases[i].own)
            rule_of(suite, cases[i].account, cases[i].own, cases[i].own_source,
                    cases[i].own_expires_ms ? clock_now_ms() + cases[i].own_expires_ms : 0);
    }
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, CASES);
    for (unsigned i = 0; i < CASES; i++) {
        struct campaign_member it = get_member(suite, id, "acme", cases[i].account);
        if (it.reason != cases[i].reason)
            fail_msg("%s: %s", cases[i].account, member_reason_words[it.reason]);
        assert_int_equal(it.state,
                         cases[i].reason == MEMBER_NEVER ? MEMBER_PLANNED : MEMBER_OUT);
        assert_int_equal(it.rule[0] != '\0', it.state == MEMBER_PLANNED);
    }
    check_counts(suite, id);
}

static void test_rules_of_the_tenant(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", "open");
    put_account(suite, "acme", "1");
    put_account(suite, "acme", "2");
    put_account(suite, "acme", "3");
    rule_of(suite, "", "deny 010", "onboarding", 0);
    rule_of(suite, "2", "allow 010", "customer", 0);
    rule_of(suite, "3", "allow 010", "onboarding", 0);
    const struct planned list[] = {planned("acme", "1"), planned("acme", "2"), planned("acme", "3")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 3);
    IS(suite, id, "acme", "1", MEMBER_OUT, MEMBER_BLOCKED);
    IS(suite, id, "acme", "2", MEMBER_OUT, MEMBER_CUSTOMER_RULE);
    IS(suite, id, "acme", "3", MEMBER_PLANNED, MEMBER_NEVER);
}

/* A rule that gives way comes back as it was, under its own id. */
static void test_replaced_rule_comes_back(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    struct rule rule = a_rule("divert 010");
    rule.source = "onboarding";
    rule.note = "as ever";
    const char *old = add_rule(suite, "acme", &rule);
    struct rule before = get_rule(suite, "acme", old);
    const struct planned list[] = {planned("acme", "")};
    const char *id = make_plan(suite, CAMPAIGN_OF_TENANTS, list, 1);
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 100), 1);
    assert_string_equal(rules_text(suite, "acme"), "deny 010");
    assert_string_equal(get_member(suite, id, "acme", "").replaced, old);
    assert_int_equal(work_at(suite, id, CAMPAIGN_UNDO, 100), 1);
    assert_string_equal(rules_text(suite, "acme"), "divert 010");
    struct rule after = get_rule(suite, "acme", old);
    assert_string_equal(after.note, "as ever");
    assert_string_equal(after.source, "onboarding");
    assert_string_equal(after.divert_to, "voicemail");
    assert_int_equal(after.created_at_ms, before.created_at_ms);
    assert_int_equal(after.version, revision(suite, "acme"));
}

/* --- what happens between the plan and its application ------------------------------------------- */

static void add_calls(struct suite *suite, const char *tenant, const char *account)
{
    const struct call_terms terms = {.purpose = "test", .retention_days = 30, .stated_by = "me",
                                     .stated_at_ms = clock_now_ms()};
    struct call_record call = {.at_ms = clock_now_ms() - 1000, .is_overseas = true,
                               .number = "01012125550100", .kind = "international",
                               .id = "00000000000000000000000000000001", .source = "pbx",
                               .country = "US"};
    unsigned added;
    snprintf(call.tenant, sizeof call.tenant, "%s", tenant);
    snprintf(call.account, sizeof call.account, "%s", account);
    struct txn *txn = begin_write(suite);
    OK(store_call_terms_put(txn, &terms, &err));
    OK(store_calls_add(txn, &call, 1, &added, &err));
    commit(txn);
}

static void add_attempt(struct suite *suite, const char *account, const char *action,
                        const char *kind)
{
    struct attempt attempt = {.at_ms = clock_now_ms() + 1, .tenant = "acme", .reason = "default",
                              .number = "01012125550100", .origin = "dial"};
    snprintf(attempt.decision_id, sizeof attempt.decision_id, "%s%s", account, kind);
    snprintf(attempt.account, sizeof attempt.account, "%s", account);
    snprintf(attempt.action, sizeof attempt.action, "%s", action);
    snprintf(attempt.kind, sizeof attempt.kind, "%s", kind);
    OK(store_attempts_add(suite->store, &attempt, 1, NULL, 0, &err));
}

static void delete_account(struct suite *suite, const char *account)
{
    struct txn *txn = begin_write(suite);
    OK(store_account_delete(txn, SLICE_LIT("acme"), slice_of(account), NULL, &err));
    commit(txn);
}

static void wait_a_moment(void) /* made anew is told by the millisecond */
{
    int64_t now_ms = clock_now_ms();
    while (clock_now_ms() <= now_ms)
        ;
}

static void test_looked_at_again(void **state)
{
    struct suite *suite = *state;
    static const char *const accounts[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9"};
    struct planned list[10];
    put_tenant(suite, "acme", "open");
    put_tenant(suite, "beta", "open");
    for (unsigned i = 0; i < 9; i++) {
        put_account(suite, "acme", accounts[i]);
        list[i] = planned("acme", accounts[i]);
    }
    put_account(suite, "beta", "1");
    list[9] = planned("beta", "1");
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 10);
    wait_a_moment();
    delete_account(suite, "1");
    delete_account(suite, "2");
    put_account(suite, "acme", "2");
    add_calls(suite, "acme", "3");
    add_attempt(suite, "4", "allow", "international");
    add_attempt(suite, "5", "deny", "international");
    add_attempt(suite, "6", "allow", "premium");
    rule_of(suite, "7", "allow 010", "customer", 0);
    rule_of(suite, "8", "deny 010", "customer", 0);
    delete_tenant(suite, "beta");
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 4), 3);
    IS(suite, id, "acme", "1", MEMBER_SKIPPED, MEMBER_GONE);
    IS(suite, id, "acme", "2", MEMBER_SKIPPED, MEMBER_REMADE);
    IS(suite, id, "acme", "3", MEMBER_SKIPPED, MEMBER_CALLED);
    IS(suite, id, "acme", "4", MEMBER_SKIPPED, MEMBER_ATTEMPTED);
    IS(suite, id, "acme", "5", MEMBER_APPLIED, MEMBER_NEVER);
    IS(suite, id, "acme", "6", MEMBER_APPLIED, MEMBER_NEVER);
    IS(suite, id, "acme", "7", MEMBER_SKIPPED, MEMBER_CUSTOMER_RULE);
    IS(suite, id, "acme", "8", MEMBER_SKIPPED, MEMBER_BLOCKED);
    IS(suite, id, "acme", "9", MEMBER_APPLIED, MEMBER_NEVER);
    IS(suite, id, "beta", "1", MEMBER_SKIPPED, MEMBER_GONE);
    assert_string_equal(rules_text(suite, "acme"),
                        "deny 010@5, deny 010@6, deny 010@9, allow 010@7, deny 010@8");
    check_counts(suite, id);
}

/* Without force only those who were told get the rule; with it the others do, later. */
static void test_not_told(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    const struct planned list[] = {planned("acme", "1001"), planned("beta", "2001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 2);
    struct campaign_batch batch;
    order_campaign(suite, id, CAMPAIGN_NOTIFY);
    struct campaign_run run = take_campaign(suite, run_a);
    OK(store_campaign_finish(suite->store, &run, &err)); /* nobody has an address */
    struct txn *txn = begin_write(suite);
    const struct campaign_order calm = {.verb = CAMPAIGN_APPLY};
    OK(store_campaign_order(txn, slice_of(id), &calm, &err));
    commit(txn);
    run = take_campaign(suite, run_a);
    OK(store_campaign_apply(suite->store, &run, 10, &batch, &err));
    assert_int_equal(batch.done, 0);
    OK(store_campaign_finish(suite->store, &run, &err));
    IS(suite, id, "acme", "1001", MEMBER_SKIPPED, MEMBER_NOT_TOLD);
    assert_string_equal(rules_text(suite, "acme"), "");
    check_counts(suite, id);
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 1), 2);
    assert_string_equal(rules_text(suite, "beta"), "deny 010@2001");
    check_counts(suite, id);
}

/* Tenants are told one by one; those without an address are not told, and stay as they are. */
static int tell(void *context, struct txn *txn, const struct campaign *campaign, const char *tenant,
                const char *const *accounts, unsigned count, bool *ret_is_told, struct err *err)
{
    unsigned *calls = context;
    (void)txn, (void)err;
    assert_string_equal(campaign->name, "Never called abroad");
    assert_string_equal(accounts[0], strcmp(tenant, "acme") == 0 ? "1001" : "2001");
    assert_int_equal(count, strcmp(tenant, "acme") == 0 ? 2 : 1);
    *ret_is_told = strcmp(tenant, "acme") == 0;
    ++*calls;
    return 0;
}

static void test_told(void **state)
{
    struct suite *suite = *state;
    unsigned calls = 0;
    struct campaign_batch batch = {.count = 1};
    put_two_tenants(suite);
    const struct planned list[] = {planned("acme", "1001"), planned("acme", "1002"),
                                   planned("beta", "2001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 3);
    order_campaign(suite, id, CAMPAIGN_NOTIFY);
    struct campaign_run run = take_campaign(suite, run_a);
    while (batch.count)
        OK(store_campaign_notify(suite->store, &run, tell, &calls, &batch, &err));
    OK(store_campaign_finish(suite->store, &run, &err));
    assert_int_equal(calls, 2);
    IS(suite, id, "acme", "1002", MEMBER_NOTIFIED, MEMBER_NEVER);
    IS(suite, id, "beta", "2001", MEMBER_PLANNED, MEMBER_NEVER);
    assert_true(get_member(suite, id, "acme", "1001").notified_at_ms > 0);
    check_counts(suite, id);
}

/* Nothing changed, so nothing is told. */
static void test_all_skipped_is_no_change(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    const struct planned list[] = {planned("acme", "1001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 1);
    rule_of(suite, "1001", "allow 010", "customer", 0);
    uint64_t before = revision(suite, "acme");
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 10), 0);
    assert_int_equal(revision(suite, "acme"), before);
    assert_int_equal(get_campaign(suite, id).state, CAMPAIGN_APPLIED);
}

static void test_undo_leaves_later_edits(void **state)
{
    struct suite *suite = *state;
    static const char *const accounts[] = {"1", "2", "3", "4", "5"};
    struct planned list[5];
    put_tenant(suite, "acme", "open");
    for (unsigned i = 0; i < 5; i++) {
        put_account(suite, "acme", accounts[i]);
        list[i] = planned("acme", accounts[i]);
    }
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 5);
    work_at(suite, id, CAMPAIGN_APPLY, 10);
    wait_a_moment();
    struct txn *txn = begin_write(suite);
    struct rule rule = get_rule(suite, "acme", get_member(suite, id, "acme", "1").rule);
    rule.action = ACTION_ALLOW;
    rule.source = "customer";
    OK(store_rule_update(txn, SLICE_LIT("acme"), &rule, NULL, &err));
    OK(store_rule_delete(txn, SLICE_LIT("acme"), slice_of(get_member(suite, id, "acme", "2").rule),
                         NULL, &err));
    commit(txn);
    delete_account(suite, "3");
    delete_account(suite, "4");
    put_account(suite, "acme", "4");
    assert_int_equal(work_at(suite, id, CAMPAIGN_UNDO, 2), 1);
    IS(suite, id, "acme", "1", MEMBER_KEPT, MEMBER_RULE_CHANGED);
    IS(suite, id, "acme", "2", MEMBER_KEPT, MEMBER_RULE_DELETED);
    IS(suite, id, "acme", "3", MEMBER_KEPT, MEMBER_GONE);
    IS(suite, id, "acme", "4", MEMBER_KEPT, MEMBER_GONE);
    IS(suite, id, "acme", "5", MEMBER_UNDONE, MEMBER_NEVER);
    assert_string_equal(rules_text(suite, "acme"), "allow 010@1");
    check_counts(suite, id);
}

static void test_no_room(void **state)
{
    struct suite *suite = *state;
    struct rule *rules = calloc(RULES_PER_TENANT_MAX - 1, sizeof *rules);
    struct planned list[] = {planned("acme", "1001"), planned("acme", "1002"), planned("beta", "2001")};
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
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 3);
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, 100), 2);
    IS(suite, id, "acme", "1001", MEMBER_APPLIED, MEMBER_NEVER);
    IS(suite, id, "acme", "1002", MEMBER_SKIPPED, MEMBER_NO_ROOM);
    IS(suite, id, "beta", "2001", MEMBER_APPLIED, MEMBER_NEVER);
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct campaign_answer an_answer(const char *tenant, const char *account,
                                        enum campaign_answer_word word)
{
    return (struct campaign_answer){tenant, account, word, "Sato", "link", "198.51.100.7", 0};
}

static void answer(struct suite *suite, const char *id, struct campaign_answer it)
{
    struct txn *txn = begin_write(suite);
    OK(store_campaign_answer(txn, slice_of(id), &it, &err));
    commit(txn);
}

static void test_answers(void **state)
{
    struct suite *suite = *state;
    put_two_tenants(suite);
    const struct planned list[] = {planned("acme", "1001"), planned("acme", "1002"),
                                   planned("beta", "2001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 3);
    unsigned audits = audit_count(suite);
    answer(suite, id, an_answer("acme", "1001", ANSWER_LEAVE_OPEN));
    answer(suite, id, an_answer("acme", "1001", ANSWER_LEAVE_OPEN));
    assert_int_equal(audit_count(suite), audits + 1); /* said twice is said once */
    IS(suite, id, "acme", "1001", MEMBER_ANSWERED, MEMBER_NEVER);
    answer(suite, id, an_answer("acme", "", ANSWER_LEAVE_OPEN));
    IS(suite, id, "acme", "1002", MEMBER_ANSWERED, MEMBER_NEVER);
    check_counts(suite, id);
    answer(suite, id, an_answer("acme", "", ANSWER_AGREE));
    IS(suite, id, "acme", "1001", MEMBER_ANSWERED, MEMBER_NEVER); /* still said for itself */
    IS(suite, id, "acme", "1002", MEMBER_PLANNED, MEMBER_NEVER);
    check_counts(suite, id);
    struct campaign_member it = get_member(suite, id, "acme", "1001");
    assert_string_equal(it.answer, "leave_open");
    assert_string_equal(it.answer_by, "Sato");
    assert_string_equal(it.answer_address, "198.51.100.7");
    assert_true(it.answered_at_ms > 0);

    struct campaign_share share;
    struct txn *txn = begin_read(suite);
    OK(store_campaign_share(txn, slice_of(id), SLICE_LIT("acme"), &suite->arena, &share, &err));
    assert_true(share.is_answered);
    assert_int_equal(share.answer.answer, ANSWER_AGREE);
    assert_int_equal(share.counts[MEMBER_ANSWERED], 1);
    assert_int_equal(share.counts[MEMBER_PLANNED], 1);
    FAILS(suite, ERR_NOT_FOUND,
          store_campaign_share(txn, slice_of(id), SLICE_LIT("gamma"), &suite->arena, &share, &err));
    store_rollback(txn);

    work_at(suite, id, CAMPAIGN_APPLY, 10);
    assert_string_equal(rules_text(suite, "acme"), "deny 010@1002");
    check_counts(suite, id);
    txn = begin_write(suite);
    struct campaign_answer late = an_answer("acme", "", ANSWER_LEAVE_OPEN);
    FAILS(suite, ERR_WRONG_STATE, store_campaign_answer(txn, slice_of(id), &late, &err));
    late.tenant = "gamma";
    FAILS(suite, ERR_NOT_FOUND, store_campaign_answer(txn, slice_of(id), &late, &err));
    late.tenant = "../x";
    FAILS(suite, ERR_NOT_FOUND, store_campaign_answer(txn, slice_of(id), &late, &err));
    FAILS(suite, ERR_NOT_FOUND, store_campaign_answer(txn, SLICE_LIT("no"), &late, &err));
    store_rollback(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_plan_asks_the_rules),
        STORE_TEST(test_rules_of_the_tenant),
        STORE_TEST(test_replaced_rule_comes_back),
        STORE_TEST(test_looked_at_again),
        STORE_TEST(test_not_told),
        STORE_TEST(test_told),
        STORE_TEST(test_all_skipped_is_no_change),
        STORE_TEST(test_undo_leaves_later_edits),
        STORE_TEST(test_no_room),
        STORE_TEST(test_answers),
    };
    return cmocka_run_group_tests_name("store campaigns, whom they leave alone", tests, NULL, NULL);
}
