/* A verdict in the three formats of the dial route: whole answers, byte for byte. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>

#include "wire/verdict.h"

typedef void render_fn(const struct verdict *verdict, struct buf *buf);

static char text[VERDICT_TEXT_BYTES];

static const char *rendered(render_fn *render, const struct verdict *verdict)
{
    struct buf buf = BUF_OVER(text);
    render(verdict, &buf);
    assert_false(buf.overflowed);
    return text;
}

static struct reading reading(enum number_kind kind, const char *number, const char *country)
{
    struct reading reading = {.kind = kind, .len = (uint8_t)strlen(number)};
    memcpy(reading.number, number, strlen(number) + 1);
    memcpy(reading.country, country, strlen(country) + 1);
    return reading;
}

static struct verdict denied(void)
{
    return (struct verdict){
        .action = ACTION_DENY,
        .reason = REASON_RULE,
        .has_rule = true,
        .rule = {SCOPE_TENANT, "010", "01R", "onboarding"},
        .number = {1, {reading(KIND_INTERNATIONAL, "01012125550100", "US")}, ""},
        .dial = "01012125550100",
        .revision = 7,
        .platform_revision = 3,
        .numbering = "2026.1",
        .decision_id = "01D",
    };
}

static void says_which_rule_denied(void **state)
{
    (void)state;
    struct verdict verdict = denied();
    assert_string_equal(
        rendered(verdict_to_json, &verdict),
        "{\"verdict\":\"deny\",\"reason\":\"rule\",\"dial\":\"01012125550100\","
        "\"number\":\"01012125550100\",\"kind\":\"international\",\"country\":\"US\","
        "\"rule\":{\"scope\":\"tenant\",\"target\":\"010\",\"prefix\":\"010\",\"id\":\"01R\","
        "\"source\":\"onboarding\"},\"revision\":7,\"platform_revision\":3,\"numbering\":\"2026.1\","
        "\"decision_id\":\"01D\"}");
    assert_string_equal(rendered(verdict_to_text, &verdict), "deny");
    assert_string_equal(rendered(verdict_to_form, &verdict),
                        "verdict=deny&reason=rule&number=01012125550100&dial=01012125550100&rule=010"
                        "&divert=&decision_id=01D&kind=international&country=US&degraded=");
}

static void says_where_to_divert_and_by_which_group(void **state)
{
    (void)state;
    struct verdict verdict = denied();
    verdict.action = ACTION_DIVERT;
    verdict.rule = (struct deciding_rule){SCOPE_ACCOUNT, "group:high-risk", "01R", "campaign:7"};
    memcpy(verdict.divert_to, "voice-mail", sizeof "voice-mail");
    assert_non_null(strstr(rendered(verdict_to_json, &verdict),
                           "\"rule\":{\"scope\":\"account\",\"target\":\"group:high-risk\",\"id\":\"01R\","
                           "\"source\":\"campaign:7\"},\"divert_to\":\"voice-mail\",\"revision\""));
    assert_string_equal(rendered(verdict_to_text, &verdict), "divert");
    assert_non_null(strstr(rendered(verdict_to_form, &verdict),
                           "&rule=group%3Ahigh-risk&divert=voice-mail&decision_id"));
    verdict.action = ACTION_DENY; /* where to is only said to those who are to go there */
    assert_null(strstr(rendered(verdict_to_json, &verdict), "divert"));
    assert_non_null(strstr(rendered(verdict_to_form, &verdict), "&divert=&"));
}

static void says_null_for_what_is_not_known(void **state)
{
    (void)state;
    struct verdict verdict = {.action = ACTION_DENY, .reason = REASON_INVALID_NUMBER,
                              .decision_id = "01D"};
    const char *expected =
        "{\"verdict\":\"deny\",\"reason\":\"invalid_number\",\"dial\":\"\",\"number\":null,"
        "\"kind\":\"invalid\",\"country\":null,\"rule\":null,\"revision\":0,\"platform_revision\":0,"
        "\"numbering\":\"\",\"decision_id\":\"01D\"}";
    assert_string_equal(rendered(verdict_to_json, &verdict), expected);
    verdict.number = (struct number){1, {reading(KIND_INVALID, "", "")}, ""};
    assert_string_equal(rendered(verdict_to_json, &verdict), expected);
    assert_string_equal(rendered(verdict_to_form, &verdict),
                        "verdict=deny&reason=invalid_number&number=&dial=&rule=&divert="
                        "&decision_id=01D&kind=invalid&country=&degraded=");
}

static void shows_both_readings_and_the_degradation(void **state)
{
    (void)state;
    struct verdict verdict = denied();
    verdict.number = (struct number){2,
                                     {reading(KIND_INTERNATIONAL, "010331234", "FR"),
                                      reading(KIND_INTERNATIONAL, "0101234", "")},
                                     "184"};
    verdict.degraded = DEGRADED_STALE;
    assert_non_null(strstr(rendered(verdict_to_json, &verdict),
                           "\"readings\":[{\"number\":\"010331234\",\"kind\":\"international\","
                           "\"country\":\"FR\"},{\"number\":\"0101234\",\"kind\":\"international\","
                           "\"country\":null}],\"degraded\":\"stale\"}"));
    assert_non_null(strstr(rendered(verdict_to_form, &verdict), "&degraded=stale"));
}

/* Whatever got into the texts, the answer is JSON, says the same, and fits its buffer. */
static void escapes_and_fits_the_longest(void **state)
{
    (void)state;
    struct verdict verdict = denied();
    memset(verdict.rule.target, '9', sizeof verdict.rule.target - 1);
    memset(verdict.rule.id, 'X', sizeof verdict.rule.id - 1);
    memset(verdict.rule.source, '"', sizeof verdict.rule.source - 1);
    memset(verdict.dial, '*', sizeof verdict.dial - 1);
    memset(verdict.divert_to, 'v', sizeof verdict.divert_to - 1);
    memset(verdict.numbering, '1', sizeof verdict.numbering - 1);
    memset(verdict.decision_id, '0', sizeof verdict.decision_id - 1);
    verdict.number.readings_count = 2;
    for (int i = 0; i < 2; i++)
        memset(verdict.number.readings[i].number, '0', NUMBER_CHARS_MAX);
    verdict.revision = verdict.platform_revision = UINT64_MAX;
    verdict.action = ACTION_DIVERT;
    verdict.degraded = DEGRADED_FLOOR;

    json_t *json = json_loads(rendered(verdict_to_json, &verdict), JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(json);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(json, "rule"), "source")),
        verdict.rule.source);
    json_decref(json);
    assert_null(strchr(rendered(verdict_to_form, &verdict), '*'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_which_rule_denied),
        cmocka_unit_test(says_where_to_divert_and_by_which_group),
        cmocka_unit_test(says_null_for_what_is_not_known),
        cmocka_unit_test(shows_both_readings_and_the_degradation),
        cmocka_unit_test(escapes_and_fits_the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
