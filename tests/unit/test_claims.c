/* Claims of tokens that are signed as they should be: times, roles, tenants, values of wrong kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "verifying.h"

#define FOUR_X "\"x\",\"x\",\"x\",\"x\","
#define FIFTEEN_X "[" FOUR_X FOUR_X FOUR_X "\"x\",\"x\",\"x\","

/* One claim of a good payload replaced by `value`, which is JSON, or left out. */
static char *with(char to[MINT_BYTES], const char *claim, const char *value)
{
    static const struct {
        const char *name, *good;
    } all[] = {
        {"iss", "\"sekisho\""}, {"aud", "\"sekisho\""}, {"role", "\"pbx\""}, {"jti", "\"J1\""},
        {"iat", "1799999990"},  {"exp", "1800000600"},  {"nbf", NULL},       {"sub", NULL},
        {"tenant", NULL},       {"tenants", NULL},
    };
    char payload[MINT_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *json = strcmp(all[i].name, claim) == 0 ? value : all[i].good;
        if (json)
            n += (size_t)snprintf(payload + n, sizeof payload - n, "%c\"%s\":%s", n ? ',' : '{',
                                  all[i].name, json);
    }
    snprintf(payload + n, sizeof payload - n, "}");
    return hs256(to, payload);
}

static void a_claim_too_few_is_refused(void **state)
{
    static const char *const needed[] = {"iss", "aud", "role", "jti", "iat", "exp"};
    char token[MINT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        refuses(with(token, needed[i], NULL), needed[i]);
    accepts(with(token, "nbf", NULL));
}

static void claims_are_an_object(void **state)
{
    static const char *const payloads[] = {"[]", "null", "{}", "7", "\"pbx\"", "", " ", "{",
                                           "{\"iss\":\"sekisho\""};
    char token[MINT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        refuses(hs256(token, payloads[i]), NULL);
}

static void a_claim_of_another_value_is_refused(void **state)
{
    static const struct {
        const char *claim, *value, *why;
    } rows[] = {
        {"exp", "1800000000", "expired"}, /* now: no leeway */
        {"exp", "1799999999", "expired"},
        {"exp", "1", "expired"},
        {"exp", "0", "exp"},
        {"exp", "-1", "exp"},
        {"exp", "\"1800000600\"", "exp"},
        {"exp", "1800000600.0", "exp"},
        {"exp", "1.8e9", "exp"},
        {"exp", "null", "exp"},
        {"exp", "true", "exp"},
        {"exp", "[1800000600]", "exp"},
        {"exp", "253402300800", "exp"},
        {"exp", "9223372036854775807", "exp"},
        {"exp", "9223372036854775808", NULL}, /* no JSON to jansson, which has 64 bits */
        {"exp", "1e400", NULL},
        {"exp", "1834560000", "lasts longer"}, /* 400 days after now, so more after iat */
        {"nbf", "1800000061", "not valid yet"},
        {"nbf", "\"1\"", "nbf"},
        {"nbf", "null", "nbf"},
        {"iat", "1800000061", "future"},
        {"iat", "1.5", "iat"},
        {"iat", "-5", "iat"},
        {"iat", "1", "lasts longer"},
        {"iss", "\"Sekisho\"", "iss"},
        {"iss", "\"sekisho \"", "iss"},
        {"iss", "[\"sekisho\"]", "iss"},
        {"aud", "\"other\"", "aud"},
        {"aud", "[]", "aud"},
        {"aud", "[\"other\"]", "aud"},
        {"aud", "[\"sekisho\",1]", "aud"},
        {"aud", "[[\"sekisho\"]]", "aud"},
        {"aud", "{\"sekisho\":1}", "aud"},
        {"aud", FIFTEEN_X "\"x\",\"sekisho\"]", "aud"}, /* 17 are too many */
        {"role", "\"root\"", "role"},
        {"role", "\"PBX\"", "role"},
        {"role", "\"\"", "role"},
        {"role", "[\"pbx\"]", "role"},
        {"role", "16", "role"},
        {"jti", "\"\"", "jti"},
        {"jti", "7", "jti"},
        {"jti", "\"a/b\"", "jti"},
        {"jti", "\"a b\"", "jti"},
        {"jti", "\"0123456789012345678901234567890123456789\"", "jti"},
        {"sub", "5", "sub"},
        {"sub", "null", "sub"},
        {"sub", "\"a\\nb\"", "subject"},
        {"sub", "\"0123456789012345678901234567890123456789012345678901234567890123\"", "sub"},
        {"tenant", "\"acme\"", "tenant"}, /* pbx has tenants */
        {"tenants", "[]", "tenant"},      /* an empty list is not "all" */
        {"tenants", "{}", "tenant"},
        {"tenants", "null", "tenant"},
        {"tenants", "\"acme\"", "tenant"},
        {"tenants", "[\"acme\",1]", "tenant"},
        {"tenants", "[\"ACME\"]", "tenant"},
        {"tenants", "[\"\"]", "tenant"},
        {"tenants", "[\"a/b\"]", "tenant"},
    };
    char token[MINT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refuses(with(token, rows[i].claim, rows[i].value), rows[i].why);
}

static void a_claim_at_the_edge_is_accepted(void **state)
{
    static const struct {
        const char *claim, *value;
    } rows[] = {
        {"exp", "1800000001"},
        {"exp", "1834559990"}, /* exactly 400 days after iat */
        {"nbf", "1800000060"},
        {"iat", "1800000060"},
        {"aud", "[\"other\",\"sekisho\"]"},
        {"aud", FIFTEEN_X "\"sekisho\"]"},
        {"jti", "\"012345678901234567890123456789012345678\""},
        {"sub", "\"山田 太郎\""},
        {"sub", "\"012345678901234567890123456789012345678901234567890123456789012\""},
        {"role", "\"provisioning\""},
        {"role", "\"operator\""},
    };
    char token[MINT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        accepts(with(token, rows[i].claim, rows[i].value));
}

static void a_claim_twice_is_refused(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    refuses(hs256(token, claims(payload, "\"role\":\"pbx\",\"role\":\"operator\",")),
            "not an object");
    refuses(hs256(token, claims(payload, "\"role\":\"pbx\",\"exp\":1900000000,")), "not an object");
    refuses(hs256(token, claims(payload, "\"role\":\"pbx\",\"r\\u006fle\":\"operator\",")),
            "not an object");
}

static void tenants_fit_the_role(void **state)
{
    static const struct {
        const char *claims, *why; /* why NULL: accepted */
    } rows[] = {
        {"\"role\":\"tenant_admin\",\"tenant\":\"acme\",", NULL},
        {"\"role\":\"tenant_viewer\",\"tenant\":\"acme\",", NULL},
        {"\"role\":\"tenant_admin\",", "tenant"},
        {"\"role\":\"tenant_admin\",\"tenants\":[\"acme\"],", "tenant"},
        {"\"role\":\"tenant_admin\",\"tenant\":\"acme\",\"tenants\":[\"acme\"],", "tenant"},
        {"\"role\":\"tenant_admin\",\"tenant\":[\"acme\"],", "tenant"},
        {"\"role\":\"tenant_viewer\",\"tenant\":\"\",", "tenant"},
        {"\"role\":\"operator\",\"tenant\":\"acme\",", "tenant"},
        {"\"role\":\"operator\",\"tenants\":[\"acme\"],", "operator"},
        {"\"role\":\"provisioning\",\"tenants\":[\"acme\",\"globex\"],", NULL},
    };
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hs256(token, claims(payload, "%s", rows[i].claims));
        if (rows[i].why)
            refuses(token, rows[i].why);
        else
            accepts(token);
    }
}

static void what_a_token_covers(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES];
    struct credential c;
    (void)state;
    accepts_slice(slice_of(hs256(token, claims(payload, "\"role\":\"pbx\",\"sub\":\"tokyo-1\","
                                               "\"tenants\":[\"acme\",\"globex\"],"))), &c);
    assert_int_equal(c.role, ROLE_PBX);
    assert_int_equal(c.tenants_count, 2);
    assert_string_equal(c.subject, "tokyo-1");
    assert_string_equal(c.jti, "J1");
    assert_int_equal(c.expires_at_ms, now_ms + 600000);
    assert_int_equal(c.issued_at_ms, now_ms - 10000);
    assert_true(credential_covers(&c, SLICE_LIT("acme")));
    assert_true(credential_covers(&c, SLICE_LIT("globex")));
    assert_false(credential_covers(&c, SLICE_LIT("glob")));
    assert_false(credential_covers(&c, SLICE_LIT("acme\0globex")));
    assert_false(credential_covers(&c, SLICE_NONE));
    assert_null(credential_tenant(&c));

    hs256(token, claims(payload, "\"role\":\"tenant_viewer\",\"tenant\":\"acme\","));
    accepts_slice(slice_of(token), &c);
    assert_string_equal(credential_tenant(&c), "acme");
    assert_false(credential_covers(&c, SLICE_LIT("globex")));

    accepts_slice(slice_of(hs256(token, pbx(payload))), &c);
    assert_true(credential_covers(&c, SLICE_LIT("anyone")));
    assert_null(credential_next_tenant(&c, NULL));

    struct credential nobody = {0};
    assert_false(credential_covers(&nobody, SLICE_LIT("acme")));
}

static void sixty_four_tenants_fit_and_no_more(void **state)
{
    char list[4096], payload[MINT_BYTES], token[MINT_BYTES];
    struct credential credential;
    (void)state;
    for (int count = 64; count <= 65; count++) {
        size_t n = 0;
        for (int i = 0; i < count; i++)
            n += (size_t)snprintf(list + n, sizeof list - n, "%c\"tenant-number-%02d\"",
                                  i ? ',' : '[', i);
        hs256(token, claims(payload, "\"role\":\"pbx\",\"tenants\":%s],", list));
        if (count == 65) {
            refuses(token, "tenant");
            continue;
        }
        accepts_slice(slice_of(token), &credential);
        assert_int_equal(credential.tenants_count, 64);
        assert_true(credential_covers(&credential, SLICE_LIT("tenant-number-00")));
        assert_true(credential_covers(&credential, SLICE_LIT("tenant-number-63")));
        assert_false(credential_covers(&credential, SLICE_LIT("tenant-number-64")));
    }
}

static void an_expiry_holds_for_a_remembered_token(void **state)
{
    char token[MINT_BYTES];
    struct credential credential;
    struct err err = {0};
    (void)state;
    with(token, "jti", "\"EXPIRES\"");
    accepts(token);
    assert_int_equal(verify_at(slice_of(token), now_ms + 599999, &credential, &err), 0);
    assert_int_equal(verify_at(slice_of(token), now_ms + 600000, &credential, &err), ERR_FORBIDDEN);
    assert_string_equal(err.text, "expired");
}

static void a_revocation_holds_for_a_remembered_token(void **state)
{
    char token[MINT_BYTES], other[MINT_BYTES];
    struct err err = {0};
    (void)state;
    with(token, "jti", "\"GONE\"");
    with(other, "jti", "\"STAYS\"");
    accepts(token);
    assert_int_equal(revocations_add(world.revocations, SLICE_LIT("GONE"), &err), 0);
    refuses(token, "revoked");
    accepts(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_too_few_is_refused),
        cmocka_unit_test(claims_are_an_object),
        cmocka_unit_test(a_claim_of_another_value_is_refused),
        cmocka_unit_test(a_claim_at_the_edge_is_accepted),
        cmocka_unit_test(a_claim_twice_is_refused),
        cmocka_unit_test(tenants_fit_the_role),
        cmocka_unit_test(what_a_token_covers),
        cmocka_unit_test(sixty_four_tenants_fit_and_no_more),
        cmocka_unit_test(an_expiry_holds_for_a_remembered_token),
        cmocka_unit_test(a_revocation_holds_for_a_remembered_token),
    };
    return cmocka_run_group_tests(tests, verifying_set_up, verifying_tear_down);
}
