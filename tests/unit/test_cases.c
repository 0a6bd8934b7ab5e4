/* Replays tests/cases in process: fold, read, judge, without a daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>

#include "base/clock.h"
#include "casefile.h"

static struct numbering *numbering;

static void judge(const struct case_block *block, const struct case_call *call, struct verdict *ret)
{
    struct ruleset *tenant, *platform;
    struct err err = {0};
    struct ruleset_owner nobody = {0};
    struct ruleset_owner owner = {.tenant = slice_of(block->tenant),
                                  .outside_line = slice_of(block->outside_line),
                                  .is_suspended = block->is_suspended};
    assert_int_equal(ruleset_new(&owner, block->tenant_rules, block->tenant_count, &tenant, &err), 0);
    assert_int_equal(
        ruleset_new(&nobody, block->platform_rules, block->platform_count, &platform, &err), 0);
    struct policy policy = {numbering, platform, tenant};
    struct folded folded;
    memset(ret, 0, sizeof *ret);
    if (number_fold((struct slice){call->dialed, call->dialed_len}, &folded)) {
        ret->number.readings_count = 1;
        ret->action = ACTION_DENY;
        ret->reason = REASON_INVALID_NUMBER;
    } else {
        if (!number_is_emergency(&folded, block->outside_line, &ret->number))
            number_read(numbering, &folded, block->outside_line, &ret->number, NULL);
        policy_judge(&policy, slice_of(call->account), &ret->number, clock_now_ms(), ret, NULL);
    }
    number_dial_string(&ret->number, ret->dial);
    ruleset_free(tenant);
    ruleset_free(platform);
}

/* The value that a verdict has for one KEY of an expectation. */
static const char *value_of(const struct verdict *verdict, const char *key)
{
    static char count[8];
    const struct reading *first = &verdict->number.readings[0];
    if (strcmp(key, "rule") == 0)
        return verdict->has_rule ? verdict->rule.target : "-";
    if (strcmp(key, "scope") == 0)
        return verdict->has_rule ? scope_word(verdict->rule.scope) : "-";
    if (strcmp(key, "reason") == 0)
        return reason_word(verdict->reason);
    if (strcmp(key, "kind") == 0)
        return number_kind_word(first->kind);
    if (strcmp(key, "country") == 0)
        return first->country[0] ? first->country : "-";
    if (strcmp(key, "number") == 0)
        return first->number;
    if (strcmp(key, "dial") == 0)
        return verdict->dial;
    if (strcmp(key, "divert") == 0)
        return verdict->divert_to;
    if (strcmp(key, "readings") == 0) {
        snprintf(count, sizeof count, "%u", verdict->number.readings_count);
        return count;
    }
    return "no such key";
}

static void replay(const struct case_block *block, const struct case_call *call, void *context)
{
    unsigned *failures = context;
    struct verdict verdict;
    char expected[512], *rest = expected;
    judge(block, call, &verdict);
    snprintf(expected, sizeof expected, "%s", call->expected);
    for (char *word; (word = strsep(&rest, " "));) {
        char *equals = strchr(word, '=');
        const char *key = "verdict", *wanted = word, *got = action_word(verdict.action);
        if (word[0] == '\0')
            continue;
        if (equals) {
            *equals = '\0';
            key = word;
            wanted = equals + 1;
            got = value_of(&verdict, key);
        }
        if (strcmp(got, wanted) != 0) {
            print_error("%s:%u: %.*s: %s is %s, not %s\n", call->file, call->line,
                        (int)call->dialed_len, call->dialed, key, got, wanted);
            ++*failures;
        }
    }
}

static void test_cases(void **state)
{
    (void)state;
    unsigned failures = 0, calls = 0;
    glob_t files;
    assert_int_equal(glob("tests/cases/*.case", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        calls += casefile_each(files.gl_pathv[i], replay, &failures);
    globfree(&files);
    print_message("%u calls\n", calls);
    assert_true(calls > 100);
    assert_int_equal(failures, 0);
}

static int setup(void **state)
{
    (void)state;
    struct err err = {0};
    if (numbering_builtin(&numbering, &err)) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    numbering_free(numbering);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
