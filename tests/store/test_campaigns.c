/* Campaigns: planned, answered, applied and undone, account by account, exactly once. */
#include "suite.h"

#include "base/clock.h"
#include "store/campaigns_job.h"

static const char run_a[] = "01KAAAAAAAAAAAAAAAAAAAAAAA", run_b[] = "01KBBBBBBBBBBBBBBBBBBBBBBB";

/* --- short forms ------------------------------------------------------------------------------ */

static struct campaign a_campaign(enum campaign_level level)
{
    struct campaign campaign = {.name = "Never called abroad", .selection = "{}", .level = level,
                                .action = ACTION_DENY, .divert_to = "", .note = "see letter"};
    OK(target_parse(SLICE_LIT("010"), &campaign.target, &err));
    return campaign;
}

static struct campaign get_campaign(struct suite *suite, const char *id)
{
    struct campaign campaign = {.done = 0};
    struct txn *txn = begin_read(suite);
    OK(store_campaign_get(txn, slice_of(id), &suite->arena, &campaign, &err));
    store_rollback(txn);
    return campaign;
}

static struct campaign_run take(struct suite *suite, const char *run)
{
    struct campaign campaign;
    bool found = false;
    OK(store_campaign_take(suite->store, run, 60000, "", &suite->arena, &found, &campaign, &err));
    assert_true(found);
    struct campaign_run it = {.state = campaign.state, .run = run, .lease_ms = 60000};
    memcpy(it.id, campaign.id, sizeof it.id);
    return it;
}

static bool can_take(struct suite *suite, const char *run)
{
    struct campaign campaign;
    bool found = false;
    OK(store_campaign_take(suite->store, run, 60000, "", &suite->arena, &found, &campaign, &err));
    return found;
}

static struct planned planned(const char *tenant, const char *account)
{
    struct planned it = {.is_in = true, .reason = MEMBER_NEVER, .days_covered = 100,
                         .days_wanted = 120, .calls = 7};
    snprintf(it.tenant, sizeof it.tenant, "%s", tenant);
    snprintf(it.account, sizeof it.account, "%s", account);
    return it;
}

/* A campaign whose plan says that those are in, by their history. */
static const char *make_plan(struct suite *suite, enum campaign_level level,
                             const struct planned *list, unsigned count)
{
    struct campaign campaign = a_campaign(level);
    struct campaign_batch batch;
    char id[RULE_ID_BYTES];
    struct txn *txn = begin_write(suite);
    OK(store_campaign_create(txn, &campaign, id, &err));
    commit(txn);
    struct campaign_run run = take(suite, run_a);
    OK(store_campaign_plan_add(suite->store, &run, list, count, NULL, &batch, &err));
    OK(store_campaign_finish(suite->store, &run, &err));
    const char *copy = arena_copy(&suite->arena, slice_of(id));
    assert_non_null(copy);
    assert_int_equal(get_campaign(suite, copy).state, CAMPAIGN_PLANNED);
    return copy;
}

static void order(struct suite *suite, const char *id, enum campaign_verb verb)
{
    struct txn *txn = begin_write(suite);
    struct campaign_order it = {.verb = verb, .is_forced = true};
    OK(store_campaign_order(txn, slice_of(id), &it, &err));
    commit(txn);
}

static void refused(struct suite *suite, const char *id, struct campaign_order it, int code)
{
    struct txn *txn = begin_write(suite);
    FAILS(suite, code, store_campaign_order(txn, slice_of(id), &it, &err));
    store_rollback(txn);
}

typedef int step(struct store *store, const struct campaign_run *run, unsigned limit,
                 struct campaign_batch *ret, struct err *err);

/* The whole job, `limit` accounts a transaction; returns how many were done. */
static unsigned work(struct suite *suite, const char *id, enum campaign_verb verb, unsigned limit)
{
    struct campaign_batch batch = {.count = 1};
    unsigned done = 0;
    step *it = verb == CAMPAIGN_UNDO ? store_campaign_undo : store_campaign_apply;
    order(suite, id, verb);
    struct campaign_run run = take(suite, run_a);
    while (batch.count) {
        OK(it(suite->store, &run, limit, &batch, &err));
        done += batch.done;
    }
    OK(store_campaign_finish(suite->store, &run, &err));
    return done;
}

static struct campaign_member member(struct suite *suite, const char *id, const char *tenant,
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

#define IS(suite, id, tenant, account, state_, reason_)                                            \
    do {                                                                                           \
        struct campaign_member it_ = member(suite, id, tenant, account);                           \
        assert_string_equal(member_state_words[it_.state], member_state_words[state_]);            \
        assert_string_equal(member_reason_words[it_.reason], member_reason_words[reason_]);        \
    } while (0)

/* The campaign's numbers are those of its rows. */
static void check_counts(struct suite *suite, const char *id)
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

static void put_world(struct suite *suite)
{
    put_tenant(suite, "acme", "open");
    put_tenant(suite, "beta", "open");
    put_account(suite, "acme", "1001");
    put_account(suite, "acme", "1002");
    put_account(suite, "beta", "2001");
}

/* --- the way there and back ------------------------------------------------------------------- */

static void test_apply_and_undo(void **state)
{
    struct suite *suite = *state;
    put_world(suite);
    const struct planned list[] = {planned("acme", "1001"), planned("acme", "1002"),
                                   planned("beta", "2001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 3);
    uint64_t acme = revision(suite, "acme"), beta = revision(suite, "beta");
    unsigned audits = audit_count(suite);
    assert_int_equal(work(suite, id, CAMPAIGN_APPLY, 100), 3);
    assert_string_equal(rules_text(suite, "acme"), "deny 010@1001, deny 010@1002");
    assert_string_equal(rules_text(suite, "beta"), "deny 010@2001");
    assert_int_equal(revision(suite, "acme"), acme + 1); /* one commit, one revision */
    assert_int_equal(revision(suite, "beta"), beta + 1);
    assert_int_equal(audit_count(suite), audits + 3 + 2); /* the order, and its end */
    IS(suite, id, "acme", "1002", MEMBER_APPLIED, MEMBER_NEVER);
    struct campaign_member it = member(suite, id, "acme", "1002");
    struct rule rule = get_rule(suite, "acme", it.rule);
    assert_string_equal(rule.source + strlen("campaign:"), id);
    assert_string_equal(rule.note, "see letter");
    assert_int_equal(rule.version, it.revision);
    assert_int_equal(rule.version, acme + 1);
    assert_int_equal(list_version(suite, account_of("acme", "1002")), acme + 1);
    assert_int_equal(list_version(suite, all_of("acme")), acme + 1);
    check_counts(suite, id);

    assert_int_equal(work(suite, id, CAMPAIGN_UNDO, 2), 3);
    assert_string_equal(rules_text(suite, "acme"), "");
    assert_string_equal(rules_text(suite, "beta"), "");
    assert_int_equal(revision(suite, "acme"), acme + 2);
    IS(suite, id, "beta", "2001", MEMBER_UNDONE, MEMBER_NEVER);
    assert_int_equal(member(suite, id, "beta", "2001").undone_revision, beta + 2);
    assert_int_equal(get_campaign(suite, id).state, CAMPAIGN_UNDONE);
    check_counts(suite, id);
}

/* What the audit trail says is what a rule that was made by hand would say. */
static void test_audit_says_the_same(void **state)
{
    struct suite *suite = *state;
    put_world(suite);
    const struct planned list[] = {planned("acme", "1001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 1);
    work(suite, id, CAMPAIGN_APPLY, 100);
    struct audit_record *records;
    unsigned count;
    struct txn *txn = begin_read(suite);
    OK(store_audit_list(txn, SLICE_LIT("acme"), 0, 10, &suite->arena, &records, &count, &err));
    store_rollback(txn);
    struct campaign_member it = member(suite, id, "acme", "1001");
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
    work(suite, id, CAMPAIGN_UNDO, 100);
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
    put_world(suite);
    const struct planned list[] = {planned("acme", ""), planned("beta", "")};
    const char *id = make_plan(suite, CAMPAIGN_OF_TENANTS, list, 2);
    assert_int_equal(work(suite, id, CAMPAIGN_APPLY, 1), 2);
    assert_string_equal(rules_text(suite, "acme"), "deny 010");
    assert_int_equal(list_version(suite, own_of("acme")), revision(suite, "acme"));
    assert_int_equal(work(suite, id, CAMPAIGN_UNDO, 1), 2);
    assert_string_equal(rules_text(suite, "acme"), "");
    assert_int_equal(list_version(suite, own_of("acme")), revision(suite, "acme"));
}

/* Followers of the feed hear of every tenant, and of no other. */
static void test_feed(void **state)
{
    struct suite *suite = *state;
    put_world(suite);
    put_tenant(suite, "other", "open");
    const struct planned list[] = {planned("acme", ""), planned("beta", "")};
    const char *id = make_plan(suite, CAMPAIGN_OF_TENANTS, list, 2);
    struct feed_position position = {.seq = 0};
    struct feed_row *rows;
    unsigned count;
    OK(store_feed_since(suite->store, &position, 100, &suite->arena, &rows, &count, &err));
    work(suite, id, CAMPAIGN_APPLY, 100);
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
        struct campaign_member it = member(suite, id, "acme", cases[i].account);
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
    put_world(suite);
    struct rule rule = a_rule("divert 010");
    rule.source = "onboarding";
    rule.note = "as ever";
    const char *old = add_rule(suite, "acme", &rule);
    struct rule before = get_rule(suite, "acme", old);
    const struct planned list[] = {planned("acme", "")};
    const char *id = make_plan(suite, CAMPAIGN_OF_TENANTS, list, 1);
    assert_int_equal(work(suite, id, CAMPAIGN_APPLY, 100), 1);
    assert_string_equal(rules_text(suite, "acme"), "deny 010");
    assert_string_equal(member(suite, id, "acme", "").replaced, old);
    assert_int_equal(work(suite, id, CAMPAIGN_UNDO, 100), 1);
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
    assert_int_equal(work(suite, id, CAMPAIGN_APPLY, 4), 3);
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

/* Nothing changed, so nothing is told. */
static void test_all_skipped_is_no_change(void **state)
{
    struct suite *suite = *state;
    put_world(suite);
    const struct planned list[] = {planned("acme", "1001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 1);
    rule_of(suite, "1001", "allow 010", "customer", 0);
    uint64_t before = revision(suite, "acme");
    assert_int_equal(work(suite, id, CAMPAIGN_APPLY, 10), 0);
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
    work(suite, id, CAMPAIGN_APPLY, 10);
    wait_a_moment();
    struct txn *txn = begin_write(suite);
    struct rule rule = get_rule(suite, "acme", member(suite, id, "acme", "1").rule);
    rule.action = ACTION_ALLOW;
    rule.source = "customer";
    OK(store_rule_update(txn, SLICE_LIT("acme"), &rule, NULL, &err));
    OK(store_rule_delete(txn, SLICE_LIT("acme"), slice_of(member(suite, id, "acme", "2").rule),
                         NULL, &err));
    commit(txn);
    delete_account(suite, "3");
    delete_account(suite, "4");
    put_account(suite, "acme", "4");
    assert_int_equal(work(suite, id, CAMPAIGN_UNDO, 2), 1);
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
    put_world(suite);
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
    assert_int_equal(work(suite, id, CAMPAIGN_APPLY, 100), 2);
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
    put_world(suite);
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
    struct campaign_member it = member(suite, id, "acme", "1001");
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

    work(suite, id, CAMPAIGN_APPLY, 10);
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

/* --- states and leases ------------------------------------------------------------------------ */

static void test_states(void **state)
{
    struct suite *suite = *state;
    put_world(suite);
    const struct planned list[] = {planned("acme", "1001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 1);
    const struct campaign_order calm = {.verb = CAMPAIGN_APPLY};
    refused(suite, id, calm, ERR_WRONG_STATE); /* nobody was told */
    refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_UNDO}, ERR_WRONG_STATE);
    refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_PAUSE}, ERR_WRONG_STATE);
    refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_RESUME}, ERR_WRONG_STATE);
    refused(suite, "01KZZZZZZZZZZZZZZZZZZZZZZZ", calm, ERR_NOT_FOUND);
    refused(suite, "none", calm, ERR_NOT_FOUND);
    order(suite, id, CAMPAIGN_APPLY);
    refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_APPLY, .is_forced = true},
            ERR_WRONG_STATE); /* the second operator */
    struct campaign_run run = take(suite, run_a);
    struct campaign_batch batch;
    order(suite, id, CAMPAIGN_PAUSE);
    FAILS(suite, ERR_STALE, store_campaign_apply(suite->store, &run, 10, &batch, &err));
    assert_false(can_take(suite, run_b));
    order(suite, id, CAMPAIGN_RESUME);
    FAILS(suite, ERR_STALE, store_campaign_apply(suite->store, &run, 10, &batch, &err));
    run = take(suite, run_a);
    OK(store_campaign_apply(suite->store, &run, 10, &batch, &err));
    assert_int_equal(batch.done, 1);
    order(suite, id, CAMPAIGN_CANCEL);
    FAILS(suite, ERR_STALE, store_campaign_finish(suite->store, &run, &err));
    assert_int_equal(work(suite, id, CAMPAIGN_UNDO, 10), 1); /* what was applied can be undone */
    refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_APPLY, .is_forced = true},
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
    struct campaign_run run = take(suite, run_a);
    OK(store_campaign_finish(suite->store, &run, &err));
    order(suite, id, CAMPAIGN_NOTIFY);
    run = take(suite, run_a);
    OK(store_campaign_finish(suite->store, &run, &err));
    campaign = get_campaign(suite, id);
    assert_int_equal(campaign.state, CAMPAIGN_NOTIFIED);
    assert_int_equal(campaign_due_ms(&campaign), campaign.notified_at_ms + 3600000);
    refused(suite, id, (struct campaign_order){.verb = CAMPAIGN_APPLY}, ERR_WRONG_STATE);
    assert_non_null(strstr(suite->err.text, "not before"));
    order(suite, id, CAMPAIGN_APPLY); /* forced */
    assert_int_equal(get_campaign(suite, id).state, CAMPAIGN_APPLYING);
}

/* A node that slept through its lease does nothing more; the other goes on where it was. */
static void test_two_nodes(void **state)
{
    struct suite *suite = *state;
    put_world(suite);
    const struct planned list[] = {planned("acme", "1001"), planned("acme", "1002"),
                                   planned("beta", "2001")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 3);
    order(suite, id, CAMPAIGN_APPLY);
    struct campaign_batch batch;
    struct campaign_run a = take(suite, run_a), b;
    assert_false(can_take(suite, run_b));
    OK(store_campaign_apply(suite->store, &a, 1, &batch, &err));
    a.lease_ms = -1; /* is over as soon as it is written */
    OK(store_campaign_apply(suite->store, &a, 1, &batch, &err));
    b = take(suite, run_b);
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
    put_world(suite);
    const struct planned list[] = {planned("acme", "1001"), planned("acme", "1002")};
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 2);
    struct campaign_batch batch;
    order(suite, id, CAMPAIGN_APPLY);
    struct campaign_run run = take(suite, run_a);
    OK(store_campaign_fail(suite->store, &run, "no luck", &batch, &err));
    assert_string_equal(batch.last_account, "1001");
    OK(store_campaign_apply(suite->store, &run, 10, &batch, &err));
    assert_int_equal(batch.done, 1);
    OK(store_campaign_finish(suite->store, &run, &err));
    IS(suite, id, "acme", "1001", MEMBER_FAILED, MEMBER_REFUSED);
    check_counts(suite, id);
    assert_int_equal(work(suite, id, CAMPAIGN_APPLY, 10), 1);
    assert_string_equal(rules_text(suite, "acme"), "deny 010@1001, deny 010@1002");
    check_counts(suite, id);
}

static void test_lists(void **state)
{
    struct suite *suite = *state;
    put_world(suite);
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
    struct campaign_run run = take(suite, run_a);
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
        STORE_TEST(test_plan_asks_the_rules),
        STORE_TEST(test_rules_of_the_tenant),
        STORE_TEST(test_replaced_rule_comes_back),
        STORE_TEST(test_looked_at_again),
        STORE_TEST(test_all_skipped_is_no_change),
        STORE_TEST(test_undo_leaves_later_edits),
        STORE_TEST(test_no_room),
        STORE_TEST(test_answers),
        STORE_TEST(test_states),
        STORE_TEST(test_dates),
        STORE_TEST(test_two_nodes),
        STORE_TEST(test_failed_accounts),
        STORE_TEST(test_lists),
        STORE_TEST(test_plan_by_profile),
    };
    return cmocka_run_group_tests_name("store campaigns", tests, NULL, NULL);
}
