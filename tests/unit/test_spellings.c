/*
 * No spelling of a blocked destination is allowed: random destinations abroad, dressed up in every way
 * that numbering data and specification know, one after the other and inside each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/csv.h"
#include "core/numbering_data.h"
#include "core/policy.h"
#include "random.h"

enum { SPELLINGS = 200000 };

static struct numbering *numbering;
static struct random dice;

static void append(char *text, const char *more)
{
    size_t n = strlen(text);
    memcpy(text + n, more, strlen(more) + 1);
}

static void prepend(char *text, const char *before)
{
    char copy[256];
    memcpy(copy, text, strlen(text) + 1);
    memcpy(text, before, strlen(before));
    memcpy(text + strlen(before), copy, strlen(copy) + 1);
}

/* An assigned calling code (or code and leading digits) and digits to a possible length; not +1, not +81. */
static void random_destination(char digits[32])
{
    for (;;) {
        unsigned at = 0;
        uint16_t node = 0, value = 0;
        while (at < 4 && !value) { /* a random walk to a first code */
            unsigned digit = random_below(&dice, 10);
            uint16_t child = numbering->countries.nodes[node].child[digit];
            if (!child)
                continue;
            node = child;
            digits[at++] = (char)('0' + digit);
            value = numbering->countries.nodes[node].value;
        }
        bool is_japan = at == 2 && digits[0] == '8' && digits[1] == '1'; /* +81 is not abroad */
        if (!value || digits[0] == '1' || is_japan)
            continue;
        const struct country_row *row = &numbering->country_rows[value - 1];
        while (at < row->min_digits)
            digits[at++] = (char)('0' + random_below(&dice, 10));
        digits[at] = '\0';
        return;
    }
}

static const char *random_carrier(void)
{
    for (;;) {
        const struct dial_prefix *row =
            &numbering->prefix_rows[random_below(&dice, numbering->prefixes_count)];
        if (row->before == BEFORE_NUMBER)
            return row->prefix;
    }
}

/* For forms without 010 or +: by the specification a whole freephone number, or a carrier code followed
 * by 010 or a complete national number, is that and nothing else, whatever 00 means elsewhere. */
static bool means_another(const char *text)
{
    if (numbering_kind(numbering, slice_of(text)) == KIND_FREEPHONE)
        return true;
    for (unsigned i = 0; i < numbering->prefixes_count; i++) {
        const struct dial_prefix *row = &numbering->prefix_rows[i];
        if (row->before != BEFORE_NUMBER || strncmp(text, row->prefix, row->len) != 0)
            continue;
        const char *rest = text + row->len;
        bool is_national = rest[0] == '0' && rest[1] != '0' &&
                           numbering_kind(numbering, slice_of(rest)) != KIND_UNKNOWN;
        if (is_national || strncmp(rest, "010", 3) == 0)
            return true;
    }
    return false;
}

/* One way to write the destination, before prefixes and separators. */
static void random_form(const char *digits, char *text)
{
    static const char *const before[] = {"010", "+", "00", "+81010", "+8110"};
    unsigned form = random_below(&dice, 8);
    text[0] = '\0';
    if (form < 5) {
        append(text, before[form]);
    } else {
        append(text, form == 7 ? "0081" : random_carrier());
        append(text, form == 5 ? "" : random_below(&dice, 2) ? "+" : "010");
    }
    append(text, digits);
    if ((form == 2 || form == 5) && means_another(text)) {
        text[0] = '\0';
        append(text, "010");
        append(text, digits);
    }
}

static void random_prefixes(char *text)
{
    static const char *const prefixes[] = {"184", "186", "122", "0000"};
    for (unsigned n = random_below(&dice, 6); n > 0 && strlen(text) < 40; n--)
        prepend(text, prefixes[random_below(&dice, 4)]);
}

/* Separators and full-width forms, as long as the whole stays within the bound. */
static void random_dress(const char *text, char *dressed)
{
    static const char *const separators[] = {" ", "-", ".", "/", "(", ")", "　", "‐", "–", "ー", "－"};
    size_t n = 0, left = strlen(text);
    for (; *text; text++, left--) {
        if (random_below(&dice, 6) == 0 && n + left + 3 <= NUMBER_DIALED_BYTES_MAX) {
            const char *separator = separators[random_below(&dice, 11)];
            memcpy(dressed + n, separator, strlen(separator));
            n += strlen(separator);
        }
        if (random_below(&dice, 8) == 0 && n + left + 2 <= NUMBER_DIALED_BYTES_MAX) {
            unsigned point = 0xff01 + (unsigned)(*text - '!'); /* U+FFxx: three bytes */
            dressed[n++] = (char)(0xe0 | point >> 12);
            dressed[n++] = (char)(0x80 | (point >> 6 & 0x3f));
            dressed[n++] = (char)(0x80 | (point & 0x3f));
        } else {
            dressed[n++] = *text;
        }
    }
    dressed[n] = '\0';
}

static struct verdict judge(const struct policy *policy, const char *outside, const char *dialed)
{
    struct verdict verdict = {.action = ACTION_DENY, .reason = REASON_INVALID_NUMBER};
    struct folded folded;
    if (number_fold(slice_of(dialed), &folded))
        return verdict;
    if (number_is_emergency(&folded, outside, &verdict.number)) {
        verdict.action = ACTION_ALLOW;
        return verdict;
    }
    number_read(numbering, &folded, outside, &verdict.number, NULL);
    policy_judge(policy, SLICE_NONE, &verdict.number, 1, &verdict, NULL);
    return verdict;
}

/* Rules: deny 010, allow 0101. Destinations are never +1. */
static void test_no_spelling_is_allowed(void **state)
{
    (void)state;
    static const char *const outsides[] = {"", "0", "9", "*9#"};
    struct err err = {0};
    struct rule rules[2] = {
        {.id = "1", .account = "", .divert_to = "", .note = "", .source = "customer", .action = ACTION_DENY},
        {.id = "2", .account = "", .divert_to = "", .note = "", .source = "customer", .action = ACTION_ALLOW},
    };
    assert_int_equal(target_parse(SLICE_LIT("010"), &rules[0].target, &err), 0);
    assert_int_equal(target_parse(SLICE_LIT("0101"), &rules[1].target, &err), 0);
    struct ruleset *platform, *tenant;
    assert_int_equal(ruleset_new(&(struct ruleset_owner){0}, NULL, 0, &platform, &err), 0);
    assert_int_equal(ruleset_new(&(struct ruleset_owner){0}, rules, 2, &tenant, &err), 0);
    struct policy policy = {numbering, platform, tenant};
    unsigned by_rule = 0;
    for (unsigned i = 0; i < SPELLINGS; i++) {
        char digits[32], text[128], dressed[256];
        const char *outside = outsides[random_below(&dice, 4)];
        random_destination(digits);
        random_form(digits, text);
        random_prefixes(text);
        if (random_below(&dice, 10) == 0) {
            prepend(text, "*21*");
            append(text, "#");
        }
        if (outside[0])
            prepend(text, outside);
        random_dress(text, dressed);
        struct verdict verdict = judge(&policy, outside, dressed);
        if (verdict.action != ACTION_DENY)
            print_error("allowed: '%s' (%s) for %s\n", dressed, text, digits);
        assert_int_equal(verdict.action, ACTION_DENY);
        by_rule += verdict.has_rule && strcmp(verdict.rule.target, "010") == 0;
    }
    print_message("%u of %d denied by the rule itself\n", by_rule, SPELLINGS);
    assert_true(by_rule > SPELLINGS / 100 * 98);
    ruleset_free(platform);
    ruleset_free(tenant);
}

/* Nothing known of the tenant: one digit may be the outside line, but not one digit after the other,
 * or every number that ends in 118 and has no other 1 would ring the coast guard. */
static void test_an_unknown_outside_line_is_one_digit(void **state)
{
    (void)state;
    static const char *const emergencies[] = {"110", "0118", "184 9 119", "9 186 9 119", "00119"};
    static const char *const others[] = {"0344440118", "00442079460119", "5550110", "09118", "1118"};
    struct folded folded;
    struct number number;
    for (size_t i = 0; i < sizeof emergencies / sizeof *emergencies; i++) {
        assert_int_equal(number_fold(slice_of(emergencies[i]), &folded), 0);
        assert_true(number_is_emergency(&folded, NULL, &number));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(number_fold(slice_of(others[i]), &folded), 0);
        assert_false(number_is_emergency(&folded, NULL, &number));
    }
}

int main(void)
{
    struct err err = {0};
    dice = random_start("spellings");
    if (numbering_builtin(&numbering, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_spelling_is_allowed),
        cmocka_unit_test(test_an_unknown_outside_line_is_one_digit),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    numbering_free(numbering);
    return failed;
}
