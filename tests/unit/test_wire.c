/* JSON to records and back: what is refused, with which pointer, and that what is written reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/check.h"
#include "wire/json.h"
#include "wire/profile.h"
#include "wire/rule.h"
#include "wire/tenant.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* --- json_read ----------------------------------------------------------------------------------- */

static void texts_that_are_refused(void **state)
{
    static const struct {
        const char *text, *pointer;
    } rows[] = {
        {"", ""},
        {"[]", ""},
        {"7", ""},
        {"{\"a\":1}x", ""},
        {"{\"a\":1,\"a\":2}", "/a"},
        {"{\"rules\":[{},{\"note\":1,\"b\":{\"c\":1,\"c\":1}}]}", "/rules/1/b/c"},
        {"{\"rules\":[{\"note\":\"\x01\"}]}", "/rules/0/note"},
        {"{\"rules\":[{\"no\\\"te\":\"\\u0000\"}]}", "/rules/0/no\\\"te"},
        {"{\"a\":\"\xff\"}", "/a"},
        {"{\"a\":\"\\ud800\"}", "/a"},
        {"{\"a\":[1,2,", "/a/2"},
        {"{\"a\":99999999999999999999}", "/a"},
        {"{\"a", "/a"},
        {"{\"a\\", "/a\\"},
        {"\xef\xbb\xbf{}", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        json_t *value = NULL;
        if (json_read(slice_of(rows[i].text), &value, &err) != ERR_INVALID)
            fail_msg("taken: %s", rows[i].text);
        assert_null(value);
        assert_string_equal(err.field, rows[i].pointer);
        assert_true(err.text[0] != '\0');
    }
    struct err err = {0};
    json_t *value = NULL;
    char with_nul[] = "{\"a\":\0 1}";
    assert_int_equal(json_read((struct slice){with_nul, sizeof with_nul - 1}, &value, &err), ERR_INVALID);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    for (int depth = 31; depth <= 33; depth++) {
        char text[128] = "{\"a\":";
        size_t n = strlen(text);
        memset(text + n, '[', (size_t)depth - 1);
        memset(text + n + depth - 1, ']', (size_t)depth - 1);
        memcpy(text + n + 2 * (depth - 1), "}", 2);
        json_t *value = NULL;
        int rc = json_read(slice_of(text), &value, NULL);
        assert_int_equal(rc, depth <= JSON_DEPTH_MAX ? 0 : ERR_INVALID);
        json_decref(value);
    }
    /* brackets inside a string are no depth */
    json_t *value = NULL;
    assert_int_equal(json_read(SLICE_LIT("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"}"),
                               &value, NULL), 0);
    json_decref(value);
}

/* --- rules ---------------------------------------------------------------------------------------- */

static int read_rule(const char *text, enum rule_kind kind, enum read_mode mode, struct rule *rule,
                     struct err *err)
{
    json_t *value = NULL;
    int rc = json_read(slice_of(text), &value, err);
    assert_int_equal(rc, 0);
    rc = rule_read(value, kind, mode, NULL, &arena, rule, err);
    json_decref(value);
    return rc;
}

static void rules_are_read_as_people_write_them(void **state)
{
    struct rule rule = rule_blank("customer");
    (void)state;
    assert_int_equal(read_rule("{\"account\":\"1001\",\"prefix\":\"+1 (212)\",\"action\":\"divert\","
                               "\"divert_to\":\"voicemail\",\"match\":\"exact\",\"note\":\"注意\","
                               "\"expires_at\":\"2026-12-01T09:00:00+09:00\"}",
                               RULE_OF_TENANT, READ_NEW, &rule, NULL), 0);
    assert_string_equal(rule.target.text, "0101212");
    assert_string_equal(rule.account, "1001");
    assert_int_equal(rule.action, ACTION_DIVERT);
    assert_true(rule.is_exact);
    assert_string_equal(rule.divert_to, "voicemail");
    assert_string_equal(rule.note, "注意");
    assert_string_equal(rule.source, "customer");
    assert_int_equal(rule.expires_at_ms, 1796083200000);
    assert_int_equal(rule.starts_at_ms, 0);
}

static void rules_that_are_refused(void **state)
{
    static const struct {
        const char *text, *pointer;
    } rows[] = {
        {"{\"prefix\":\"010\"}", "/action"},
        {"{\"action\":\"deny\"}", "/prefix"},
        {"{\"prefix\":null,\"action\":\"deny\"}", "/prefix"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"colour\":1}", "/colour"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"a/b~c\":1}", "/a~1b~0c"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"id\":\"x\"}", "/id"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"version\":1}", "/version"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"locked\":true}", "/locked"},
        {"{\"prefix\":10,\"action\":\"deny\"}", "/prefix"},
        {"{\"prefix\":\"01x\",\"action\":\"deny\"}", "/prefix"},
        {"{\"prefix\":\"+81\",\"action\":\"deny\"}", "/prefix"},
        {"{\"prefix\":\"country:US\",\"action\":\"deny\"}", "/prefix"},
        {"{\"target\":\"country:USA\",\"action\":\"deny\"}", "/target"},
        {"{\"prefix\":\"010\",\"target\":\"0101\",\"action\":\"deny\"}", "/prefix"},
        {"{\"prefix\":\"0104420794600001234\",\"action\":\"deny\"}", "/prefix"},
        {"{\"prefix\":\"010\",\"action\":\"Deny\"}", "/action"},
        {"{\"prefix\":\"010\",\"action\":null}", "/action"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"match\":\"regex\"}", "/match"},
        {"{\"target\":\"country:US\",\"action\":\"deny\",\"match\":\"exact\"}", "/match"},
        {"{\"prefix\":\"010\",\"action\":\"divert\"}", "/divert_to"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"divert_to\":\"x\"}", "/divert_to"},
        {"{\"prefix\":\"010\",\"action\":\"divert\",\"divert_to\":\"a&b\"}", "/divert_to"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"note\":\"a\\u0007\"}", "/note"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"note\":\"a\\u2028b\"}", "/note"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"note\":1.5}", "/note"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"expires_at\":1796083200}", "/expires_at"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"expires_at\":\"2026-12-01\"}", "/expires_at"},
        {"{\"prefix\":\"010\",\"action\":\"deny\",\"starts_at\":\"2026-12-02T00:00:00Z\","
         "\"expires_at\":\"2026-12-01T00:00:00Z\"}", "/expires_at"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rule rule = rule_blank("customer"), before = rule;
        struct err err = {0};
        if (read_rule(rows[i].text, RULE_OF_TENANT, READ_NEW, &rule, &err) != ERR_INVALID)
            fail_msg("taken: %s", rows[i].text);
        assert_string_equal(err.field, rows[i].pointer);
        assert_memory_equal(&rule, &before, sizeof rule);
    }
}

static void a_merge_keeps_what_is_left_out(void **state)
{
    struct rule rule = rule_blank("customer");
    (void)state;
    assert_int_equal(read_rule("{\"prefix\":\"010\",\"action\":\"divert\",\"divert_to\":\"vm\","
                               "\"note\":\"n\",\"expires_at\":\"2026-12-01T00:00:00Z\"}",
                               RULE_OF_TENANT, READ_NEW, &rule, NULL), 0);
    assert_int_equal(read_rule("{}", RULE_OF_TENANT, READ_MERGE, &rule, NULL), 0);
    assert_string_equal(rule.target.text, "010");
    assert_string_equal(rule.divert_to, "vm");
    /* null clears; a rule that stops diverting goes nowhere any more */
    assert_int_equal(read_rule("{\"action\":\"deny\",\"note\":null,\"expires_at\":null}",
                               RULE_OF_TENANT, READ_MERGE, &rule, NULL), 0);
    assert_string_equal(rule.divert_to, "");
    assert_string_equal(rule.note, "");
    assert_int_equal(rule.expires_at_ms, 0);
    assert_int_equal(read_rule("{\"target\":\"country:us\"}", RULE_OF_TENANT, READ_MERGE, &rule, NULL), 0);
    assert_string_equal(rule.target.text, "country:US");
}

static void what_is_written_reads_back(void **state)
{
    static const char *const texts[] = {
        "{\"prefix\":\"0101\",\"action\":\"allow\"}",
        "{\"target\":\"group:high-risk\",\"action\":\"divert\",\"divert_to\":\"vm\"}",
        "{\"prefix\":\"03\",\"match\":\"exact\",\"action\":\"deny\",\"account\":\"a.1\","
        "\"starts_at\":\"2026-12-01T00:00:00.250Z\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct rule rule = rule_blank("customer"), again = rule_blank("x");
        assert_int_equal(read_rule(texts[i], RULE_OF_TENANT, READ_NEW, &rule, NULL), 0);
        rule.id = "01JHXYZ";
        rule.version = 7;
        rule.created_at_ms = rule.updated_at_ms = 1796083200000;
        json_t *written = rule_write(&rule, RULE_OF_TENANT);
        assert_non_null(written);
        assert_int_equal(rule_read(written, RULE_OF_TENANT, READ_WHOLE, NULL, &arena, &again, NULL), 0);
        json_decref(written);
        again.id = rule.id;
        again.version = rule.version;
        again.created_at_ms = again.updated_at_ms = rule.created_at_ms;
        json_t *a = rule_write(&rule, RULE_OF_TENANT), *b = rule_write(&again, RULE_OF_TENANT);
        assert_true(json_equal(a, b));
        json_decref(a);
        json_decref(b);
    }
}

/* --- tenants, profiles, checks -------------------------------------------------------------------- */

static int read_tenant(const char *text, struct tenant *tenant, struct err *err)
{
    json_t *value = NULL;
    assert_int_equal(json_read(slice_of(text), &value, err), 0);
    int rc = tenant_read(value, READ_WHOLE, &arena, tenant, err);
    json_decref(value);
    return rc;
}

static void tenants(void **state)
{
    static const struct {
        const char *text, *pointer; /* "-": taken */
    } rows[] = {
        {"{}", "-"},
        {"{\"id\":\"acme\"}", "-"},
        {"{\"id\":\"other\"}", "/id"},
        {"{\"name\":\"\"}", "/name"},
        {"{\"name\":null}", "/name"},
        {"{\"outside_line\":\"0\"}", "-"},
        {"{\"outside_line\":null}", "-"},
        {"{\"outside_line\":\"1\"}", "/outside_line"},
        {"{\"outside_line\":\"00000\"}", "/outside_line"},
        {"{\"locale\":\"en-US\"}", "-"},
        {"{\"locale\":\"zh-Hant-TW\"}", "-"},
        {"{\"locale\":\"j\"}", "/locale"},
        {"{\"locale\":\"ja-\"}", "/locale"},
        {"{\"locale\":\"japanese\"}", "/locale"},
        {"{\"time_zone\":\"America/Argentina/Buenos_Aires\"}", "-"},
        {"{\"time_zone\":\"UTC\"}", "-"},
        {"{\"time_zone\":\"../../etc/passwd\"}", "/time_zone"},
        {"{\"time_zone\":\"Asia/\"}", "/time_zone"},
        {"{\"time_zone\":\"/Tokyo\"}", "/time_zone"},
        {"{\"time_zone\":\"Tokyo\"}", "/time_zone"},
        {"{\"status\":\"closed\"}", "/status"},
        {"{\"contacts\":[{\"email\":\"a@example.com\"},{\"phone\":\"+81 3 1234 5678\"}]}", "-"},
        {"{\"contacts\":[{\"email\":\"a@b@c\"}]}", "/contacts/0/email"},
        {"{\"contacts\":[{\"name\":\"x\"},{\"phone\":\"call me\"}]}", "/contacts/1/phone"},
        {"{\"contacts\":[{}]}", "/contacts/0"},
        {"{\"contacts\":[7]}", "/contacts/0"},
        {"{\"contacts\":{}}", "/contacts"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tenant tenant = {.id = "acme", .name = "acme", .profile = "", .outside_line = "",
                                .locale = "ja", .time_zone = "Asia/Tokyo"};
        struct err err = {0};
        int rc = read_tenant(rows[i].text, &tenant, &err);
        if ((rc == 0) != (rows[i].pointer[0] == '-'))
            fail_msg("%s: %d %s", rows[i].text, rc, err.text);
        if (rc)
            assert_string_equal(err.field, rows[i].pointer);
    }
}

static void profiles_hold_rules_without_owner_or_dates(void **state)
{
    struct profile profile = {.id = "p", .name = "p"};
    struct err err = {0};
    json_t *value = json_pack("{s:[{s:s,s:s},{s:s,s:s,s:s}]}", "rules", "prefix", "010", "action",
                              "deny", "prefix", "0101", "action", "allow", "account", "1001");
    (void)state;
    assert_int_equal(profile_read(value, READ_WHOLE, &arena, &profile, &err), ERR_INVALID);
    assert_string_equal(err.field, "/rules/1/account");
    assert_int_equal(json_object_del(json_array_get(json_object_get(value, "rules"), 1), "account"), 0);
    assert_int_equal(profile_read(value, READ_WHOLE, &arena, &profile, NULL), 0);
    assert_int_equal(profile.rules_count, 2);
    assert_string_equal(profile.rules[1].target.text, "0101");
    json_decref(value);
}

static void a_check_may_have_an_empty_draft(void **state)
{
    struct check_request request;
    json_t *value = json_pack("{s:s,s:[]}", "number", "0101", "rules");
    (void)state;
    assert_int_equal(check_read(value, &arena, &request, NULL), 0);
    assert_true(request.has_draft);
    assert_int_equal(request.rules_count, 0);
    json_object_del(value, "rules");
    assert_int_equal(check_read(value, &arena, &request, NULL), 0);
    assert_false(request.has_draft);
    json_decref(value);
}

/* The whole allocation of a request is bounded: past it reading fails and says so. */
static void a_full_arena_is_an_error(void **state)
{
    struct arena small;
    struct rule rule = rule_blank("customer");
    json_t *value = json_pack("{s:s,s:s,s:s}", "prefix", "010", "action", "deny", "note", "n");
    (void)state;
    arena_init(&small, 8);
    assert_int_equal(rule_read(value, RULE_OF_TENANT, READ_NEW, NULL, &small, &rule, NULL), ERR_NOMEM);
    arena_release(&small);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(rules_are_read_as_people_write_them),
        cmocka_unit_test(rules_that_are_refused),
        cmocka_unit_test(a_merge_keeps_what_is_left_out),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(tenants),
        cmocka_unit_test(profiles_hold_rules_without_owner_or_dates),
        cmocka_unit_test(a_check_may_have_an_empty_draft),
        cmocka_unit_test(a_full_arena_is_an_error),
    };
    return cmocka_run_group_tests_name("wire", tests, setup, teardown);
}
