/* Rulesets outside the program: what is sealed comes back the same, what was touched does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/envelope.h"
#include "random.h"

static const unsigned char key[ENVELOPE_KEY_BYTES] = "a key of thirty-two bytes in all";

static struct ruleset *make(void)
{
    struct ruleset *ruleset;
    struct rule rules[] = {
        {.id = "r1", .account = "", .action = ACTION_DENY, .divert_to = "", .note = "", .source = "customer"},
        {.id = "r2", .account = "", .action = ACTION_ALLOW, .divert_to = "", .note = "", .source = "customer",
         .expires_at_ms = 50},
        {.id = "r3", .account = "1001", .action = ACTION_DIVERT, .divert_to = "decoy", .note = "",
         .source = "operator"},
    };
    static const char *const targets[] = {"010", "0101", "country:US"};
    struct ruleset_owner owner = {SLICE_LIT("acme"), SLICE_LIT("0"), false, 42};
    for (int i = 0; i < 3; i++)
        assert_int_equal(target_parse(slice_of(targets[i]), &rules[i].target, NULL), 0);
    assert_int_equal(ruleset_new(&owner, rules, 3, &ruleset, NULL), 0);
    return ruleset;
}

static void what_is_sealed_comes_back(void **state)
{
    (void)state;
    struct ruleset *ruleset = make(), *back;
    size_t n = envelope_bytes(ruleset);
    unsigned char *sealed = malloc(n);
    struct envelope_mark mark;
    struct slice acme = SLICE_LIT("acme"), other = SLICE_LIT("acmf");
    envelope_seal(ruleset, key, (struct envelope_mark){1234, 7}, sealed);
    struct slice bytes = {(char *)sealed, n};
    assert_int_equal(envelope_open(bytes, key, &acme, &mark, &back, NULL), 0);
    assert_int_equal(mark.sealed_at_ms, 1234);
    assert_int_equal(mark.history, 7);
    assert_int_equal(ruleset_revision(back), 42);
    assert_string_equal(ruleset_outside_line(back), "0");
    assert_int_equal(ruleset_account(back, SLICE_LIT("1001")).count, 1);
    assert_true(slice_equals(ruleset_image(back), ruleset_image(ruleset)));
    ruleset_free(back);
    assert_int_equal(envelope_open(bytes, key, &other, &mark, &back, NULL), ERR_INVALID);
    unsigned char other_key[ENVELOPE_KEY_BYTES] = "another key";
    assert_int_equal(envelope_open(bytes, other_key, &acme, &mark, &back, NULL), ERR_INVALID);
    free(sealed);
    ruleset_free(ruleset);
}

static void what_was_touched_does_not(void **state)
{
    (void)state;
    struct ruleset *ruleset = make(), *back = NULL;
    size_t n = envelope_bytes(ruleset);
    unsigned char *sealed = malloc(n);
    struct envelope_mark mark;
    envelope_seal(ruleset, key, (struct envelope_mark){1234, 7}, sealed);
    for (size_t i = 0; i < n; i++) {
        sealed[i] ^= 1;
        assert_int_not_equal(envelope_open((struct slice){(char *)sealed, n}, key, NULL, &mark, &back, NULL), 0);
        sealed[i] ^= 1;
        assert_int_not_equal(envelope_open((struct slice){(char *)sealed, i}, key, NULL, &mark, &back, NULL), 0);
    }
    assert_null(back);
    free(sealed);
    ruleset_free(ruleset);
}

/* As policy.c copies the texts of what decided: into arrays of just their size. */
static void copy_texts(const struct rule_match *match)
{
    struct {
        char target[RULE_TARGET_BYTES], id[RULE_ID_BYTES], source[RULE_SOURCE_BYTES];
        char divert_to[RULE_DIVERT_BYTES], behind[256];
    } copies = {.behind = ""};
    static const char nothing[sizeof copies.behind];
    ruleset_copy_text(copies.divert_to, match->divert_to);
    assert_memory_equal(copies.behind, nothing, sizeof nothing);
    ruleset_copy_text(copies.source, match->source);
    ruleset_copy_text(copies.id, match->id);
    ruleset_copy_text(copies.target, match->target);
    assert_in_range(strnlen(copies.target, RULE_TARGET_BYTES), 0, RULE_TARGET_BYTES - 1);
    assert_in_range(strnlen(copies.id, RULE_ID_BYTES), 0, RULE_ID_BYTES - 1);
    assert_in_range(strnlen(copies.source, RULE_SOURCE_BYTES), 0, RULE_SOURCE_BYTES - 1);
}

/* Without the seal: random damage to an image is refused, or what comes back can be asked anything. */
static void a_damaged_image_leads_nowhere(void **state)
{
    (void)state;
    struct random dice = random_start("damaged image");
    struct ruleset *ruleset = make();
    struct slice image = ruleset_image(ruleset);
    struct numbering *numbering;
    unsigned accepted = 0;
    assert_int_equal(numbering_builtin(&numbering, NULL), 0);
    for (int round = 0; round < 20000; round++) {
        struct ruleset *back;
        char *copy = malloc(image.n);
        memcpy(copy, image.p, image.n);
        for (unsigned hits = 1 + random_below(&dice, 3); hits; hits--)
            copy[random_below(&dice, (unsigned)image.n)] = (char)random_next(&dice);
        if (ruleset_from_image((struct slice){copy, image.n}, &back, NULL) == 0) {
            struct reading reading = {.kind = KIND_INTERNATIONAL, .len = 14, .number = "01012125550100",
                                      .country = "US", .country_len = 7};
            struct rule_range ranges[] = {ruleset_wide(back), ruleset_locks(back),
                                          ruleset_account(back, SLICE_LIT("1001"))};
            struct lookup lookup;
            lookup_init(&lookup, numbering, &reading);
            for (int i = 0; i < 3; i++) {
                struct rule_match match;
                if (ruleset_match(back, ranges[i], &lookup, 10, &match))
                    copy_texts(&match);
            }
            ruleset_free(back);
            accepted++;
        }
        free(copy);
    }
    assert_true(accepted < 20000);
    numbering_free(numbering);
    ruleset_free(ruleset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_comes_back),
        cmocka_unit_test(what_was_touched_does_not),
        cmocka_unit_test(a_damaged_image_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
