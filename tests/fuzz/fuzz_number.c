/*
 * Any bytes as a dialed string. First byte: which outside line. Beside not crashing, what is read keeps
 * its promises: canonical characters only, 1 or 2 readings, and with 010 denied nothing abroad passes.
 */
#include <assert.h>
#include <stdint.h>

#include "core/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct policy make_policy(void)
{
    struct numbering *numbering;
    struct ruleset *platform, *tenant;
    struct rule rule = {.id = "1", .account = "", .action = ACTION_DENY, .divert_to = "", .note = "",
                        .source = "customer"};
    int rc = numbering_builtin(&numbering, NULL) | target_parse(SLICE_LIT("010"), &rule.target, NULL) |
             ruleset_new(&(struct ruleset_owner){0}, NULL, 0, &platform, NULL) |
             ruleset_new(&(struct ruleset_owner){0}, &rule, 1, &tenant, NULL);
    assert(rc == 0);
    return (struct policy){numbering, platform, tenant};
}

static void check_reading(const struct reading *reading)
{
    assert(strlen(reading->number) == reading->len);
    assert(strspn(reading->number, "0123456789*#") == reading->len);
    assert((reading->kind == KIND_INVALID) == (reading->len == 0));
    assert(reading->country_len == 0 || reading->country[0]);
    if (reading->kind == KIND_INTERNATIONAL)
        assert(strncmp(reading->number, "010", 3) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const outsides[] = {"", "0", "9", "*9#"};
    static struct policy policy;
    static struct trace trace;
    struct folded folded;
    struct number number;
    struct verdict verdict = {0};
    char dial[NUMBER_CHARS_MAX + 16];
    if (!policy.numbering)
        policy = make_policy();
    if (size == 0)
        return 0;
    const char *outside = outsides[data[0] % 4];
    if (number_fold((struct slice){(const char *)data + 1, size - 1}, &folded))
        return 0;
    if (number_is_emergency(&folded, outside, &number)) {
        assert(number.readings[0].len == 3);
        return 0;
    }
    trace.count = 0;
    number_read(policy.numbering, &folded, outside, &number, &trace);
    assert(number.readings_count == 1 || number.readings_count == 2);
    for (unsigned i = 0; i < number.readings_count; i++)
        check_reading(&number.readings[i]);
    number_dial_string(&number, dial);
    assert(strspn(dial, "0123456789*#") == strlen(dial));
    policy_judge(&policy, SLICE_NONE, &number, 1, &verdict, NULL);
    bool is_abroad = number.readings[0].kind == KIND_INTERNATIONAL ||
                     number.readings[0].kind == KIND_UNKNOWN || number.readings[0].kind == KIND_UNKNOWN00;
    assert(!is_abroad || verdict.action == ACTION_DENY);
    return 0;
}
