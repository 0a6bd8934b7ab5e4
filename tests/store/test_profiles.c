/* Profiles: what is there from the start, upsert, the default, deletion. */
#include "suite.h"

static const struct slice standard = {"standard", 8};

static struct profile get_profile(struct suite *suite, const char *id)
{
    struct profile profile = {0};
    struct txn *txn = begin_read(suite);
    OK(store_profile_get(txn, slice_of(id), &suite->arena, &profile, &err));
    store_rollback(txn);
    return profile;
}

/* As a profile's rules are: without a source. */
static struct rule bare(const char *text)
{
    struct rule rule = a_rule(text);
    rule.source = "";
    return rule;
}

static struct profile a_profile(const char *id, const struct rule *rules, unsigned count)
{
    return (struct profile){.id = id, .name = "Hotels", .rules = rules, .rules_count = count};
}

static int try_put(struct suite *suite, struct profile profile)
{
    suite->err = (struct err){0};
    struct txn *txn = begin_write(suite);
    int rc = store_profile_put(txn, &profile, NULL, NULL, &suite->err);
    if (rc == 0)
        commit(txn);
    else
        store_rollback(txn);
    return rc;
}

static void standard_and_open_are_there_from_the_start(void **state)
{
    struct suite *suite = *state;
    struct profile *list;
    unsigned count;
    struct txn *txn = begin_read(suite);
    OK(store_profile_list(txn, ALL_ROWS, &suite->arena, &list, &count, &err));
    store_rollback(txn);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].id, "open");
    assert_int_equal(list[0].rules_count, 0);
    assert_false(list[0].is_default);
    assert_true(list[0].is_builtin);
    assert_string_equal(list[1].id, "standard");
    assert_true(list[1].is_default);
    assert_true(list[1].is_builtin);
    assert_int_equal(list[1].rules_count, 1);
    assert_string_equal(list[1].rules[0].target.text, "010");
    assert_int_equal(list[1].rules[0].action, ACTION_DENY);
    assert_string_equal(list[1].rules[0].id, "");
    assert_true(list[1].created_at_ms > INT64_C(1600000000000));
    assert_int_equal(list[1].version, revision(suite, ""));
    assert_true(list[1].version > 0);
}

static void a_profile_comes_back_as_it_was_written(void **state)
{
    struct suite *suite = *state;
    struct rule rules[] = {bare("deny 010"), bare("divert country:KP"), bare("allow 0312345678")};
    struct profile profile = a_profile("hotel", rules, 3);
    bool created = false;
    rules[1].note = "n";
    rules[2].is_exact = true;
    uint64_t before = revision(suite, "");
    struct txn *txn = begin_write(suite);
    OK(store_profile_put(txn, &profile, CONDITION(COND_ABSENT, 0), &created, &err));
    commit(txn);
    assert_true(created);
    struct profile stored = get_profile(suite, "hotel");
    assert_string_equal(stored.name, "Hotels");
    assert_false(stored.is_default);
    assert_false(stored.is_builtin);
    assert_int_equal(stored.rules_count, 3);
    assert_string_equal(stored.rules[0].target.text, "010");
    assert_int_equal(stored.rules[1].target.type, TARGET_COUNTRY);
    assert_string_equal(stored.rules[1].divert_to, "voicemail");
    assert_string_equal(stored.rules[1].note, "n");
    assert_true(stored.rules[2].is_exact);
    assert_int_equal(stored.version, before + 1);
    assert_int_equal(revision(suite, ""), before + 1);
}

static void rules_of_the_profile_are_copied_in_order(void **state)
{
    struct suite *suite = *state;
    struct rule rules[] = {bare("deny 0990"), bare("deny 010"), bare("divert 0180")};
    assert_int_equal(try_put(suite, a_profile("hotel", rules, 3)), 0);
    put_tenant(suite, "acme", "hotel");
    assert_string_equal(rules_text(suite, "acme"), "deny 0990, deny 010, divert 0180");
    assert_int_equal(try_put(suite, a_profile("hotel", rules, 1)), 0);
    assert_string_equal(rules_text(suite, "acme"), "deny 0990, deny 010, divert 0180");
    put_tenant(suite, "beta", "hotel");
    assert_string_equal(rules_text(suite, "beta"), "deny 0990");
}

static void a_tenant_and_its_rules_come_together_or_not_at_all(void **state)
{
    struct suite *suite = *state;
    struct tenant tenant = a_tenant("acme", "standard");
    struct txn *txn = begin_write(suite);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    store_rollback(txn);
    assert_int_equal(revision(suite, "acme"), 0);
    assert_int_equal(audit_count(suite), 0);
    txn = begin_read(suite);
    struct rule_filter own = own_of("acme");
    uint64_t version;
    FAILS(suite, ERR_NOT_FOUND, store_rules_version(txn, &own, &version, &err));
    store_rollback(txn);
}

static void there_is_one_default(void **state)
{
    struct suite *suite = *state;
    struct profile hotel = a_profile("hotel", NULL, 0);
    hotel.is_default = true;
    assert_int_equal(try_put(suite, hotel), 0);
    assert_true(get_profile(suite, "hotel").is_default);
    assert_false(get_profile(suite, "standard").is_default);
    assert_int_equal(get_profile(suite, "standard").version, get_profile(suite, "hotel").version);
    put_tenant(suite, "acme", NULL);
    assert_string_equal(get_tenant(suite, "acme").profile, "hotel");
    hotel.is_default = false; /* then there would be none */
    assert_int_equal(try_put(suite, hotel), ERR_INVALID);
    assert_string_equal(suite->err.field, "/default");
    struct profile back = get_profile(suite, "standard");
    back.is_default = true;
    assert_int_equal(try_put(suite, back), 0);
    assert_int_equal(try_put(suite, hotel), 0);
    assert_true(get_profile(suite, "standard").is_default);
    assert_false(get_profile(suite, "hotel").is_default);
}

static void built_in_profiles_may_be_changed(void **state)
{
    struct suite *suite = *state;
    struct rule rules[] = {bare("deny 010"), bare("deny 0990")};
    struct profile profile = get_profile(suite, "standard");
    profile.rules = rules;
    profile.rules_count = 2;
    profile.is_builtin = false; /* not for a writer to say */
    assert_int_equal(try_put(suite, profile), 0);
    assert_int_equal(get_profile(suite, "standard").rules_count, 2);
    assert_true(get_profile(suite, "standard").is_builtin);
}

static void what_may_not_be_deleted(void **state)
{
    struct suite *suite = *state;
    struct profile hotel = a_profile("hotel", NULL, 0);
    struct slice id = SLICE_LIT("hotel");
    hotel.is_default = true;
    assert_int_equal(try_put(suite, hotel), 0);
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_EXISTS, store_profile_delete(txn, standard, NULL, &err));
    FAILS(suite, ERR_EXISTS, store_profile_delete(txn, SLICE_LIT("open"), NULL, &err));
    FAILS(suite, ERR_EXISTS, store_profile_delete(txn, id, NULL, &err));
    FAILS(suite, ERR_NOT_FOUND, store_profile_delete(txn, SLICE_LIT("nosuch"), NULL, &err));
    FAILS(suite, ERR_NOT_FOUND, store_profile_delete(txn, SLICE_NONE, NULL, &err));
    commit(txn);
    struct profile back = get_profile(suite, "standard");
    back.is_default = true;
    assert_int_equal(try_put(suite, back), 0);
    uint64_t version = get_profile(suite, "hotel").version;
    txn = begin_write(suite);
    FAILS(suite, ERR_STALE, store_profile_delete(txn, id, CONDITION(COND_VERSION, 1), &err));
    OK(store_profile_delete(txn, id, CONDITION(COND_VERSION, version), &err));
    FAILS(suite, ERR_NOT_FOUND,
          store_profile_get(txn, id, &suite->arena, &hotel, &err));
    commit(txn);
    assert_string_equal(last_audit(suite).action, "profile.delete");
}

static void conditions_of_a_put(void **state)
{
    struct suite *suite = *state;
    struct profile profile = a_profile("hotel", NULL, 0);
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_STALE,
          store_profile_put(txn, &profile, CONDITION(COND_EXISTS, 0), NULL, &err));
    OK(store_profile_put(txn, &profile, NULL, NULL, &err));
    FAILS(suite, ERR_EXISTS,
          store_profile_put(txn, &profile, CONDITION(COND_ABSENT, 0), NULL, &err));
    commit(txn);
    txn = begin_write(suite);
    bool created = true;
    OK(store_profile_put(txn, &profile, NULL, &created, &err)); /* says the same */
    assert_false(created);
    assert_int_equal(commit(txn), 0);
    txn = begin_write(suite);
    profile.name = "Inns";
    FAILS(suite, ERR_STALE,
          store_profile_put(txn, &profile, CONDITION(COND_VERSION, 1), NULL, &err));
    uint64_t version = get_profile(suite, "hotel").version;
    OK(store_profile_put(txn, &profile, CONDITION(COND_VERSION, version), NULL, &err));
    commit(txn);
    struct audit_record record = last_audit(suite);
    assert_string_equal(record.action, "profile.update");
    assert_string_equal(record.tenant, "");
    assert_string_equal(record.before, "{\"id\":\"hotel\",\"name\":\"Hotels\",\"rules\":[]}");
    assert_string_equal(record.after, "{\"id\":\"hotel\",\"name\":\"Inns\",\"rules\":[]}");
}

static void rules_of_a_profile_are_checked(void **state)
{
    struct suite *suite = *state;
    struct rule rules[3] = {bare("deny 010"), bare("deny 0990"), bare("allow 010")};
    assert_int_equal(try_put(suite, a_profile("hotel", rules, 3)), ERR_EXISTS);
    assert_string_equal(suite->err.field, "/rules/2");
    rules[1].source = "customer";
    assert_int_equal(try_put(suite, a_profile("hotel", rules, 2)), ERR_INVALID);
    assert_string_equal(suite->err.field, "/rules/1");
    rules[1] = bare("deny 0990");
    rules[1].account = "1001";
    assert_int_equal(try_put(suite, a_profile("hotel", rules, 2)), ERR_INVALID);
    rules[1] = bare("deny 0990");
    rules[1].is_locked = true;
    assert_int_equal(try_put(suite, a_profile("hotel", rules, 2)), ERR_INVALID);
    rules[1] = bare("deny 0990");
    rules[1].expires_at_ms = 1;
    assert_int_equal(try_put(suite, a_profile("hotel", rules, 2)), ERR_INVALID);
    rules[1] = bare("deny 0990");
    rules[1].note = "\n";
    assert_int_equal(try_put(suite, a_profile("hotel", rules, 2)), ERR_INVALID);
    assert_string_equal(suite->err.field, "/rules/1/note");
    assert_int_equal(try_put(suite, a_profile("Hotel", rules, 1)), ERR_INVALID);
    assert_string_equal(suite->err.field, "/id");
    assert_int_equal(try_put(suite, a_profile("", rules, 1)), ERR_INVALID);
}

static void a_thousand_rules_are_the_limit(void **state)
{
    struct suite *suite = *state;
    struct rule *rules = calloc(PROFILE_RULES_MAX + 1, sizeof *rules);
    char text[40];
    assert_non_null(rules);
    for (unsigned i = 0; i <= PROFILE_RULES_MAX; i++) {
        snprintf(text, sizeof text, "deny 09%07u", i);
        rules[i] = bare(text);
    }
    assert_int_equal(try_put(suite, a_profile("big", rules, PROFILE_RULES_MAX + 1)), ERR_LIMIT);
    assert_int_equal(try_put(suite, a_profile("big", rules, PROFILE_RULES_MAX)), 0);
    assert_int_equal(get_profile(suite, "big").rules_count, PROFILE_RULES_MAX);
    assert_string_equal(get_profile(suite, "big").rules[999].target.text, "090000999");
    free(rules);
}

static void lists_are_in_byte_order_page_by_page(void **state)
{
    struct suite *suite = *state;
    struct page page = {SLICE_NONE, 2};
    struct profile *list;
    unsigned count;
    struct rule rule = bare("deny 0990");
    assert_int_equal(try_put(suite, a_profile("a_b", &rule, 1)), 0);
    assert_int_equal(try_put(suite, a_profile("a-b", &rule, 1)), 0);
    struct txn *txn = begin_read(suite);
    OK(store_profile_list(txn, page, &suite->arena, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(list[0].id, "a-b");
    assert_string_equal(list[1].id, "a_b");
    assert_int_equal(list[1].rules_count, 1);
    page.after = slice_of("a_b");
    OK(store_profile_list(txn, page, &suite->arena, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(list[0].id, "open");
    page.after = slice_of("standard");
    OK(store_profile_list(txn, page, &suite->arena, &list, &count, &err));
    assert_int_equal(count, 0);
    store_rollback(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(standard_and_open_are_there_from_the_start),
        STORE_TEST(a_profile_comes_back_as_it_was_written),
        STORE_TEST(rules_of_the_profile_are_copied_in_order),
        STORE_TEST(a_tenant_and_its_rules_come_together_or_not_at_all),
        STORE_TEST(there_is_one_default),
        STORE_TEST(built_in_profiles_may_be_changed),
        STORE_TEST(what_may_not_be_deleted),
        STORE_TEST(conditions_of_a_put),
        STORE_TEST(rules_of_a_profile_are_checked),
        STORE_TEST(a_thousand_rules_are_the_limit),
        STORE_TEST(lists_are_in_byte_order_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
