/* Tenants and contacts: upsert, conditions, profiles at creation, deletion, lists. */
#include "suite.h"

static void a_new_tenant_gets_the_default_profile(void **state)
{
    struct suite *suite = *state;
    struct txn *txn = begin_write(suite);
    struct tenant tenant = a_tenant("acme", NULL);
    bool created = false;
    OK(store_tenant_put(txn, &tenant, NULL, &created, &err));
    commit(txn);
    assert_true(created);
    struct tenant stored = get_tenant(suite, "acme");
    assert_string_equal(stored.id, "acme");
    assert_string_equal(stored.name, "Acme K.K.");
    assert_string_equal(stored.profile, "standard");
    assert_string_equal(stored.locale, "ja");
    assert_string_equal(stored.time_zone, "Asia/Tokyo");
    assert_int_equal(stored.status, TENANT_ACTIVE);
    assert_int_equal(stored.version, 1);
    assert_int_equal(stored.revision, 1);
    assert_true(stored.created_at_ms > INT64_C(1600000000000));
    assert_true(stored.updated_at_ms == stored.created_at_ms);
    assert_string_equal(rules_text(suite, "acme"), "deny 010");
}

static void the_profiles_rules_are_onboarding_rules(void **state)
{
    struct suite *suite = *state;
    struct rule *rules;
    unsigned count;
    put_tenant(suite, "acme", "standard");
    struct txn *txn = begin_read(suite);
    struct rule_filter filter = own_of("acme");
    OK(store_rule_list(txn, &filter, ALL_ROWS, &suite->arena, &rules, &count, &err));
    store_rollback(txn);
    assert_int_equal(count, 1);
    assert_string_equal(rules[0].source, "onboarding");
    assert_string_equal(rules[0].account, "");
    assert_int_equal(rules[0].version, 1);
    assert_int_equal(strlen(rules[0].id), 26);
}

static void an_open_tenant_has_no_rules(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", "open");
    assert_string_equal(rules_text(suite, "acme"), "");
    assert_string_equal(get_tenant(suite, "acme").profile, "open");
}

static void an_unknown_profile_makes_no_tenant(void **state)
{
    struct suite *suite = *state;
    struct txn *txn = begin_write(suite);
    struct tenant tenant = a_tenant("acme", "nosuch"), *tenants;
    unsigned count;
    FAILS(suite, ERR_NOT_FOUND, store_tenant_put(txn, &tenant, NULL, NULL, &err));
    assert_string_equal(suite->err.field, "/profile");
    assert_int_equal(commit(txn), 0); /* what is refused leaves no trace and harms nobody else */
    txn = begin_read(suite);
    OK(store_tenant_list(txn, ALL_ROWS, &suite->arena, &tenants, &count, &err));
    store_rollback(txn);
    assert_int_equal(count, 0);
    assert_int_equal(audit_count(suite), 0);
}

static void an_update_changes_fields_and_never_rules(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", NULL);
    int64_t created_at_ms = get_tenant(suite, "acme").created_at_ms;
    struct txn *txn = begin_write(suite);
    struct tenant tenant = a_tenant("acme", NULL);
    bool created = true;
    tenant.name = "Acme Telecom";
    tenant.outside_line = "0";
    tenant.locale = "en";
    tenant.time_zone = "UTC";
    tenant.status = TENANT_SUSPENDED;
    OK(store_tenant_put(txn, &tenant, NULL, &created, &err));
    commit(txn);
    assert_false(created);
    struct tenant stored = get_tenant(suite, "acme");
    assert_string_equal(stored.name, "Acme Telecom");
    assert_string_equal(stored.outside_line, "0");
    assert_string_equal(stored.locale, "en");
    assert_string_equal(stored.time_zone, "UTC");
    assert_int_equal(stored.status, TENANT_SUSPENDED);
    assert_string_equal(stored.profile, "standard");
    assert_true(stored.created_at_ms == created_at_ms);
    assert_int_equal(stored.version, 2);
    assert_int_equal(stored.revision, 2);
    assert_string_equal(rules_text(suite, "acme"), "deny 010");
    assert_int_equal(list_version(suite, own_of("acme")), 1);
}

static void an_update_that_says_the_same_changes_nothing(void **state)
{
    struct suite *suite = *state;
    struct contact contact = {"Noc", "noc@example.jp", "", ""};
    struct tenant tenant = a_tenant("acme", NULL);
    tenant.contacts = &contact;
    tenant.contacts_count = 1;
    for (int i = 0; i < 2; i++) {
        struct txn *txn = begin_write(suite);
        OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
        assert_int_equal(commit(txn) != 0, i == 0);
    }
    assert_int_equal(revision(suite, "acme"), 1);
    assert_int_equal(audit_count(suite), 1);
}

static void the_profile_stays_the_one_of_creation(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", "standard");
    struct txn *txn = begin_write(suite);
    struct tenant tenant = a_tenant("acme", "open");
    FAILS(suite, ERR_EXISTS, store_tenant_put(txn, &tenant, NULL, NULL, &err));
    assert_string_equal(suite->err.field, "/profile");
    tenant.profile = "standard";
    tenant.name = "Other";
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    commit(txn);
    assert_string_equal(get_tenant(suite, "acme").profile, "standard");
}

static void conditions_of_a_put(void **state)
{
    struct suite *suite = *state;
    struct tenant tenant = a_tenant("acme", NULL);
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_STALE, store_tenant_put(txn, &tenant, CONDITION(COND_EXISTS, 0), NULL, &err));
    FAILS(suite, ERR_STALE, store_tenant_put(txn, &tenant, CONDITION(COND_VERSION, 1), NULL, &err));
    OK(store_tenant_put(txn, &tenant, CONDITION(COND_ABSENT, 0), NULL, &err));
    FAILS(suite, ERR_EXISTS, store_tenant_put(txn, &tenant, CONDITION(COND_ABSENT, 0), NULL, &err));
    tenant.name = "A";
    FAILS(suite, ERR_STALE, store_tenant_put(txn, &tenant, CONDITION(COND_VERSION, 7), NULL, &err));
    OK(store_tenant_put(txn, &tenant, CONDITION(COND_VERSION, 1), NULL, &err));
    tenant.name = "B";
    OK(store_tenant_put(txn, &tenant, CONDITION(COND_EXISTS, 0), NULL, &err));
    tenant.name = "C";
    OK(store_tenant_put(txn, &tenant, CONDITION(COND_NONE, 0), NULL, &err));
    commit(txn);
    assert_string_equal(get_tenant(suite, "acme").name, "C");
    assert_int_equal(revision(suite, "acme"), 1); /* one commit, one revision */
}

static void fields_are_checked(void **state)
{
    struct suite *suite = *state;
    static const char *const bad_ids[] = {
        "", "A", "-a", "a b", "ａ",
        "a234567890123456789012345678901234567890123456789012345678901234"};
    struct txn *txn = begin_write(suite);
    struct tenant tenant = a_tenant("acme", NULL);
    for (size_t i = 0; i < sizeof bad_ids / sizeof *bad_ids; i++) {
        tenant.id = bad_ids[i];
        FAILS(suite, ERR_INVALID, store_tenant_put(txn, &tenant, NULL, NULL, &err));
        assert_string_equal(suite->err.field, "/id");
    }
    tenant.id = "acme";
    tenant.outside_line = "1";
    FAILS(suite, ERR_INVALID, store_tenant_put(txn, &tenant, NULL, NULL, &err));
    assert_string_equal(suite->err.field, "/outside_line");
    store_rollback(txn);
}

static void contacts_keep_their_order(void **state)
{
    struct suite *suite = *state;
    struct contact contacts[] = {
        {"Z", "z@example.jp", "", ""},
        {"A", "", "03-1234-5678", ""},
        {"", "m@example.jp", "", "https://example.jp/hook"}};
    struct tenant tenant = a_tenant("acme", NULL), other = a_tenant("beta", NULL), *tenants;
    unsigned count;
    tenant.contacts = contacts;
    tenant.contacts_count = 3;
    other.contacts = contacts + 1;
    other.contacts_count = 1;
    put_tenant(suite, "aaaa", NULL); /* has none, and stands before the others in a list */
    struct txn *txn = begin_write(suite);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    OK(store_tenant_put(txn, &other, NULL, NULL, &err));
    commit(txn);
    txn = begin_read(suite);
    OK(store_tenant_list(txn, ALL_ROWS, &suite->arena, &tenants, &count, &err));
    store_rollback(txn);
    assert_int_equal(count, 3);
    assert_int_equal(tenants[0].contacts_count, 0);
    assert_int_equal(tenants[1].contacts_count, 3);
    assert_string_equal(tenants[1].contacts[0].name, "Z");
    assert_string_equal(tenants[1].contacts[1].phone, "03-1234-5678");
    assert_string_equal(tenants[1].contacts[2].email, "m@example.jp");
    assert_string_equal(tenants[1].contacts[2].webhook, "https://example.jp/hook");
    assert_string_equal(tenants[1].contacts[1].webhook, "");
    assert_int_equal(tenants[2].contacts_count, 1);
    assert_int_equal(get_tenant(suite, "acme").contacts_count, 3);
}

static void contacts_are_replaced_as_a_whole(void **state)
{
    struct suite *suite = *state;
    struct contact contacts[] = {{"Z", "z@example.jp", "", ""}, {"A", "a@example.jp", "", ""}};
    struct tenant tenant = a_tenant("acme", NULL);
    tenant.contacts = contacts;
    for (unsigned n = 3; n-- > 0;) {
        struct txn *txn = begin_write(suite);
        tenant.contacts_count = n;
        OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
        commit(txn);
        assert_int_equal(get_tenant(suite, "acme").contacts_count, n);
    }
    assert_int_equal(revision(suite, "acme"), 3);
}

static void contacts_are_checked(void **state)
{
    struct suite *suite = *state;
    struct contact contacts[CONTACTS_MAX + 1];
    struct tenant tenant = a_tenant("acme", NULL);
    struct txn *txn = begin_write(suite);
    for (unsigned i = 0; i <= CONTACTS_MAX; i++)
        contacts[i] = (struct contact){"Z", "", "", ""};
    tenant.contacts = contacts;
    tenant.contacts_count = CONTACTS_MAX + 1;
    FAILS(suite, ERR_LIMIT, store_tenant_put(txn, &tenant, NULL, NULL, &err));
    assert_string_equal(suite->err.field, "/contacts");
    contacts[4].name = "";
    tenant.contacts_count = CONTACTS_MAX;
    FAILS(suite, ERR_INVALID, store_tenant_put(txn, &tenant, NULL, NULL, &err));
    assert_string_equal(suite->err.field, "/contacts/4");
    contacts[4].webhook = "ftp://example.jp/";
    FAILS(suite, ERR_INVALID, store_tenant_put(txn, &tenant, NULL, NULL, &err));
    assert_string_equal(suite->err.field, "/contacts/4/webhook");
    contacts[4].webhook = "";
    contacts[4].phone = "1";
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    commit(txn);
    assert_int_equal(get_tenant(suite, "acme").contacts_count, CONTACTS_MAX);
}

static void a_missing_tenant_is_not_found(void **state)
{
    struct suite *suite = *state;
    struct tenant tenant;
    struct txn *txn = begin_write(suite);
    struct slice bad = SLICE_LIT("\xff\xfe");
    struct arena *arena = &suite->arena;
    FAILS(suite, ERR_NOT_FOUND, store_tenant_get(txn, SLICE_LIT("acme"), arena, &tenant, &err));
    FAILS(suite, ERR_NOT_FOUND, store_tenant_get(txn, SLICE_NONE, arena, &tenant, &err));
    FAILS(suite, ERR_NOT_FOUND, store_tenant_get(txn, bad, arena, &tenant, &err));
    FAILS(suite, ERR_NOT_FOUND, store_tenant_delete(txn, SLICE_LIT("acme"), NULL, &err));
    FAILS(suite, ERR_NOT_FOUND, store_tenant_delete(txn, SLICE_NONE, NULL, &err));
    FAILS(suite, ERR_NOT_FOUND, store_tenant_delete(txn, bad, NULL, &err));
    commit(txn);
    assert_int_equal(revision(suite, "acme"), 0);
}

static void deleting_takes_accounts_and_rules(void **state)
{
    struct suite *suite = *state;
    struct account account;
    struct contact contact = {"Z", "", "", ""};
    struct tenant tenant = a_tenant("acme", NULL);
    struct rule rule = a_rule("deny 0990");
    struct slice acme = SLICE_LIT("acme");
    tenant.contacts = &contact;
    tenant.contacts_count = 1;
    struct txn *txn = begin_write(suite);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    commit(txn);
    put_account(suite, "acme", "1001");
    rule.account = "1001";
    add_rule(suite, "acme", &rule);
    txn = begin_write(suite);
    FAILS(suite, ERR_STALE, store_tenant_delete(txn, acme, CONDITION(COND_VERSION, 9), &err));
    OK(store_tenant_delete(txn, acme, CONDITION(COND_VERSION, 1), &err));
    FAILS(suite, ERR_NOT_FOUND, store_tenant_delete(txn, acme, NULL, &err));
    commit(txn);
    put_tenant(suite, "acme", "open");
    assert_string_equal(rules_text(suite, "acme"), "");
    assert_int_equal(get_tenant(suite, "acme").contacts_count, 0);
    txn = begin_read(suite);
    FAILS(suite, ERR_NOT_FOUND,
          store_account_get(txn, acme, SLICE_LIT("1001"), &suite->arena, &account, &err));
    store_rollback(txn);
}

static void a_tenant_made_again_goes_on_counting(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", NULL);
    put_account(suite, "acme", "1001");
    assert_int_equal(revision(suite, "acme"), 2);
    delete_tenant(suite, "acme");
    assert_int_equal(revision(suite, "acme"), 3);
    suite_reopen(suite);
    put_tenant(suite, "acme", NULL);
    struct tenant tenant = get_tenant(suite, "acme");
    assert_int_equal(tenant.revision, 4);
    assert_int_equal(tenant.version, 4);
    assert_int_equal(list_version(suite, all_of("acme")), 4);
    assert_int_equal(list_version(suite, own_of("acme")), 4);
}

static void lists_are_in_byte_order_page_by_page(void **state)
{
    struct suite *suite = *state;
    static const char *const ids[] = {"b", "a", "a-b", "a_b", "ab", "0", "aa", "a0", "z9"};
    static const char *const sorted[] = {"0", "a", "a-b", "a0", "a_b", "aa", "ab", "b", "z9"};
    struct page page = {SLICE_NONE, 2};
    struct tenant *tenants;
    unsigned count = 2, at = 0;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        put_tenant(suite, ids[i], NULL);
    struct txn *txn = begin_read(suite);
    while (count == 2) {
        OK(store_tenant_list(txn, page, &suite->arena, &tenants, &count, &err));
        for (unsigned i = 0; i < count; i++)
            assert_string_equal(tenants[i].id, sorted[at++]);
        if (count)
            page.after = slice_of(tenants[count - 1].id);
    }
    store_rollback(txn);
    assert_int_equal(at, sizeof sorted / sizeof *sorted);
}

static void changes_are_audited_with_before_and_after(void **state)
{
    struct suite *suite = *state;
    struct tenant tenant = a_tenant("acme", NULL);
    struct contact contacts[] = {{"Z", "z@example.jp", "", ""}, {"", "", "1", ""}};
    put_tenant(suite, "acme", NULL);
    struct audit_record record = last_audit(suite);
    assert_string_equal(record.action, "tenant.create");
    assert_string_equal(record.tenant, "acme");
    assert_string_equal(record.object, "acme");
    assert_string_equal(record.before, "");
    assert_string_equal(record.after,
                        "{\"id\":\"acme\",\"name\":\"Acme K.K.\",\"profile\":\"standard\","
                        "\"locale\":\"ja\",\"time_zone\":\"Asia/Tokyo\",\"status\":\"active\"}");
    tenant.name = "\"x\"";
    tenant.status = TENANT_SUSPENDED;
    tenant.contacts = contacts;
    tenant.contacts_count = 2;
    struct txn *txn = begin_write(suite);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    OK(store_tenant_delete(txn, SLICE_LIT("acme"), NULL, &err));
    commit(txn);
    record = last_audit(suite);
    assert_string_equal(record.action, "tenant.delete");
    assert_string_equal(
        record.before,
        "{\"id\":\"acme\",\"name\":\"\\\"x\\\"\",\"profile\":\"standard\",\"locale\":\"ja\","
        "\"time_zone\":\"Asia/Tokyo\",\"status\":\"suspended\","
        "\"contacts\":[{\"name\":\"Z\",\"email\":\"z@example.jp\"},{\"phone\":\"1\"}]}");
    assert_string_equal(record.after, "");
    assert_int_equal(audit_count(suite), 3);
}

static void texts_that_are_no_utf8_are_refused(void **state)
{
    struct suite *suite = *state;
    struct tenant tenant = a_tenant("acme", NULL);
    struct txn *txn = begin_write(suite);
    tenant.name = "caf\xe9";
    FAILS(suite, ERR_INVALID, store_tenant_put(txn, &tenant, NULL, NULL, &err));
    store_rollback(txn);
    tenant.name = "カフェ ☎ 😀";
    txn = begin_write(suite);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    commit(txn);
    assert_string_equal(get_tenant(suite, "acme").name, tenant.name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_new_tenant_gets_the_default_profile),
        STORE_TEST(the_profiles_rules_are_onboarding_rules),
        STORE_TEST(an_open_tenant_has_no_rules),
        STORE_TEST(an_unknown_profile_makes_no_tenant),
        STORE_TEST(an_update_changes_fields_and_never_rules),
        STORE_TEST(an_update_that_says_the_same_changes_nothing),
        STORE_TEST(the_profile_stays_the_one_of_creation),
        STORE_TEST(conditions_of_a_put),
        STORE_TEST(fields_are_checked),
        STORE_TEST(contacts_keep_their_order),
        STORE_TEST(contacts_are_replaced_as_a_whole),
        STORE_TEST(contacts_are_checked),
        STORE_TEST(a_missing_tenant_is_not_found),
        STORE_TEST(deleting_takes_accounts_and_rules),
        STORE_TEST(a_tenant_made_again_goes_on_counting),
        STORE_TEST(lists_are_in_byte_order_page_by_page),
        STORE_TEST(changes_are_audited_with_before_and_after),
        STORE_TEST(texts_that_are_no_utf8_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
