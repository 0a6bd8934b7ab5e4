/* Accounts: upsert, profiles, deletion with their rules, lists. */
#include "suite.h"

static const struct slice acme = {"acme", 4};

static struct account get_account(struct suite *suite, const char *id)
{
    struct account account = {0};
    struct txn *txn = begin_read(suite);
    OK(store_account_get(txn, acme, slice_of(id), &suite->arena, &account, &err));
    store_rollback(txn);
    return account;
}

static void a_new_account_has_no_rules(void **state)
{
    struct suite *suite = *state;
    struct account account = an_account("acme", "1001");
    bool created = false;
    put_tenant(suite, "acme", NULL);
    struct txn *txn = begin_write(suite);
    OK(store_account_put(txn, &account, NULL, &created, &err));
    commit(txn);
    assert_true(created);
    struct account stored = get_account(suite, "1001");
    assert_string_equal(stored.tenant, "acme");
    assert_string_equal(stored.id, "1001");
    assert_string_equal(stored.display_name, "Desk");
    assert_string_equal(stored.profile, "");
    assert_int_equal(stored.version, 2);
    assert_true(stored.created_at_ms > INT64_C(1600000000000));
    assert_int_equal(revision(suite, "acme"), 2);
    assert_string_equal(rules_text(suite, "acme"), "deny 010");
    assert_int_equal(list_version(suite, own_of("acme")), 1);
}

static void a_profile_is_copied_to_the_accounts_scope(void **state)
{
    struct suite *suite = *state;
    struct account account = an_account("acme", "1001");
    put_tenant(suite, "acme", "open");
    account.profile = "standard";
    struct txn *txn = begin_write(suite);
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    commit(txn);
    assert_string_equal(rules_text(suite, "acme"), "deny 010@1001");
    assert_string_equal(get_account(suite, "1001").profile, "standard");
    assert_int_equal(list_version(suite, account_of("acme", "1001")), 2);
    assert_int_equal(list_version(suite, all_of("acme")), 2);
    assert_int_equal(list_version(suite, own_of("acme")), 1);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct suite *suite = *state;
    struct account account = an_account("acme", "1001"), *list;
    struct arena *arena = &suite->arena;
    unsigned count;
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_NOT_FOUND, store_account_put(txn, &account, NULL, NULL, &err));
    FAILS(suite, ERR_NOT_FOUND,
          store_account_list(txn, acme, ALL_ROWS, arena, &list, &count, &err));
    account.tenant = ""; /* the platform has none */
    FAILS(suite, ERR_NOT_FOUND, store_account_put(txn, &account, NULL, NULL, &err));
    FAILS(suite, ERR_NOT_FOUND,
          store_account_list(txn, SLICE_NONE, ALL_ROWS, arena, &list, &count, &err));
    store_rollback(txn);
    put_tenant(suite, "acme", NULL);
    txn = begin_write(suite);
    account = an_account("acme", "1001");
    account.profile = "nosuch";
    FAILS(suite, ERR_NOT_FOUND, store_account_put(txn, &account, NULL, NULL, &err));
    assert_string_equal(suite->err.field, "/profile");
    FAILS(suite, ERR_NOT_FOUND, store_account_get(txn, acme, SLICE_LIT("1001"), arena, list, &err));
    FAILS(suite, ERR_NOT_FOUND, store_account_delete(txn, acme, SLICE_LIT("1001"), NULL, &err));
    assert_int_equal(commit(txn), 0);
    assert_int_equal(revision(suite, "acme"), 1);
}

static void ids_are_checked(void **state)
{
    struct suite *suite = *state;
    static const char *const bad_ids[] = {"", "-a", "a b", "a/b", "１００１"};
    struct account account = an_account("acme", "");
    put_tenant(suite, "acme", NULL);
    struct txn *txn = begin_write(suite);
    for (size_t i = 0; i < sizeof bad_ids / sizeof *bad_ids; i++) {
        account.id = bad_ids[i];
        FAILS(suite, ERR_INVALID, store_account_put(txn, &account, NULL, NULL, &err));
        assert_string_equal(suite->err.field, "/id");
    }
    account.id = "Desk.1_a-B";
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    commit(txn);
}

static void conditions_and_updates(void **state)
{
    struct suite *suite = *state;
    struct account account = an_account("acme", "1001");
    put_tenant(suite, "acme", NULL);
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_STALE,
          store_account_put(txn, &account, CONDITION(COND_EXISTS, 0), NULL, &err));
    OK(store_account_put(txn, &account, CONDITION(COND_ABSENT, 0), NULL, &err));
    FAILS(suite, ERR_EXISTS,
          store_account_put(txn, &account, CONDITION(COND_ABSENT, 0), NULL, &err));
    commit(txn);
    txn = begin_write(suite);
    bool created = true;
    OK(store_account_put(txn, &account, NULL, &created, &err)); /* says the same */
    assert_false(created);
    assert_int_equal(commit(txn), 0);
    txn = begin_write(suite);
    account.display_name = "Lobby";
    account.profile = "open";
    FAILS(suite, ERR_EXISTS, store_account_put(txn, &account, NULL, NULL, &err));
    assert_string_equal(suite->err.field, "/profile");
    account.profile = "";
    FAILS(suite, ERR_STALE,
          store_account_put(txn, &account, CONDITION(COND_VERSION, 1), NULL, &err));
    OK(store_account_put(txn, &account, CONDITION(COND_VERSION, 2), NULL, &err));
    commit(txn);
    assert_string_equal(get_account(suite, "1001").display_name, "Lobby");
    assert_int_equal(get_account(suite, "1001").version, 3);
    struct audit_record record = last_audit(suite);
    assert_string_equal(record.action, "account.update");
    assert_string_equal(record.object, "1001");
    assert_string_equal(record.tenant, "acme");
    assert_string_equal(record.before, "{\"id\":\"1001\",\"display_name\":\"Desk\"}");
    assert_string_equal(record.after, "{\"id\":\"1001\",\"display_name\":\"Lobby\"}");
}

static void deleting_takes_the_accounts_rules(void **state)
{
    struct suite *suite = *state;
    struct rule rule = a_rule("deny 0990");
    struct slice id = SLICE_LIT("1001");
    put_tenant(suite, "acme", NULL);
    put_account(suite, "acme", "1001");
    put_account(suite, "acme", "1002");
    rule.account = "1001";
    add_rule(suite, "acme", &rule);
    rule.account = "1002";
    add_rule(suite, "acme", &rule);
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_STALE, store_account_delete(txn, acme, id, CONDITION(COND_VERSION, 9), &err));
    OK(store_account_delete(txn, acme, id, CONDITION(COND_VERSION, 2), &err));
    commit(txn);
    assert_string_equal(rules_text(suite, "acme"), "deny 010, deny 0990@1002");
    assert_int_equal(revision(suite, "acme"), 6);
    assert_int_equal(list_version(suite, all_of("acme")), 6);
    assert_string_equal(last_audit(suite).action, "account.delete");
    txn = begin_read(suite);
    struct rule_filter filter = account_of("acme", "1001");
    uint64_t version;
    FAILS(suite, ERR_NOT_FOUND, store_rules_version(txn, &filter, &version, &err));
    store_rollback(txn);
}

static void an_account_made_again_has_another_version(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", NULL);
    put_account(suite, "acme", "1001");
    struct txn *txn = begin_write(suite);
    OK(store_account_delete(txn, acme, SLICE_LIT("1001"), NULL, &err));
    commit(txn);
    put_account(suite, "acme", "1001");
    assert_int_equal(get_account(suite, "1001").version, 4);
    assert_int_equal(list_version(suite, account_of("acme", "1001")), 4);
}

static void tenants_have_accounts_of_their_own(void **state)
{
    struct suite *suite = *state;
    struct account *list;
    unsigned count;
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    put_account(suite, "acme", "1001");
    put_account(suite, "beta", "1001");
    put_account(suite, "beta", "1002");
    delete_tenant(suite, "beta");
    struct txn *txn = begin_read(suite);
    OK(store_account_list(txn, acme, ALL_ROWS, &suite->arena, &list, &count, &err));
    assert_int_equal(count, 1);
    store_rollback(txn);
    assert_int_equal(revision(suite, "acme"), 2);
}

static void lists_are_in_byte_order_page_by_page(void **state)
{
    struct suite *suite = *state;
    static const char *const ids[] = {"a", "B", "_x", "b", "A", "a.b", "a-b", "10", "9", "ab"};
    static const char *const sorted[] = {"10", "9", "A", "B", "a", "a-b", "a.b", "ab", "b"};
    struct page page = {SLICE_NONE, 4};
    struct account *list;
    unsigned count = 4, at = 0;
    put_tenant(suite, "acme", NULL);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (account_id_is_valid(slice_of(ids[i])))
            put_account(suite, "acme", ids[i]);
    struct txn *txn = begin_read(suite);
    while (count == 4) {
        OK(store_account_list(txn, acme, page, &suite->arena, &list, &count, &err));
        for (unsigned i = 0; i < count; i++)
            assert_string_equal(list[i].id, sorted[at++]);
        if (count)
            page.after = slice_of(list[count - 1].id);
    }
    store_rollback(txn);
    assert_int_equal(at, sizeof sorted / sizeof *sorted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_new_account_has_no_rules),
        STORE_TEST(a_profile_is_copied_to_the_accounts_scope),
        STORE_TEST(what_is_not_there_is_not_found),
        STORE_TEST(ids_are_checked),
        STORE_TEST(conditions_and_updates),
        STORE_TEST(deleting_takes_the_accounts_rules),
        STORE_TEST(an_account_made_again_has_another_version),
        STORE_TEST(tenants_have_accounts_of_their_own),
        STORE_TEST(lists_are_in_byte_order_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
