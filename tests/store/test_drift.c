/* Drift from a profile: found, told apart by whose it is, and made good where it is nobody's wish. */
#include "suite.h"

#include "base/clock.h"

#define PROFILE "hotel"

static struct rule bare(const char *text)
{
    struct rule rule = a_rule(text);
    rule.source = "";
    return rule;
}

static void put_profile(struct suite *suite, const char *const *texts, unsigned count)
{
    struct rule rules[8];
    struct profile profile = {.id = PROFILE, .name = "Hotels", .rules = rules, .rules_count = count};
    for (unsigned i = 0; i < count; i++)
        rules[i] = bare(texts[i]);
    struct txn *txn = begin_write(suite);
    OK(store_profile_put(txn, &profile, NULL, NULL, &err));
    commit(txn);
}

static struct drift_query query_of(const char *tenant, bool with_extra)
{
    return (struct drift_query){
        .profile = SLICE_LIT(PROFILE), .tenant = slice_of(tenant), .with_extra = with_extra};
}

/* All pages of `limit`, as "acme: missing 010 add; acme/1001: changed 0990 keep; " */
static void assert_drift(struct suite *suite, struct drift_query query, unsigned limit,
                         const char *expected)
{
    static const char *const whats[] = {"missing", "changed", "extra"};
    static const char *const mends[] = {"keep", "add", "replace"};
    char found[1024] = "";
    size_t n = 0;
    struct drift *list, after;
    unsigned count;
    bool has_more = true;
    for (const struct drift *behind = NULL; has_more; behind = &after) {
        struct txn *txn = begin_read(suite);
        OK(store_drift_list(txn, &query, behind, limit, &suite->arena, &list, &count, &has_more,
                            &err));
        store_rollback(txn);
        assert_true(count <= limit && (!has_more || count));
        for (unsigned i = 0; i < count; i++) {
            n += (size_t)snprintf(found + n, sizeof found - n, "%s%s%s:", list[i].tenant,
                                  list[i].account[0] ? "/" : "", list[i].account);
            for (unsigned j = 0; j < list[i].count; j++) {
                const struct drift_item *item = &list[i].items[j];
                const struct rule *rule = item->what == DRIFT_EXTRA ? &item->found : &item->wanted;
                n += (size_t)snprintf(found + n, sizeof found - n, " %s %s %s%s%s",
                                      whats[item->what], rule->target.text, mends[item->mend],
                                      item->deleted_by[0] ? " by " : "", item->deleted_by);
            }
            n += (size_t)snprintf(found + n, sizeof found - n, ";");
            after = list[i];
        }
    }
    assert_string_equal(found, expected);
}

static int mend(struct suite *suite, const char *tenant, const char *account, bool restores)
{
    struct drift drift = {.tenant = tenant, .account = account};
    struct drift_query query = query_of("", false);
    query.restores_deleted = restores;
    suite->err = (struct err){0};
    struct txn *txn = begin_write(suite);
    int rc = store_drift_mend(txn, &query, &drift, &suite->arena, &suite->err);
    if (rc == 0)
        commit(txn);
    else
        store_rollback(txn);
    return rc;
}

static struct rule *rules_of(struct suite *suite, const char *tenant, const char *account,
                             unsigned *ret_count)
{
    struct rule_filter filter = {
        slice_of(tenant), *account ? RULES_OF_ACCOUNT : RULES_TENANT_SCOPE, slice_of(account)};
    struct rule *rules;
    struct txn *txn = begin_read(suite);
    OK(store_rule_list(txn, &filter, ALL_ROWS, &suite->arena, &rules, ret_count, &err));
    store_rollback(txn);
    return rules;
}

static void put_account_with(struct suite *suite, const char *tenant, const char *id)
{
    struct account account = an_account(tenant, id);
    account.profile = PROFILE;
    struct txn *txn = begin_write(suite);
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    commit(txn);
}

static struct rule find_rule(struct suite *suite, const char *tenant, const char *target)
{
    unsigned count;
    struct rule *rules = rules_of(suite, tenant, "", &count);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(rules[i].target.text, target) == 0)
            return rules[i];
    fail_msg("no rule for %s", target);
    return (struct rule){0};
}

static void change(struct suite *suite, const char *tenant, const char *target, enum action action,
                   const char *source)
{
    struct rule rule = find_rule(suite, tenant, target);
    rule.action = action;
    rule.source = source;
    struct txn *txn = begin_write(suite);
    OK(store_rule_update(txn, slice_of(tenant), &rule, NULL, &err));
    commit(txn);
}

static void delete_rule(struct suite *suite, const char *tenant, const char *target)
{
    struct rule rule = find_rule(suite, tenant, target);
    struct txn *txn = begin_write(suite);
    OK(store_rule_delete(txn, slice_of(tenant), slice_of(rule.id), NULL, &err));
    commit(txn);
}

/* --- tests -------------------------------------------------------------------------------------- */

static void who_has_what_the_profile_says_has_not_drifted(void **state)
{
    struct suite *suite = *state;
    put_profile(suite, (const char *const[]){"deny 010", "deny 0990"}, 2);
    put_tenant(suite, "acme", PROFILE);
    put_tenant(suite, "other", "open");
    put_account_with(suite, "other", "1001");
    put_account(suite, "acme", "1002");
    assert_drift(suite, query_of("", true), 100, "");
    /* a note and a dated rule are no drift; a rule of its own is, when asked */
    struct rule rule = a_rule("allow 010");
    rule.starts_at_ms = 1000;
    rule.expires_at_ms = 2000;
    struct txn *txn = begin_write(suite);
    char id[RULE_ID_BYTES];
    OK(store_rule_create(txn, slice_of("acme"), &rule, id, &err));
    rule = a_rule("deny 0570");
    OK(store_rule_create(txn, slice_of("acme"), &rule, id, &err));
    commit(txn);
    assert_drift(suite, query_of("", false), 100, "");
    assert_drift(suite, query_of("", true), 100, "acme: extra 010 keep extra 0570 keep;");
}

static void a_profile_that_changed_since(void **state)
{
    struct suite *suite = *state;
    unsigned count;
    put_profile(suite, (const char *const[]){"deny 010", "deny 0990"}, 2);
    put_tenant(suite, "acme", PROFILE);
    put_account_with(suite, "acme", "1001");
    put_profile(suite, (const char *const[]){"deny 010", "allow 0990", "deny 0570"}, 3);
    assert_drift(suite, query_of("", false), 100,
                 "acme: changed 0990 replace missing 0570 add;"
                 "acme/1001: changed 0990 replace missing 0570 add;");
    uint64_t before = revision(suite, "acme");
    assert_int_equal(mend(suite, "acme", "", false), 0);
    assert_int_equal(revision(suite, "acme"), before + 1);
    assert_drift(suite, query_of("", false), 100,
                 "acme/1001: changed 0990 replace missing 0570 add;");
    assert_int_equal(mend(suite, "acme", "1001", false), 0);
    assert_drift(suite, query_of("", false), 100, "");
    struct rule *rules = rules_of(suite, "acme", "1001", &count);
    assert_int_equal(count, 3);
    for (unsigned i = 0; i < count; i++)
        assert_string_equal(rules[i].source, "onboarding");
    /* again: nothing to do, no revision; and what was made good follows the profile further */
    before = revision(suite, "acme");
    assert_int_equal(mend(suite, "acme", "", false), 0);
    assert_int_equal(revision(suite, "acme"), before);
    put_profile(suite, (const char *const[]){"deny 010", "deny 0990", "deny 0570"}, 3);
    assert_drift(suite, query_of("acme", false), 100,
                 "acme: changed 0990 replace;acme/1001: changed 0990 replace;");
}

static void what_somebody_changed_or_deleted_is_left_alone(void **state)
{
    struct suite *suite = *state;
    put_profile(suite, (const char *const[]){"deny 010", "deny 0990", "deny 0570"}, 3);
    put_tenant(suite, "acme", PROFILE);
    int64_t made_ms = find_rule(suite, "acme", "0990").created_at_ms;
    while (clock_now_ms() == made_ms)
        continue; /* an edit within the same millisecond could not be told */
    change(suite, "acme", "010", ACTION_ALLOW, "customer");
    change(suite, "acme", "0990", ACTION_ALLOW, "onboarding"); /* an operator's edit keeps the source */
    delete_rule(suite, "acme", "0570");
    assert_drift(suite, query_of("", false), 100,
                 "acme: changed 010 keep changed 0990 keep missing 0570 keep by operator;");
    uint64_t before = revision(suite, "acme");
    assert_int_equal(mend(suite, "acme", "", false), 0);
    assert_int_equal(revision(suite, "acme"), before);
    /* deleted rules come back when that is asked for, and nothing else does */
    assert_int_equal(mend(suite, "acme", "", true), 0);
    assert_drift(suite, query_of("", false), 100,
                 "acme: changed 010 keep changed 0990 keep;");
    assert_string_equal(last_audit(suite).action, "profile.reapply");
    assert_non_null(strstr(last_audit(suite).after, "0570"));
}

/* A list that was replaced without the rule has deleted it; another owner's deletion says nothing. */
static void deletions_are_told_by_the_audit_trail(void **state)
{
    struct suite *suite = *state;
    put_profile(suite, (const char *const[]){"deny 010"}, 1);
    put_tenant(suite, "acme", PROFILE);
    put_account_with(suite, "acme", "1001");
    put_account_with(suite, "acme", "1002");
    struct rule_filter filter = {slice_of("acme"), RULES_OF_ACCOUNT, slice_of("1001")};
    struct txn *txn = begin_write(suite);
    OK(store_rules_replace(txn, &filter, NULL, 0, NULL, &err));
    commit(txn);
    assert_drift(suite, query_of("", false), 100, "acme/1001: missing 010 keep by operator;");
    /* the profile gains a rule that was deleted nowhere, with the same beginning */
    put_profile(suite, (const char *const[]){"deny 010", "deny 0101"}, 2);
    assert_drift(suite, query_of("", false), 100,
                 "acme: missing 0101 add;"
                 "acme/1001: missing 010 keep by operator missing 0101 add;"
                 "acme/1002: missing 0101 add;");
    /* a tenant made again under the same id starts anew */
    delete_rule(suite, "acme", "010");
    assert_drift(suite, query_of("acme", false), 1,
                 "acme: missing 010 keep by operator missing 0101 add;"
                 "acme/1001: missing 010 keep by operator missing 0101 add;"
                 "acme/1002: missing 0101 add;");
}

static void pages(void **state)
{
    struct suite *suite = *state;
    put_profile(suite, NULL, 0);
    put_tenant(suite, "a", PROFILE);
    put_tenant(suite, "a-b", PROFILE);
    put_tenant(suite, "b", "open");
    put_account_with(suite, "a", "2");
    put_account_with(suite, "a", "1");
    put_account_with(suite, "b", "1");
    put_profile(suite, (const char *const[]){"deny 010"}, 1);
    for (unsigned limit = 1; limit < 7; limit++)
        assert_drift(suite, query_of("", false), limit,
                     "a: missing 010 add;a/1: missing 010 add;a/2: missing 010 add;"
                     "a-b: missing 010 add;b/1: missing 010 add;");
    assert_drift(suite, query_of("b", false), 2, "b/1: missing 010 add;");
}

static void what_cannot_be_made_good(void **state)
{
    struct suite *suite = *state;
    struct drift_query query = {.profile = SLICE_LIT("no-such")};
    struct drift *list;
    unsigned count;
    bool has_more;
    put_profile(suite, NULL, 0);
    put_tenant(suite, "acme", PROFILE);
    put_tenant(suite, "open", "open");
    put_account(suite, "acme", "1001");
    struct txn *txn = begin_read(suite);
    FAILS(suite, ERR_NOT_FOUND,
          store_drift_list(txn, &query, NULL, 10, &suite->arena, &list, &count, &has_more, &err));
    store_rollback(txn);
    assert_int_equal(mend(suite, "open", "", false), ERR_NOT_FOUND);
    assert_int_equal(mend(suite, "acme", "1001", false), ERR_NOT_FOUND);
    assert_int_equal(mend(suite, "nobody", "", false), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(who_has_what_the_profile_says_has_not_drifted),
        STORE_TEST(a_profile_that_changed_since),
        STORE_TEST(what_somebody_changed_or_deleted_is_left_alone),
        STORE_TEST(deletions_are_told_by_the_audit_trail),
        STORE_TEST(pages),
        STORE_TEST(what_cannot_be_made_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
