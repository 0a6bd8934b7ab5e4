/* A scope's whole list replaced as one change. */
#include "suite.h"

static const struct slice acme = {"acme", 4};
static const int64_t day_ms = INT64_C(86400000);
static const int64_t monday_ms = INT64_C(1795996800000);

static struct suite *with_acme(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", "open");
    put_account(suite, "acme", "1001");
    return suite;
}

static void replace(struct suite *suite, struct rule_filter filter, const struct rule *rules,
                    unsigned count)
{
    struct txn *txn = begin_write(suite);
    OK(store_rules_replace(txn, &filter, rules, count, NULL, &err));
    commit(txn);
}

/* The rules of a list, as a client would get them before it changes some. */
static struct rule *get_list(struct suite *suite, struct rule_filter filter, unsigned *ret_count)
{
    struct rule *rules = NULL;
    struct page page = {SLICE_NONE, RULES_PER_TENANT_MAX};
    struct txn *txn = begin_read(suite);
    OK(store_rule_list(txn, &filter, page, &suite->arena, &rules, ret_count, &err));
    store_rollback(txn);
    return rules;
}

static void the_list_is_what_was_given(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rules[] = {a_rule("deny 010"), a_rule("allow 0101"), a_rule("deny country:KP")};
    struct rule of_account = a_rule("deny 0990");
    of_account.account = "1001";
    add_rule(suite, "acme", &of_account);
    replace(suite, own_of("acme"), rules, 3);
    assert_string_equal(rules_text(suite, "acme"),
                        "deny 0990@1001, deny 010, allow 0101, deny country:KP");
    replace(suite, account_of("acme", "1001"), rules, 1);
    assert_string_equal(rules_text(suite, "acme"),
                        "deny 010, allow 0101, deny country:KP, deny 010@1001");
    replace(suite, own_of("acme"), NULL, 0);
    assert_string_equal(rules_text(suite, "acme"), "deny 010@1001");
}

static void what_stays_keeps_id_version_and_creation(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule first[] = {a_rule("deny 010"), a_rule("allow 0101"), a_rule("deny 0990")};
    struct rule second[] = {a_rule("allow 0990"), a_rule("deny 010"), a_rule("allow 0102")};
    unsigned count;
    replace(suite, own_of("acme"), first, 3); /* revision 3 */
    struct rule *before = get_list(suite, own_of("acme"), &count);
    replace(suite, own_of("acme"), second, 3); /* 4; none of them names an id */
    struct rule *after = get_list(suite, own_of("acme"), &count);
    assert_int_equal(count, 3);
    assert_string_equal(rules_text(suite, "acme"), "deny 010, allow 0990, allow 0102");
    assert_string_equal(after[0].id, before[0].id); /* stayed */
    assert_int_equal(after[0].version, 3);
    assert_true(after[0].created_at_ms == before[0].created_at_ms);
    assert_string_equal(after[1].id, before[2].id); /* changed */
    assert_int_equal(after[1].version, 4);
    assert_true(after[1].created_at_ms == before[2].created_at_ms);
    assert_int_equal(after[2].version, 4); /* new */
    assert_int_equal(revision(suite, "acme"), 4);
}

static void the_same_list_again_changes_nothing(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rules[] = {a_rule("deny 010"), a_rule("allow 0101")};
    replace(suite, own_of("acme"), rules, 2);
    unsigned records = audit_count(suite);
    struct txn *txn = begin_write(suite);
    struct rule_filter own = own_of("acme");
    struct rule swapped[] = {rules[1], rules[0]};
    OK(store_rules_replace(txn, &own, swapped, 2, NULL, &err));
    OK(store_rules_replace(txn, &own, rules, 2, NULL, &err));
    assert_int_equal(commit(txn), 0);
    assert_int_equal(revision(suite, "acme"), 3);
    assert_int_equal(audit_count(suite), records);
}

static void a_rule_that_names_its_id_is_moved(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rules[] = {a_rule("deny 010"), a_rule("deny 0990")};
    unsigned count;
    replace(suite, own_of("acme"), rules, 2);
    struct rule *list = get_list(suite, own_of("acme"), &count);
    rules[0].id = list[1].id; /* each takes the other's place */
    rules[1].id = list[0].id;
    replace(suite, own_of("acme"), rules, 2);
    struct rule *after = get_list(suite, own_of("acme"), &count);
    assert_int_equal(count, 2);
    assert_string_equal(after[0].id, list[0].id);
    assert_string_equal(after[0].target.text, "0990");
    assert_string_equal(after[1].id, list[1].id);
    assert_string_equal(after[1].target.text, "010");
    assert_int_equal(after[0].version, 4);
}

static void dates_can_be_swapped(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rules[] = {a_rule("allow 010"), a_rule("deny 010")};
    unsigned count;
    rules[0].starts_at_ms = monday_ms;
    rules[0].expires_at_ms = rules[1].starts_at_ms = monday_ms + day_ms;
    rules[1].expires_at_ms = monday_ms + 2 * day_ms;
    replace(suite, own_of("acme"), rules, 2);
    struct rule *list = get_list(suite, own_of("acme"), &count);
    enum action first = list[0].action;
    list[0].action = list[1].action;
    list[1].action = first;
    replace(suite, own_of("acme"), list, 2);
    struct rule *after = get_list(suite, own_of("acme"), &count);
    assert_string_equal(after[0].id, list[0].id);
    assert_int_equal(after[0].action, ACTION_DENY);
    assert_true(after[0].starts_at_ms == monday_ms);
}

static void an_unknown_or_repeated_id_is_a_new_rule(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rules[] = {a_rule("deny 010"), a_rule("deny 0990"), a_rule("deny 0180")};
    unsigned count;
    replace(suite, own_of("acme"), rules, 1);
    const char *id = get_list(suite, own_of("acme"), &count)[0].id;
    rules[0].id = rules[1].id = id;
    rules[2].id = "01ARYZ6S41TSV4RRFFQ69G5FAV";
    replace(suite, own_of("acme"), rules, 3);
    struct rule *after = get_list(suite, own_of("acme"), &count);
    assert_int_equal(count, 3);
    assert_string_equal(after[0].id, id);
    assert_string_equal(after[0].target.text, "010");
    for (unsigned i = 1; i < 3; i++) {
        assert_string_not_equal(after[i].id, id);
        assert_string_not_equal(after[i].id, "01ARYZ6S41TSV4RRFFQ69G5FAV");
    }
}

static void the_condition_is_on_the_lists_version(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rules[] = {a_rule("deny 010"), a_rule("deny 0990")};
    struct rule_filter own = own_of("acme"), account = account_of("acme", "1001");
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_STALE,
          store_rules_replace(txn, &own, rules, 1, CONDITION(COND_VERSION, 2), &err));
    OK(store_rules_replace(txn, &own, rules, 1, CONDITION(COND_VERSION, 1), &err));
    OK(store_rules_replace(txn, &account, rules, 1, CONDITION(COND_VERSION, 2), &err));
    commit(txn);
    assert_int_equal(list_version(suite, own), 3);
    assert_int_equal(list_version(suite, account), 3);
    rules[0].account = "1001";
    rules[0].id = "";
    struct rule more = a_rule("deny 0180");
    more.account = "1001";
    add_rule(suite, "acme", &more); /* 4: changes the account's list, not the tenant's own */
    txn = begin_write(suite);
    OK(store_rules_replace(txn, &own, rules, 2, CONDITION(COND_VERSION, 3), &err));
    FAILS(suite, ERR_STALE,
          store_rules_replace(txn, &account, rules, 2, CONDITION(COND_VERSION, 3), &err));
    OK(store_rules_replace(txn, &account, rules, 2, CONDITION(COND_EXISTS, 0), &err));
    commit(txn);
}

static void a_bad_list_is_refused_as_a_whole(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rules[] = {a_rule("deny 010"), a_rule("deny 0990"), a_rule("allow 010")};
    struct rule_filter own = own_of("acme"), all = all_of("acme"), beta = own_of("beta");
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_EXISTS, store_rules_replace(txn, &own, rules, 3, NULL, &err));
    assert_string_equal(suite->err.field, "/rules/2");
    rules[1].divert_to = "voicemail";
    FAILS(suite, ERR_INVALID, store_rules_replace(txn, &own, rules, 2, NULL, &err));
    assert_string_equal(suite->err.field, "/rules/1/divert_to");
    rules[1] = a_rule("deny 0990");
    rules[1].is_locked = true;
    FAILS(suite, ERR_INVALID, store_rules_replace(txn, &own, rules, 2, NULL, &err));
    assert_string_equal(suite->err.field, "/rules/1/locked");
    FAILS(suite, ERR_INVALID, store_rules_replace(txn, &all, rules, 1, NULL, &err));
    FAILS(suite, ERR_NOT_FOUND, store_rules_replace(txn, &beta, rules, 1, NULL, &err));
    assert_int_equal(commit(txn), 0);
    assert_string_equal(rules_text(suite, "acme"), "");
}

static void overlapping_dates_in_a_list_are_refused(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rules[] = {a_rule("allow 010"), a_rule("deny 0990"), a_rule("deny 010"),
                           a_rule("divert 010")};
    struct rule_filter own = own_of("acme");
    rules[0].starts_at_ms = monday_ms + day_ms; /* open at its end */
    rules[2].starts_at_ms = monday_ms;
    rules[2].expires_at_ms = monday_ms + day_ms;
    rules[3].starts_at_ms = monday_ms + 9 * day_ms;
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_EXISTS, store_rules_replace(txn, &own, rules, 4, NULL, &err));
    assert_string_equal(suite->err.field, "/rules/3");
    OK(store_rules_replace(txn, &own, rules, 3, NULL, &err));
    commit(txn);
}

static void the_limit_counts_all_scopes(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule of_account = a_rule("deny 010");
    unsigned count;
    struct rule *rules = calloc(RULES_PER_TENANT_MAX + 1, sizeof *rules);
    assert_non_null(rules);
    for (unsigned i = 0; i <= RULES_PER_TENANT_MAX; i++) {
        char text[40];
        snprintf(text, sizeof text, "deny 09%07u", i);
        rules[i] = a_rule(text);
    }
    of_account.account = "1001";
    add_rule(suite, "acme", &of_account);
    struct rule_filter own = own_of("acme");
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_LIMIT,
          store_rules_replace(txn, &own, rules, RULES_PER_TENANT_MAX + 1, NULL, &err));
    FAILS(suite, ERR_LIMIT,
          store_rules_replace(txn, &own, rules, RULES_PER_TENANT_MAX, NULL, &err));
    OK(store_rules_replace(txn, &own, rules, RULES_PER_TENANT_MAX - 1, NULL, &err));
    OK(store_rules_replace(txn, &own, rules + 1, RULES_PER_TENANT_MAX - 1, NULL, &err));
    commit(txn);
    get_list(suite, own, &count);
    assert_int_equal(count, RULES_PER_TENANT_MAX - 1);
    free(rules);
}

static void one_audit_record_holds_what_differs(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule first[] = {a_rule("deny 010"), a_rule("allow 0101"), a_rule("deny 0990")};
    struct rule second[] = {a_rule("deny 010"), a_rule("allow 0990")};
    char expected[512];
    unsigned count;
    replace(suite, account_of("acme", "1001"), first, 3);
    struct rule *list = get_list(suite, account_of("acme", "1001"), &count);
    unsigned records = audit_count(suite);
    replace(suite, account_of("acme", "1001"), second, 2);
    assert_int_equal(audit_count(suite), records + 1);
    struct audit_record record = last_audit(suite);
    assert_string_equal(record.action, "rules.replace");
    assert_string_equal(record.tenant, "acme");
    assert_string_equal(record.object, "1001");
    snprintf(expected, sizeof expected,
             "[{\"id\":\"%s\",\"account\":\"1001\",\"target\":\"0101\",\"action\":\"allow\","
             "\"source\":\"customer\"},{\"id\":\"%s\",\"account\":\"1001\",\"target\":\"0990\","
             "\"action\":\"deny\",\"source\":\"customer\"}]",
             list[1].id, list[2].id);
    assert_string_equal(record.before, expected);
    snprintf(expected, sizeof expected,
             "[{\"id\":\"%s\",\"account\":\"1001\",\"target\":\"0990\",\"action\":\"allow\","
             "\"source\":\"customer\"}]",
             list[2].id);
    assert_string_equal(record.after, expected);
}

static void the_platforms_list_with_its_locks(void **state)
{
    struct suite *suite = *state;
    struct rule rules[] = {a_rule("deny 0101876"), a_rule("deny 0101876"), a_rule("allow 0102")};
    rules[1].is_locked = true;
    replace(suite, own_of(""), rules, 3);
    replace(suite, own_of(""), rules + 1, 1);
    assert_string_equal(rules_text(suite, ""), "deny 0101876");
    unsigned count;
    assert_true(get_list(suite, own_of(""), &count)[0].is_locked);
}

static void a_list_among_other_tenants(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rule = a_rule("deny 010");
    put_tenant(suite, "acme2", NULL);
    put_tenant(suite, "acm", NULL);
    replace(suite, (struct rule_filter){.tenant = acme, .which = RULES_TENANT_SCOPE}, &rule, 1);
    replace(suite, own_of("acme"), NULL, 0);
    assert_string_equal(rules_text(suite, "acme2"), "deny 010");
    assert_string_equal(rules_text(suite, "acm"), "deny 010");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_list_is_what_was_given),
        STORE_TEST(what_stays_keeps_id_version_and_creation),
        STORE_TEST(the_same_list_again_changes_nothing),
        STORE_TEST(a_rule_that_names_its_id_is_moved),
        STORE_TEST(dates_can_be_swapped),
        STORE_TEST(an_unknown_or_repeated_id_is_a_new_rule),
        STORE_TEST(the_condition_is_on_the_lists_version),
        STORE_TEST(a_bad_list_is_refused_as_a_whole),
        STORE_TEST(overlapping_dates_in_a_list_are_refused),
        STORE_TEST(the_limit_counts_all_scopes),
        STORE_TEST(one_audit_record_holds_what_differs),
        STORE_TEST(the_platforms_list_with_its_locks),
        STORE_TEST(a_list_among_other_tenants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
