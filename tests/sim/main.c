/*
 * sim [--seeds N] [--from N] [--seed N] [--trace] [--without feed|order]
 *
 * Each seed is a process of its own, so that nothing of one run is left in the next. One that fails is
 * run again with its trace shown; --seed N --trace shows any. --without switches something off that
 * keeps the nodes right: then some seed must fail, or the simulation sees nothing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

enum { TRACE_LINES = 120, LINE_BYTES = 320, EXIT_FAILED = 1, EXIT_BROKEN = 2, AGAIN_EVERY = 20 };

struct sim the_sim;

static char lines[TRACE_LINES][LINE_BYTES];
static unsigned long lines_count;

/* --- telling ---------------------------------------------------------------------------------- */

static void keep_line(const char *format, va_list args)
{
    char who[24] = "";
    char *line = lines[lines_count++ % TRACE_LINES];
    if (fiber_owner() != OUTSIDE)
        snprintf(who, sizeof who, " node%d", fiber_owner() + 1);
    int n = snprintf(line, LINE_BYTES, "  %9.3f%s: ", (double)sim_now_ms() / 1000, who);
    vsnprintf(line + n, LINE_BYTES - (size_t)n, format, args);
}

void trace(const char *format, ...)
{
    va_list args;
    if (!the_sim.is_traced)
        return;
    va_start(args, format);
    keep_line(format, args);
    va_end(args);
}

void fail(const char *format, ...)
{
    va_list args;
    if (the_sim.has_failed)
        return;
    the_sim.has_failed = true;
    va_start(args, format);
    keep_line(format, args);
    va_end(args);
    unsigned long first = lines_count > TRACE_LINES ? lines_count - TRACE_LINES : 0;
    for (unsigned long i = first; the_sim.is_traced && i < lines_count; i++)
        printf("%s\n", lines[i % TRACE_LINES]);
    if (!the_sim.is_traced)
        printf("%s\n", lines[(lines_count - 1) % TRACE_LINES]);
}

/* --- one run ---------------------------------------------------------------------------------- */

bool is_faultless(void)
{
    return !the_sim.may_break_store && !the_sim.may_break_redis && !the_sim.may_stop_nodes &&
           !the_sim.may_freeze && !the_sim.may_jump_clocks && !the_sim.may_poison &&
           !the_sim.may_fail_over && !the_sim.is_slow;
}

/* Each run suffers only some of what there is: a fault often hides what another one would show. */
static void draw_faults(void)
{
    bool is_well = chance_percent(12);
    bool *const may[] = {&the_sim.may_break_store, &the_sim.may_break_redis, &the_sim.may_stop_nodes,
                         &the_sim.may_freeze, &the_sim.may_poison, &the_sim.is_slow};
    for (unsigned i = 0; i < sizeof may / sizeof *may; i++)
        *may[i] = chance_percent(50) && !is_well;
    the_sim.may_jump_clocks = chance_percent(30) && !is_well;
    the_sim.may_fail_over = chance_percent(25) && !is_well;
    the_sim.has_redis = chance_percent(75);
    the_sim.has_notify = chance_percent(50);
    the_sim.stale_max_ms = chance_percent(50) ? 3600000 : 15000;
    the_sim.cache_age_max_ms = chance_percent(50) ? 86400000 : 10000;
}

static bool is_over(void)
{
    if (!the_sim.has_failed)
        play_check_step();
    return the_sim.has_failed;
}

static int run(uint64_t seed, uint64_t *ret_digest)
{
    chance_seed(seed);
    draw_faults();
    hosts_init();
    fake_store_init();
    play_start();
    if (!fibers_run(is_over, ret_digest) && !the_sim.has_failed)
        fail("nothing goes on any more");
    hosts_release();
    fflush(stdout);
    return the_sim.has_failed ? EXIT_FAILED : 0;
}

/* In a process of its own: its exit status, and the digest of what happened. */
static int run_apart(uint64_t seed, uint64_t *ret_digest)
{
    int ends[2], status;
    if (pipe(ends))
        abort();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        uint64_t digest = 0;
        int code = run(seed, &digest);
        _exit(write(ends[1], &digest, sizeof digest) == sizeof digest ? code : EXIT_BROKEN);
    }
    close(ends[1]);
    if (pid < 0 || read(ends[0], ret_digest, sizeof *ret_digest) != sizeof *ret_digest)
        *ret_digest = 0;
    close(ends[0]);
    if (waitpid(pid, &status, 0) != pid)
        abort();
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BROKEN;
}

/* --- many runs -------------------------------------------------------------------------------- */

struct wanted {
    uint64_t from, count;
    bool is_traced;
};

static void usage(void)
{
    fprintf(stderr, "usage: sim [--seeds N] [--from N] [--seed N] [--trace] [--without feed|order]\n");
    exit(64);
}

static struct wanted read_words(int argc, char **argv)
{
    struct wanted wanted = {.from = 1, .count = 100};
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(word, "--trace") == 0) {
            wanted.is_traced = true;
            continue;
        }
        if (strcmp(word, "--seed") == 0)
            wanted = (struct wanted){strtoull(value, NULL, 10), 1, true};
        else if (strcmp(word, "--seeds") == 0)
            wanted.count = strtoull(value, NULL, 10);
        else if (strcmp(word, "--from") == 0)
            wanted.from = strtoull(value, NULL, 10);
        else if (strcmp(word, "--without") == 0 && strcmp(value, "feed") == 0)
            the_sim.without = WITHOUT_FEED;
        else if (strcmp(word, "--without") == 0 && strcmp(value, "order") == 0)
            the_sim.without = WITHOUT_ORDER;
        else
            usage();
        i++;
    }
    return wanted;
}

/* One that fails, and now and then one that does not, is run again: it must be the same run. */
static bool run_seed(uint64_t seed, bool is_traced)
{
    uint64_t digest, again;
    the_sim.is_traced = is_traced;
    int status = run_apart(seed, &digest);
    if (status == 0 && seed % AGAIN_EVERY)
        return true;
    if (status && !is_traced)
        printf("seed %llu fails:\n", (unsigned long long)seed);
    fflush(stdout);
    the_sim.is_traced |= status != 0;
    bool is_same = is_traced || (run_apart(seed, &again) == status && again == digest);
    if (!is_same)
        printf("  it is not the same run each time: the simulation itself is at fault\n");
    if (status == 0 && is_same)
        return true;
    printf("FAIL: seed %llu; again: sim --seed %llu\n", (unsigned long long)seed,
           (unsigned long long)seed);
    return false;
}

int main(int argc, char **argv)
{
    struct wanted wanted = read_words(argc, argv);
    for (uint64_t seed = wanted.from; seed < wanted.from + wanted.count; seed++)
        if (!run_seed(seed, wanted.is_traced))
            return EXIT_FAILED;
    printf("%llu seeds, from %llu on\n", (unsigned long long)wanted.count,
           (unsigned long long)wanted.from);
    return 0;
}
