/*
 * What one decision costs in memory, through engine_decide(), reading included; nothing is recorded.
 *
 *     decide        prints one JSON object; bench.py makes a table of it
 *
 * A sample is one batch of calls, written outside the measured time: random tenants, random dialed
 * strings. Scenarios take turns, round after round, so that whatever else the machine does meets all of
 * them alike. What is told is the median of the rounds' medians, and of ratios within a round.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pages.h"
#include "core/policy.h"
#include "dialed.h"
#include "engine/engine.h"
#include "world.h"

enum { BATCH = 64, DIALED = 8192, ROUNDS = 15, BATCHES = 200, THREADS_MAX = 4 };

static struct dialed {
    unsigned n;
    char text[NUMBER_DIALED_BYTES_MAX + 1];
} pool[DIALED], one_number = {14, "01012125550100"};

/* A world and who asks it. */
struct scenario {
    const char *name;
    unsigned tenants, rules;
    bool is_one_number; /* the same call again and again */
    struct rulesets *rulesets;
    struct engine *engine;
    double rounds_ns[ROUNDS];
};

static struct scenario scenarios[] = {
    {.name = "same", .tenants = 1, .rules = 10, .is_one_number = true},
    {.name = "rules_10", .tenants = 1, .rules = 10},
    {.name = "rules_100", .tenants = 1, .rules = 100},
    {.name = "rules_1000", .tenants = 1, .rules = 1000},
    {.name = "rules_10000", .tenants = 1, .rules = 10000},
    {.name = "tenants_1000", .tenants = 1000, .rules = 5},
    {.name = "tenants_10000", .tenants = 10000, .rules = 5},
    {.name = "tenants_100000", .tenants = 100000, .rules = 5},
    {.name = "tenants_1000000", .tenants = 1000000, .rules = 5},
};
enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };
enum { HOT = 1, TEN_THOUSAND = 4, THOUSAND = 5, MILLION = 8 }; /* indexes of some of them */

struct batch {
    struct call calls[BATCH];
    char tenants[BATCH][WORLD_NAME_BYTES];
    char numbers[BATCH][NUMBER_DIALED_BYTES_MAX + 1];
    struct verdict verdict;
    /* between the parts, when they are measured one by one */
    struct folded folded[BATCH];
    struct number read[BATCH];
    const struct ruleset *rulesets[BATCH];
    char dial[NUMBER_CHARS_MAX + 16];
};

static void write_batch(struct batch *batch, const struct scenario *scenario, struct random *dice)
{
    for (unsigned i = 0; i < BATCH; i++) {
        const struct dialed *dialed =
            scenario->is_one_number ? &one_number : &pool[random_below(dice, DIALED)];
        unsigned n = world_name(random_below(dice, scenario->tenants), batch->tenants[i]);
        memcpy(batch->numbers[i], dialed->text, dialed->n + 1);
        batch->calls[i] = (struct call){
            .tenant = {batch->tenants[i], n},
            .account = SLICE_LIT("1001"),
            .number = {batch->numbers[i], dialed->n},
        };
    }
}

static double decide(struct batch *batch, const struct scenario *scenario)
{
    int64_t begun_ns = clock_mono_ns();
    for (unsigned i = 0; i < BATCH; i++)
        engine_decide(scenario->engine, &batch->calls[i], &batch->verdict);
    return (double)(clock_mono_ns() - begun_ns) / BATCH;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts them. */
static double median(double *values, unsigned n)
{
    qsort(values, n, sizeof *values, compare);
    return values[n / 2];
}

static double median_of_rounds(const double *rounds)
{
    double sorted[ROUNDS];
    memcpy(sorted, rounds, sizeof sorted);
    return median(sorted, ROUNDS);
}

static double ratio_of_rounds(const double *ours, const double *theirs)
{
    double ratios[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++)
        ratios[i] = ours[i] / theirs[i];
    return median(ratios, ROUNDS);
}

/* The median of one round; the first batches only warm up. */
static double round_of(struct batch *batch, const struct scenario *scenario, struct random *dice)
{
    double samples[BATCHES];
    for (int i = -BATCHES / 4; i < BATCHES; i++) {
        write_batch(batch, scenario, dice);
        samples[i < 0 ? 0 : i] = decide(batch, scenario);
    }
    return median(samples, BATCHES);
}

/* --- what the parts cost -------------------------------------------------------------------------- */

enum part { FOLD, EMERGENCY, READ, FIND, JUDGE, DIAL, PARTS };
static const char *const part_words[PARTS] = {"fold", "emergency", "read", "find", "judge", "dial"};

static void do_part(enum part part, struct batch *batch, unsigned i,
                    const struct scenario *scenario)
{
    struct folded *folded = &batch->folded[i];
    struct number *number = &batch->read[i];
    const struct numbering *numbering = rulesets_numbering(scenario->rulesets);
    const struct ruleset *ruleset = batch->rulesets[i];
    struct policy policy = {numbering, rulesets_platform(scenario->rulesets), ruleset};
    switch (part) {
    case FOLD:
        if (number_fold(batch->calls[i].number, folded))
            abort();
        break;
    case FIND:
        rulesets_enter();
        batch->rulesets[i] = rulesets_find(scenario->rulesets, batch->calls[i].tenant);
        rulesets_leave();
        break;
    case EMERGENCY:
        if (number_is_emergency(folded, "", number))
            abort();
        break;
    case READ: number_read(numbering, folded, "", number, NULL); break;
    case JUDGE:
        policy_judge(&policy, batch->calls[i].account, number, 1, &batch->verdict, NULL);
        break;
    case DIAL: number_dial_string(number, batch->dial); break;
    case PARTS: break;
    }
}

static double parts_ns[PARTS];

/* Each part over a whole batch, then the next; medians in parts_ns. */
static void measure_parts(struct batch *batch, const struct scenario *scenario)
{
    enum { TIMES = 2000 };
    static const enum part order[PARTS] = {FOLD, FIND, EMERGENCY, READ, JUDGE, DIAL};
    static double samples[PARTS][TIMES];
    struct random dice = {1};
    for (unsigned time = 0; time < TIMES; time++) {
        write_batch(batch, scenario, &dice);
        for (unsigned at = 0; at < PARTS; at++) {
            int64_t begun_ns = clock_mono_ns();
            for (unsigned i = 0; i < BATCH; i++)
                do_part(order[at], batch, i, scenario);
            samples[order[at]][time] = (double)(clock_mono_ns() - begun_ns) / BATCH;
        }
    }
    for (unsigned part = 0; part < PARTS; part++)
        parts_ns[part] = median(samples[part], TIMES);
}

/* --- several threads ------------------------------------------------------------------------------ */

struct reader {
    pthread_t thread;
    pthread_barrier_t *start;
    uint64_t seed;
    double ns;
};

static void *read_along(void *context)
{
    struct reader *reader = context;
    struct random dice = {reader->seed};
    struct batch *batch = malloc(sizeof *batch);
    if (!batch)
        abort();
    pthread_barrier_wait(reader->start);
    reader->ns = round_of(batch, &scenarios[HOT], &dice);
    free(batch);
    return NULL;
}

/* Nanoseconds of a decision while `threads` threads decide at once. */
static double measure_threads(unsigned threads)
{
    struct reader readers[THREADS_MAX];
    pthread_barrier_t start;
    double ns[THREADS_MAX];
    pthread_barrier_init(&start, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        readers[i] = (struct reader){.start = &start, .seed = i + 1};
        if (pthread_create(&readers[i].thread, NULL, read_along, &readers[i]))
            abort();
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(readers[i].thread, NULL);
        ns[i] = readers[i].ns;
    }
    pthread_barrier_destroy(&start);
    return median(ns, threads);
}

/* The machine's speed just now, for who compares nanoseconds: GHz, told by a chain of multiplications
 * that take three cycles each on the processors we know. */
static double measure_ghz(void)
{
    enum { STEPS = 100000 };
    int64_t begun_ns = clock_mono_ns();
    uint64_t value = 1;
    for (int i = 0; i < STEPS; i++) {
        value *= 0x9e3779b97f4a7c15;
        __asm__ volatile("" : "+r"(value));
    }
    return 3.0 * STEPS / (double)(clock_mono_ns() - begun_ns);
}

/* --- the whole ------------------------------------------------------------------------------------ */

static void build(struct scenario *scenario)
{
    for (struct scenario *same = scenarios; same < scenario; same++)
        if (same->tenants == scenario->tenants && same->rules == scenario->rules)
            scenario->rulesets = same->rulesets;
    if (!scenario->rulesets)
        scenario->rulesets = world_new(scenario->tenants, scenario->rules);
    if (engine_new(scenario->rulesets, NULL, NULL, &scenario->engine, NULL))
        abort();
}

/* What one more rule costs where it is looked up, what a tenant without any, and what lies beside. */
static void report_bytes(void)
{
    struct rulesets_totals few = rulesets_totals(scenarios[HOT].rulesets);
    struct rulesets_totals more = rulesets_totals(scenarios[TEN_THOUSAND].rulesets);
    struct rulesets_totals many = rulesets_totals(scenarios[MILLION].rulesets);
    double a_rule = (double)(more.bytes_hot - few.bytes_hot) / (double)(more.rules - few.rules);
    printf(",\"bytes\":{\"a_rule\":%.1f,\"a_tenant\":%.1f,\"cold_a_rule\":%.1f}", a_rule,
           ((double)many.bytes_hot - a_rule * (double)many.rules) / (double)many.tenants,
           (double)many.bytes_cold / (double)many.rules);
}

static struct {
    unsigned threads;
    double alone_ns[ROUNDS], together_ns[ROUNDS], ghz[ROUNDS];
} measured;

static void measure(void)
{
    struct random dice = {2026};
    struct batch *batch = calloc(1, sizeof *batch);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    measured.threads = processors < THREADS_MAX ? (unsigned)processors : THREADS_MAX;
    for (unsigned i = 0; i < DIALED; i++)
        pool[i].n = dialed_make(&dice, pool[i].text);
    for (unsigned i = 0; i < SCENARIOS; i++)
        build(&scenarios[i]);
    pages_enlarge_heap(); /* as the daemon does when it has loaded all */
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < SCENARIOS; i++)
            scenarios[i].rounds_ns[round] = round_of(batch, &scenarios[i], &dice);
        measured.ghz[round] = measure_ghz();
        measured.alone_ns[round] = measure_threads(1);
        measured.together_ns[round] = measure_threads(measured.threads);
    }
    measure_parts(batch, &scenarios[HOT]);
    free(batch);
}

static void report(void)
{
    printf("{\"ghz\":%.2f,\"decision_ns\":{", median_of_rounds(measured.ghz));
    for (unsigned i = 0; i < SCENARIOS; i++)
        printf("\"%s\":%.1f,", scenarios[i].name, median_of_rounds(scenarios[i].rounds_ns));
    printf("\"alone\":%.1f,\"together\":%.1f},\"parts_ns\":{", median_of_rounds(measured.alone_ns),
           median_of_rounds(measured.together_ns));
    for (unsigned part = 0; part < PARTS; part++)
        printf("%s\"%s\":%.1f", part ? "," : "", part_words[part], parts_ns[part]);
    printf("},\"threads\":%u,\"ratios\":{\"rules\":%.3f,\"tenants\":%.3f,\"threads\":%.3f}",
           measured.threads,
           ratio_of_rounds(scenarios[TEN_THOUSAND].rounds_ns, scenarios[HOT].rounds_ns),
           ratio_of_rounds(scenarios[MILLION].rounds_ns, scenarios[THOUSAND].rounds_ns),
           ratio_of_rounds(measured.together_ns, measured.alone_ns));
    report_bytes();
    median(scenarios[HOT].rounds_ns, ROUNDS); /* sorts them */
    printf(",\"quietest_round_ns\":%.1f}\n", scenarios[HOT].rounds_ns[0]);
}

int main(void)
{
    measure();
    report();
    return 0;
}
