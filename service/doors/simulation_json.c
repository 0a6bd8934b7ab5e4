#include "doors/simulation_json.h"

#include "base/clock.h"

enum { SUMS_SHOWN_MAX = 50 };

static json_t *sum_write(const struct simulated_sum *sum, const char *member)
{
    json_t *name = sum->name[0] ? json_string(sum->name) : json_null();
    return json_pack("{s:o,s:I,s:I,s:I}", member, name, "refused",
                     (json_int_t)sum->calls[SIMULATED_REFUSED], "diverted",
                     (json_int_t)sum->calls[SIMULATED_DIVERTED], "passed",
                     (json_int_t)sum->calls[SIMULATED_PASSED]);
}

static json_t *sums_write(const struct simulated_sums *sums, const char *member)
{
    json_t *array = json_array();
    unsigned count = sums->count < SUMS_SHOWN_MAX ? sums->count : SUMS_SHOWN_MAX;
    for (unsigned i = 0; i < count; i++)
        if (json_array_append_new(array, sum_write(&sums->list[i], member))) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *verdict_write(const struct simulated_verdict *verdict)
{
    return json_pack("{s:s,s:o}", "verdict", action_word(verdict->action), "rule",
                     verdict->target[0] ? json_string(verdict->target) : json_null());
}

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *example_write(const struct simulated_example *example, enum simulated change)
{
    const struct call_record *call = &example->call;
    char at[CLOCK_TEXT_BYTES];
    return json_pack("{s:s,s:s,s:o,s:s,s:o,s:I,s:s,s:o,s:o}", "change", simulated_word(change),
                     "at", clock_format(call->at_ms, at), "account", text_or_null(call->account),
                     "number", call->number, "country", text_or_null(call->country), "seconds",
                     (json_int_t)call->seconds, "disposition", disposition_word(call->disposition),
                     "before", verdict_write(&example->before), "after",
                     verdict_write(&example->after));
}

static json_t *examples_write(const struct simulation_result *result)
{
    json_t *array = json_array();
    for (enum simulated change = 0; change < SIMULATED_COUNT; change++)
        for (unsigned i = 0; i < result->examples_count[change]; i++)
            if (json_array_append_new(array, example_write(result->examples[change][i], change))) {
                json_decref(array);
                return NULL;
            }
    return array;
}

static json_t *actions_write(const uint64_t counts[ACTION_DENY + 1])
{
    return json_pack("{s:I,s:I,s:I}", "allow", (json_int_t)counts[ACTION_ALLOW], "divert",
                     (json_int_t)counts[ACTION_DIVERT], "deny", (json_int_t)counts[ACTION_DENY]);
}

json_t *simulation_write(const struct simulation_result *result, int64_t from_ms, int64_t to_ms,
                         int days)
{
    char from[CLOCK_TEXT_BYTES], to[CLOCK_TEXT_BYTES];
    const uint64_t *changed = result->changed;
    return json_pack(
        "{s:i,s:s,s:s,s:I,s:o,s:o,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "days", days, "from",
        clock_format(from_ms, from), "to", clock_format(to_ms, to), "calls",
        (json_int_t)result->calls, "before", actions_write(result->before), "after",
        actions_write(result->after), "refused", (json_int_t)changed[SIMULATED_REFUSED],
        "diverted", (json_int_t)changed[SIMULATED_DIVERTED], "passed",
        (json_int_t)changed[SIMULATED_PASSED], "countries",
        sums_write(&result->countries, "country"), "prefixes",
        sums_write(&result->prefixes, "prefix"), "accounts",
        sums_write(&result->accounts, "account"), "examples", examples_write(result));
}
