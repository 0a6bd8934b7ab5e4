/* Rules one at a time: creation, collisions, dates, limits, conditions, versions, lists. */
#include "suite.h"

static const struct slice acme = {"acme", 4};
static const int64_t day_ms = INT64_C(86400000);
static const int64_t monday_ms = INT64_C(1795996800000);

/* *state as cmocka gives it, with tenant acme (no rules) and its accounts 1001 and 1002. */
static struct suite *with_acme(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", "open");
    put_account(suite, "acme", "1001");
    put_account(suite, "acme", "1002");
    return suite;
}

static int try_create(struct suite *suite, const char *tenant, struct rule rule)
{
    char id[RULE_ID_BYTES];
    suite->err = (struct err){0};
    struct txn *txn = begin_write(suite);
    int rc = store_rule_create(txn, slice_of(tenant), &rule, id, &suite->err);
    if (rc == 0)
        commit(txn);
    else
        store_rollback(txn);
    return rc;
}

static struct rule on_account(struct rule rule, const char *account)
{
    rule.account = account;
    return rule;
}

static struct rule dated(struct rule rule, int64_t starts_at_ms, int64_t expires_at_ms)
{
    rule.starts_at_ms = starts_at_ms;
    rule.expires_at_ms = expires_at_ms;
    return rule;
}

static struct rule exact(struct rule rule)
{
    rule.is_exact = true;
    return rule;
}

static struct rule locked(struct rule rule)
{
    rule.is_locked = true;
    return rule;
}

/* --- creation --------------------------------------------------------------------------------- */

static void a_rule_comes_back_as_it_was_written(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rule = dated(a_rule("divert country:US"), monday_ms, monday_ms + day_ms);
    rule.id = "ignored";
    rule.account = "1001";
    rule.note = "until Friday, \"sales\" ☎";
    rule.source = "campaign:2026-11";
    struct rule stored = get_rule(suite, "acme", add_rule(suite, "acme", &rule));
    assert_int_equal(strlen(stored.id), 26);
    assert_string_equal(stored.account, "1001");
    assert_int_equal(stored.target.type, TARGET_COUNTRY);
    assert_string_equal(stored.target.text, "country:US");
    assert_int_equal(stored.action, ACTION_DIVERT);
    assert_false(stored.is_exact);
    assert_false(stored.is_locked);
    assert_string_equal(stored.divert_to, "voicemail");
    assert_string_equal(stored.note, rule.note);
    assert_string_equal(stored.source, "campaign:2026-11");
    assert_true(stored.starts_at_ms == monday_ms);
    assert_true(stored.expires_at_ms == monday_ms + day_ms);
    assert_true(stored.created_at_ms > INT64_C(1600000000000));
    assert_true(stored.updated_at_ms == stored.created_at_ms);
    assert_int_equal(stored.version, 4);
    assert_int_equal(revision(suite, "acme"), 4);
}

static void targets_keep_their_kind(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule group = a_rule("deny group:high-risk"), prefix = exact(a_rule("allow 0312345678"));
    assert_int_equal(get_rule(suite, "acme", add_rule(suite, "acme", &group)).target.type,
                     TARGET_GROUP);
    struct rule stored = get_rule(suite, "acme", add_rule(suite, "acme", &prefix));
    assert_int_equal(stored.target.type, TARGET_PREFIX);
    assert_true(stored.is_exact);
}

static void ids_are_in_order_of_creation(void **state)
{
    struct suite *suite = with_acme(state);
    char before[RULE_ID_BYTES] = "", id[RULE_ID_BYTES], text[40];
    struct txn *txn = begin_write(suite);
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "deny 09%03d", i);
        struct rule rule = a_rule(text);
        OK(store_rule_create(txn, acme, &rule, id, &err));
        assert_true(strcmp(before, id) < 0);
        memcpy(before, id, sizeof id);
    }
    commit(txn);
}

static void the_owner_must_exist(void **state)
{
    struct suite *suite = with_acme(state);
    assert_int_equal(try_create(suite, "beta", a_rule("deny 010")), ERR_NOT_FOUND);
    assert_int_equal(try_create(suite, "acme", on_account(a_rule("deny 010"), "9")), ERR_NOT_FOUND);
    assert_int_equal(try_create(suite, "not a slug", a_rule("deny 010")), ERR_NOT_FOUND);
    assert_int_equal(revision(suite, "acme"), 3);
}

static void what_does_not_fit_the_owner_is_refused(void **state)
{
    struct suite *suite = with_acme(state);
    assert_int_equal(try_create(suite, "acme", locked(a_rule("deny 010"))), ERR_INVALID);
    assert_string_equal(suite->err.field, "/locked");
    assert_int_not_equal(try_create(suite, "", on_account(a_rule("deny 010"), "1001")), 0);
    struct rule rule = a_rule("deny 010");
    rule.divert_to = "voicemail"; /* what rule_check() refuses */
    assert_int_equal(try_create(suite, "acme", rule), ERR_INVALID);
    assert_string_equal(suite->err.field, "/divert_to");
    rule = a_rule("deny 010");
    rule.target.text[0] = '\0';
    assert_int_equal(try_create(suite, "acme", rule), ERR_INVALID);
}

static void the_platform_has_rules_and_locks(void **state)
{
    struct suite *suite = *state;
    uint64_t before = revision(suite, "");
    struct rule rule = a_rule("deny 0101876"), lock = locked(a_rule("deny 0101876"));
    add_rule(suite, "", &rule);
    const char *id = add_rule(suite, "", &lock); /* a scope of its own: no collision */
    assert_true(get_rule(suite, "", id).is_locked);
    assert_int_equal(get_rule(suite, "", id).version, before + 2);
    assert_int_equal(revision(suite, ""), before + 2);
    assert_int_equal(list_version(suite, own_of("")), before + 2);
    assert_int_equal(list_version(suite, all_of("")), before + 2);
    assert_string_equal(rules_text(suite, ""), "deny 0101876, deny 0101876");
    assert_int_equal(try_create(suite, "", lock), ERR_EXISTS);
}

/* --- collisions ------------------------------------------------------------------------------- */

static void the_same_undated_rule_twice_is_refused(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rule = a_rule("deny 010");
    const char *id = add_rule(suite, "acme", &rule);
    assert_int_equal(try_create(suite, "acme", a_rule("allow 010")), ERR_EXISTS);
    assert_non_null(strstr(suite->err.text, id)); /* whoever reads it can find the other */
    assert_int_equal(try_create(suite, "acme", exact(a_rule("deny 010"))), 0);
    assert_int_equal(try_create(suite, "acme", a_rule("deny 0101")), 0);
    assert_int_equal(try_create(suite, "acme", on_account(a_rule("deny 010"), "1001")), 0);
    assert_int_equal(try_create(suite, "acme", on_account(a_rule("deny 010"), "1002")), 0);
    assert_int_equal(try_create(suite, "acme", on_account(a_rule("deny 010"), "1002")), ERR_EXISTS);
}

static void dated_rules_stand_beside_an_undated_one(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule undated = a_rule("deny 010"), allow = a_rule("allow 010");
    int64_t friday_ms = monday_ms + 4 * day_ms;
    add_rule(suite, "acme", &undated);
    assert_int_equal(try_create(suite, "acme", dated(allow, monday_ms, friday_ms)), 0);
    assert_int_equal(try_create(suite, "acme", dated(allow, friday_ms, friday_ms + day_ms)), 0);
    assert_int_equal(try_create(suite, "acme", dated(allow, friday_ms - 1, friday_ms)), ERR_EXISTS);
    assert_int_equal(try_create(suite, "acme", dated(allow, monday_ms, friday_ms)), ERR_EXISTS);
    assert_int_equal(try_create(suite, "acme", dated(allow, 0, monday_ms + 1)), ERR_EXISTS);
    assert_int_equal(try_create(suite, "acme", dated(allow, 0, monday_ms)), 0);
    assert_int_equal(try_create(suite, "acme", dated(allow, friday_ms, 0)), ERR_EXISTS);
    assert_int_equal(try_create(suite, "acme", dated(allow, friday_ms + day_ms, 0)), 0);
    assert_int_equal(try_create(suite, "acme", undated), ERR_EXISTS);
}

static void an_update_may_not_collide_but_may_keep_its_place(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule first = a_rule("deny 010"), second = a_rule("deny 0990");
    const char *id = add_rule(suite, "acme", &first);
    const char *other = add_rule(suite, "acme", &second);
    struct txn *txn = begin_write(suite);
    second.id = other;
    second.target = first.target;
    FAILS(suite, ERR_EXISTS, store_rule_update(txn, acme, &second, NULL, &err));
    first.id = id;
    first.note = "changed";
    OK(store_rule_update(txn, acme, &first, NULL, &err));
    commit(txn);
    assert_string_equal(get_rule(suite, "acme", id).note, "changed");
    assert_string_equal(get_rule(suite, "acme", other).target.text, "0990");
}

/* --- update and delete ------------------------------------------------------------------------ */

static void an_update_replaces_all_but_identity(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rule = on_account(a_rule("deny 010"), "1001");
    const char *id = add_rule(suite, "acme", &rule);
    struct rule before = get_rule(suite, "acme", id);
    struct rule changed = exact(dated(a_rule("divert 0990123456"), monday_ms, 0));
    changed.id = id;
    changed.account = "1002"; /* is not looked at */
    changed.note = "n";
    changed.source = "operator";
    changed.created_at_ms = 1;
    struct txn *txn = begin_write(suite);
    OK(store_rule_update(txn, acme, &changed, CONDITION(COND_VERSION, before.version), &err));
    commit(txn);
    struct rule after = get_rule(suite, "acme", id);
    assert_string_equal(after.account, "1001");
    assert_true(after.created_at_ms == before.created_at_ms);
    assert_true(after.updated_at_ms >= before.updated_at_ms);
    assert_string_equal(after.target.text, "0990123456");
    assert_int_equal(after.action, ACTION_DIVERT);
    assert_string_equal(after.divert_to, "voicemail");
    assert_true(after.is_exact);
    assert_true(after.starts_at_ms == monday_ms);
    assert_string_equal(after.note, "n");
    assert_string_equal(after.source, "operator");
    assert_int_equal(after.version, before.version + 1);
}

static void an_update_that_says_the_same_changes_nothing(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rule = a_rule("deny 010");
    const char *id = add_rule(suite, "acme", &rule);
    unsigned records = audit_count(suite);
    struct txn *txn = begin_write(suite);
    rule.id = id;
    OK(store_rule_update(txn, acme, &rule, NULL, &err));
    assert_int_equal(commit(txn), 0);
    assert_int_equal(get_rule(suite, "acme", id).version, 4);
    assert_int_equal(audit_count(suite), records);
}

static void conditions_of_update_and_delete(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rule = a_rule("deny 010");
    const char *text = add_rule(suite, "acme", &rule);
    struct slice id = slice_of(text);
    struct txn *txn = begin_write(suite);
    rule.id = text;
    rule.note = "x";
    FAILS(suite, ERR_STALE, store_rule_update(txn, acme, &rule, CONDITION(COND_VERSION, 3), &err));
    FAILS(suite, ERR_EXISTS, store_rule_update(txn, acme, &rule, CONDITION(COND_ABSENT, 0), &err));
    OK(store_rule_update(txn, acme, &rule, CONDITION(COND_EXISTS, 0), &err));
    commit(txn);
    txn = begin_write(suite);
    FAILS(suite, ERR_STALE, store_rule_delete(txn, acme, id, CONDITION(COND_VERSION, 4), &err));
    OK(store_rule_delete(txn, acme, id, CONDITION(COND_VERSION, 5), &err));
    FAILS(suite, ERR_NOT_FOUND, store_rule_delete(txn, acme, id, NULL, &err));
    FAILS(suite, ERR_NOT_FOUND, store_rule_update(txn, acme, &rule, NULL, &err));
    FAILS(suite, ERR_NOT_FOUND,
          store_rule_get(txn, acme, id, &suite->arena, &(struct rule){0}, &err));
    commit(txn);
    assert_string_equal(rules_text(suite, "acme"), "");
    assert_int_equal(list_version(suite, own_of("acme")), 6);
}

static void a_rule_of_another_tenant_is_not_found(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rule = a_rule("deny 010"), got;
    struct slice beta = SLICE_LIT("beta"), id;
    put_tenant(suite, "beta", "open");
    rule.id = add_rule(suite, "acme", &rule);
    rule.note = "x";
    id = slice_of(rule.id);
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_NOT_FOUND, store_rule_get(txn, beta, id, &suite->arena, &got, &err));
    FAILS(suite, ERR_NOT_FOUND, store_rule_update(txn, beta, &rule, NULL, &err));
    FAILS(suite, ERR_NOT_FOUND, store_rule_delete(txn, beta, id, NULL, &err));
    FAILS(suite, ERR_NOT_FOUND, store_rule_delete(txn, SLICE_NONE, id, NULL, &err));
    FAILS(suite, ERR_NOT_FOUND, store_rule_get(txn, acme, SLICE_LIT("\xff"), &suite->arena, &got,
                                               &err));
    commit(txn);
    assert_string_equal(rules_text(suite, "acme"), "deny 010");
    assert_int_equal(revision(suite, "beta"), 1);
}

static void changes_are_audited_with_before_and_after(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rule = locked(exact(dated(a_rule("divert 0990"), monday_ms, monday_ms + 1500)));
    char expected[512];
    rule.note = "a \"quoted\" note";
    const char *id = add_rule(suite, "", &rule);
    struct audit_record record = last_audit(suite);
    assert_string_equal(record.action, "rule.create");
    assert_string_equal(record.tenant, "");
    assert_string_equal(record.object, id);
    snprintf(expected, sizeof expected,
             "{\"id\":\"%s\",\"target\":\"0990\",\"match\":\"exact\",\"action\":\"divert\","
             "\"locked\":true,\"divert_to\":\"voicemail\",\"note\":\"a \\\"quoted\\\" note\","
             "\"source\":\"customer\",\"starts_at\":\"2026-11-30T00:00:00Z\","
             "\"expires_at\":\"2026-11-30T00:00:01.500Z\"}",
             id);
    assert_string_equal(record.after, expected);
    struct rule plain = on_account(a_rule("deny 010"), "1001");
    plain.id = add_rule(suite, "acme", &plain);
    plain.action = ACTION_ALLOW;
    struct txn *txn = begin_write(suite);
    OK(store_rule_update(txn, acme, &plain, NULL, &err));
    commit(txn);
    record = last_audit(suite);
    assert_string_equal(record.action, "rule.update");
    assert_string_equal(record.tenant, "acme");
    snprintf(expected, sizeof expected,
             "{\"id\":\"%s\",\"account\":\"1001\",\"target\":\"010\",\"action\":\"deny\","
             "\"source\":\"customer\"}",
             plain.id);
    assert_string_equal(record.before, expected);
    assert_non_null(strstr(record.after, "\"allow\""));
    txn = begin_write(suite);
    OK(store_rule_delete(txn, acme, slice_of(plain.id), NULL, &err));
    commit(txn);
    assert_string_equal(last_audit(suite).action, "rule.delete");
    assert_string_equal(last_audit(suite).before, record.after);
    assert_string_equal(last_audit(suite).after, "");
}

/* --- lists and versions ----------------------------------------------------------------------- */

static void lists_by_scope_and_page(void **state)
{
    struct suite *suite = with_acme(state);
    static const char *const texts[] = {"deny 091", "deny 092", "deny 093", "deny 094", "deny 095"};
    struct page page = {SLICE_NONE, 2};
    struct rule *rules;
    unsigned count = 2, seen = 0;
    for (size_t i = 0; i < 5; i++) {
        struct rule rule = on_account(a_rule(texts[i]), i % 2 ? "1001" : "");
        add_rule(suite, "acme", &rule);
    }
    struct txn *txn = begin_read(suite);
    assert_string_equal(list_text(suite, txn, all_of("acme")),
                        "deny 091, deny 092@1001, deny 093, deny 094@1001, deny 095");
    assert_string_equal(list_text(suite, txn, own_of("acme")), "deny 091, deny 093, deny 095");
    assert_string_equal(list_text(suite, txn, account_of("acme", "1001")),
                        "deny 092@1001, deny 094@1001");
    assert_string_equal(list_text(suite, txn, account_of("acme", "1002")), "");
    struct rule_filter filters[] = {all_of("acme"), own_of("acme"), account_of("acme", "1001")};
    for (size_t i = 0; i < 3; i++)
        for (page.after = SLICE_NONE, count = 2; count == 2;) {
            OK(store_rule_list(txn, &filters[i], page, &suite->arena, &rules, &count, &err));
            seen += count;
            if (count)
                page.after = slice_of(rules[count - 1].id);
        }
    assert_int_equal(seen, 5 + 3 + 2);
    struct rule_filter nobody = own_of("beta"), no_account = account_of("acme", "9");
    struct arena *arena = &suite->arena;
    FAILS(suite, ERR_NOT_FOUND, store_rule_list(txn, &nobody, page, arena, &rules, &count, &err));
    FAILS(suite, ERR_NOT_FOUND,
          store_rule_list(txn, &no_account, page, arena, &rules, &count, &err));
    no_account.account = SLICE_NONE;
    FAILS(suite, ERR_NOT_FOUND,
          store_rule_list(txn, &no_account, page, arena, &rules, &count, &err));
    store_rollback(txn);
}

static void each_list_has_a_version_of_its_own(void **state)
{
    struct suite *suite = with_acme(state);
    struct rule rule = a_rule("deny 010");
    assert_int_equal(list_version(suite, own_of("acme")), 1);
    assert_int_equal(list_version(suite, account_of("acme", "1001")), 2);
    assert_int_equal(list_version(suite, account_of("acme", "1002")), 3);
    assert_int_equal(list_version(suite, all_of("acme")), 1);
    const char *id = add_rule(suite, "acme", &rule); /* 4 */
    rule.account = "1001";
    add_rule(suite, "acme", &rule); /* 5 */
    assert_int_equal(list_version(suite, own_of("acme")), 4);
    assert_int_equal(list_version(suite, account_of("acme", "1001")), 5);
    assert_int_equal(list_version(suite, account_of("acme", "1002")), 3);
    assert_int_equal(list_version(suite, all_of("acme")), 5);
    struct txn *txn = begin_write(suite);
    OK(store_rule_delete(txn, acme, slice_of(id), NULL, &err)); /* 6: deletions too */
    uint64_t version = 0;
    struct rule_filter own = own_of("acme");
    OK(store_rules_version(txn, &own, &version, &err));
    assert_int_equal(version, 6); /* a write transaction sees what it will have done */
    commit(txn);
    assert_int_equal(list_version(suite, own_of("acme")), 6);
    assert_int_equal(list_version(suite, account_of("acme", "1001")), 5);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void add_many(struct suite *suite, const char *account, unsigned first, unsigned count)
{
    struct txn *txn = begin_write(suite);
    char id[RULE_ID_BYTES], text[40];
    for (unsigned i = first; i < first + count; i++) {
        snprintf(text, sizeof text, "deny 09%07u", i);
        struct rule rule = on_account(a_rule(text), account);
        OK(store_rule_create(txn, acme, &rule, id, &err));
    }
    commit(txn);
}

static void ten_thousand_rules_are_the_limit_of_a_tenant(void **state)
{
    struct suite *suite = with_acme(state);
    struct account account = an_account("acme", "1003");
    add_many(suite, "", 0, RULES_PER_TENANT_MAX - 1000);
    add_many(suite, "1001", 0, 1000);
    assert_int_equal(try_create(suite, "acme", a_rule("deny 010")), ERR_LIMIT);
    assert_int_equal(try_create(suite, "acme", on_account(a_rule("deny 010"), "1002")), ERR_LIMIT);
    account.profile = "standard";
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_LIMIT, store_account_put(txn, &account, NULL, NULL, &err));
    struct rule *rules;
    unsigned count;
    struct rule_filter own = own_of("acme");
    struct page first = {SLICE_NONE, 1};
    OK(store_rule_list(txn, &own, first, &suite->arena, &rules, &count, &err));
    OK(store_rule_delete(txn, acme, slice_of(rules[0].id), NULL, &err));
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    commit(txn);
    assert_int_equal(try_create(suite, "acme", a_rule("deny 010")), ERR_LIMIT);
    txn = begin_write(suite);
    OK(store_account_delete(txn, acme, SLICE_LIT("1001"), NULL, &err));
    commit(txn);
    assert_int_equal(try_create(suite, "acme", a_rule("deny 010")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_rule_comes_back_as_it_was_written),
        STORE_TEST(targets_keep_their_kind),
        STORE_TEST(ids_are_in_order_of_creation),
        STORE_TEST(the_owner_must_exist),
        STORE_TEST(what_does_not_fit_the_owner_is_refused),
        STORE_TEST(the_platform_has_rules_and_locks),
        STORE_TEST(the_same_undated_rule_twice_is_refused),
        STORE_TEST(dated_rules_stand_beside_an_undated_one),
        STORE_TEST(an_update_may_not_collide_but_may_keep_its_place),
        STORE_TEST(an_update_replaces_all_but_identity),
        STORE_TEST(an_update_that_says_the_same_changes_nothing),
        STORE_TEST(conditions_of_update_and_delete),
        STORE_TEST(a_rule_of_another_tenant_is_not_found),
        STORE_TEST(changes_are_audited_with_before_and_after),
        STORE_TEST(lists_by_scope_and_page),
        STORE_TEST(each_list_has_a_version_of_its_own),
        STORE_TEST(ten_thousand_rules_are_the_limit_of_a_tenant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
