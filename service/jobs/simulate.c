#include "jobs/simulate.h"

#include <stdlib.h>

#include "core/policy.h"
#include "engine/rulesets.h"

enum { PLACES = 2 * SIMULATED_SUMS_MAX, PREFIX_ABROAD = 7, PREFIX_HOME = 4 };

/* Sums by name: a hash table of places in a list. */
struct tally {
    struct simulated_sum *sums;
    uint16_t *places; /* number in the list, plus 1; 0: free */
    unsigned count;
    struct simulated_sum others;
};

struct ring {
    struct simulated_example examples[SIMULATED_EXAMPLES_MAX];
    uint64_t put; /* ever */
};

struct simulation {
    const struct rulesets *rulesets;
    int64_t judged_at_ms;
    bool has_tenants;
    struct tally countries, prefixes, accounts;
    struct ring rings[SIMULATED_COUNT];
    struct simulation_result result;
    const struct simulated_rules *rules; /* of the run under way */
};

const char *simulated_word(enum simulated simulated)
{
    static const char *const words[] = {"refused", "diverted", "passed"};
    return words[simulated];
}

/* --- sums ------------------------------------------------------------------------------------- */

static bool tally_init(struct tally *tally)
{
    tally->sums = calloc(SIMULATED_SUMS_MAX, sizeof *tally->sums);
    tally->places = calloc(PLACES, sizeof *tally->places);
    return tally->sums && tally->places;
}

static void tally_release(struct tally *tally)
{
    free(tally->sums);
    free(tally->places);
}

/* FNV-1a; who chooses names for it slows down his own simulation. */
static unsigned hash(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return (unsigned)(h >> 32) % PLACES;
}

static struct simulated_sum *tally_find(struct tally *tally, const char *name)
{
    unsigned at = hash(name);
    for (; tally->places[at]; at = (at + 1) % PLACES)
        if (strcmp(tally->sums[tally->places[at] - 1].name, name) == 0)
            return &tally->sums[tally->places[at] - 1];
    if (tally->count == SIMULATED_SUMS_MAX)
        return &tally->others;
    struct simulated_sum *sum = &tally->sums[tally->count];
    snprintf(sum->name, sizeof sum->name, "%s", name);
    tally->places[at] = (uint16_t)++tally->count;
    return sum;
}

static void tally_add(struct tally *tally, const char *name, enum simulated change)
{
    struct simulated_sum *sum = tally_find(tally, name);
    sum->calls[change]++;
    sum->all++;
}

static int by_calls(const void *left, const void *right)
{
    const struct simulated_sum *a = left, *b = right;
    if (a->all != b->all)
        return a->all < b->all ? 1 : -1;
    return strcmp(a->name, b->name);
}

static struct simulated_sums tally_sorted(struct tally *tally)
{
    qsort(tally->sums, tally->count, sizeof *tally->sums, by_calls);
    memset(tally->places, 0, PLACES * sizeof *tally->places); /* they moved */
    for (unsigned i = 0; i < tally->count; i++) {
        unsigned at = hash(tally->sums[i].name);
        while (tally->places[at])
            at = (at + 1) % PLACES;
        tally->places[at] = (uint16_t)(i + 1);
    }
    return (struct simulated_sums){tally->sums, tally->count, tally->others};
}

/* --- a call ----------------------------------------------------------------------------------- */

/* Both verdicts of one call. */
struct pair {
    struct verdict before, after;
};

static void judge_both(const struct simulation *simulation, const struct call_record *call,
                       struct pair *ret)
{
    const struct simulated_rules *rules = simulation->rules;
    /* what is stored is canonical, without outside line; as dialed where it was no number */
    const char *outside_line =
        strcmp(call->kind, "invalid") == 0 ? ruleset_outside_line(rules->present) : "";
    struct folded folded;
    struct number number = {.readings_count = 1, .readings = {{.kind = KIND_INVALID}}};
    rulesets_enter();
    const struct numbering *numbering = rulesets_numbering(simulation->rulesets);
    if (number_fold(slice_of(call->number), &folded) == 0 &&
        !number_is_emergency(&folded, outside_line, &number))
        number_read(numbering, &folded, outside_line, &number, NULL);
    struct policy policy = {numbering, rules->platform, rules->present};
    policy_judge(&policy, slice_of(call->account), &number, simulation->judged_at_ms, &ret->before,
                 NULL);
    policy.tenant = rules->draft;
    policy_judge(&policy, slice_of(call->account), &number, simulation->judged_at_ms, &ret->after,
                 NULL);
    rulesets_leave();
}

static void take_verdict(const struct verdict *verdict, struct simulated_verdict *ret)
{
    ret->action = verdict->action;
    snprintf(ret->target, sizeof ret->target, "%s", verdict->has_rule ? verdict->rule.target : "");
    snprintf(ret->id, sizeof ret->id, "%s", verdict->has_rule ? verdict->rule.id : "");
}

static void keep(struct ring *ring, const struct call_record *call, const struct pair *pair)
{
    struct simulated_example *example = &ring->examples[ring->put++ % SIMULATED_EXAMPLES_MAX];
    example->call = *call;
    take_verdict(&pair->before, &example->before);
    take_verdict(&pair->after, &example->after);
}

static enum simulated change_to(enum action action)
{
    return action == ACTION_DENY     ? SIMULATED_REFUSED
           : action == ACTION_DIVERT ? SIMULATED_DIVERTED
                                     : SIMULATED_PASSED;
}

static void count_change(struct simulation *simulation, const struct call_record *call,
                         const struct pair *pair)
{
    char prefix[PREFIX_ABROAD + 1], account[SIMULATED_NAME_BYTES];
    enum simulated change = change_to(pair->after.action);
    bool is_abroad = strncmp(call->number, "010", 3) == 0;
    snprintf(prefix, sizeof prefix, "%.*s", is_abroad ? PREFIX_ABROAD : PREFIX_HOME, call->number);
    snprintf(account, sizeof account, "%s%s%s", simulation->has_tenants ? call->tenant : "",
             simulation->has_tenants ? "/" : "", call->account);
    simulation->result.changed[change]++;
    if (is_abroad || call->country[0])
        tally_add(&simulation->countries, call->country, change);
    tally_add(&simulation->prefixes, prefix, change);
    tally_add(&simulation->accounts, account, change);
    keep(&simulation->rings[change], call, pair);
}

static int take_call(void *context, const struct call_record *call, struct err *err)
{
    struct simulation *simulation = context;
    struct pair pair;
    (void)err;
    judge_both(simulation, call, &pair);
    simulation->result.calls++;
    simulation->result.before[pair.before.action]++;
    simulation->result.after[pair.after.action]++;
    if (pair.before.action != pair.after.action)
        count_change(simulation, call, &pair);
    return 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

int simulation_new(const struct rulesets *rulesets, int64_t judged_at_ms, bool has_tenants,
                   struct simulation **ret, struct err *err)
{
    struct simulation *simulation = calloc(1, sizeof *simulation);
    if (!simulation || !tally_init(&simulation->countries) || !tally_init(&simulation->prefixes) ||
        !tally_init(&simulation->accounts)) {
        simulation_free(simulation);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    simulation->rulesets = rulesets;
    simulation->judged_at_ms = judged_at_ms;
    simulation->has_tenants = has_tenants;
    *ret = simulation;
    return 0;
}

void simulation_free(struct simulation *simulation)
{
    if (!simulation)
        return;
    tally_release(&simulation->countries);
    tally_release(&simulation->prefixes);
    tally_release(&simulation->accounts);
    free(simulation);
}

int simulation_run(struct simulation *simulation, struct store *store, struct slice tenant,
                   const struct simulated_rules *rules, int64_t from_ms, int64_t to_ms,
                   struct err *err)
{
    const struct call_filter filter = {.tenant = tenant, .from_ms = from_ms, .to_ms = to_ms};
    simulation->rules = rules;
    int rc = store_calls_each(store, &filter, take_call, simulation, err);
    simulation->rules = NULL;
    return rc;
}

const struct simulation_result *simulation_result(struct simulation *simulation)
{
    struct simulation_result *result = &simulation->result;
    result->countries = tally_sorted(&simulation->countries);
    result->prefixes = tally_sorted(&simulation->prefixes);
    result->accounts = tally_sorted(&simulation->accounts);
    for (int i = 0; i < SIMULATED_COUNT; i++) {
        struct ring *ring = &simulation->rings[i];
        uint64_t count = ring->put < SIMULATED_EXAMPLES_MAX ? ring->put : SIMULATED_EXAMPLES_MAX;
        result->examples_count[i] = (unsigned)count;
        for (uint64_t k = 0; k < count; k++)
            result->examples[i][k] = &ring->examples[(ring->put - 1 - k) % SIMULATED_EXAMPLES_MAX];
    }
    return result;
}
