#include "fiber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef __SANITIZE_ADDRESS__
#include <dlfcn.h>
#include <sanitizer/common_interface_defs.h>
enum { STACK_BYTES = 1 << 20 };
#else
enum { STACK_BYTES = 256 << 10 };
#endif

enum { FIBERS_MAX = 128, STEPS_MAX = 2000000 };
static const int64_t START_S = 1800000000; /* 2027-01-15: where the clocks of all machines begin */
static const int64_t START_NS = 1000000000000; /* no machine has just been switched on */

struct fiber {
    ucontext_t context;
    const char *what;
    int owner;
    void *(*fn)(void *);
    void *argument;
    void *stack, *sanitizer_stack;
    bool (*is_ready)(void *);
    void *ready_context;
    int64_t until_ns; /* NEVER_MS: not waiting for time */
    bool was_in_time, has_ended, is_joined;
};

static struct {
    ucontext_t director;
    const void *director_stack; /* for the sanitizer */
    size_t director_bytes;
    void *director_fake;
    struct fiber *all[FIBERS_MAX], *present;
    unsigned count;
    void *spare_stacks[FIBERS_MAX];
    unsigned spare_count;
    int64_t now_ns;
    int64_t frozen_until_ns[OWNERS_MAX], clock_offset_ns[OWNERS_MAX];
    unsigned long steps;
    uint64_t digest, random;
} sim;

/* --- chance ----------------------------------------------------------------------------------- */

void chance_seed(uint64_t seed)
{
    sim.random = seed * 0x9e3779b97f4a7c15ULL + 0x1234567;
    sim.now_ns = START_NS;
}

uint64_t chance_bits(void) /* splitmix64 */
{
    uint64_t z = sim.random += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

unsigned chance_below(unsigned n)
{
    return (unsigned)(chance_bits() % n);
}

bool chance_percent(unsigned percent)
{
    return chance_below(100) < percent;
}

int64_t chance_between(int64_t low, int64_t high)
{
    return low + (int64_t)(chance_bits() % (uint64_t)(high - low + 1));
}

/* --- time ------------------------------------------------------------------------------------- */

int64_t sim_now_ns(void)
{
    return sim.now_ns;
}

int64_t sim_now_ms(void)
{
    return sim.now_ns / 1000000;
}

int64_t owner_wall_ns(int owner)
{
    return START_S * 1000000000 + sim.now_ns + sim.clock_offset_ns[owner];
}

void owner_jump_clock(int owner, int64_t ms)
{
    sim.clock_offset_ns[owner] += ms * 1000000;
}

void owner_freeze(int owner, int64_t ms)
{
    sim.frozen_until_ns[owner] = sim.now_ns + ms * 1000000;
}

/* The sanitizer's own swapcontext() warns that it does not know of stacks; it is told of each below. */
static void switch_context(ucontext_t *from, const ucontext_t *to)
{
#ifdef __SANITIZE_ADDRESS__
    static int (*swap)(ucontext_t *, const ucontext_t *);
    if (!swap)
        *(void **)&swap = dlsym(dlopen("libc.so.6", RTLD_LAZY), "swapcontext");
    if (!swap || swap(from, to))
        abort();
#else
    if (swapcontext(from, to))
        abort();
#endif
}

/* --- switching -------------------------------------------------------------------------------- */

static void to_fiber(struct fiber *fiber)
{
    sim.present = fiber;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&sim.director_fake, fiber->stack, STACK_BYTES);
#endif
    switch_context(&sim.director, &fiber->context);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(sim.director_fake, NULL, NULL);
#endif
    sim.present = NULL;
}

static void to_director(struct fiber *fiber)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(fiber->has_ended ? NULL : &fiber->sanitizer_stack,
                                   sim.director_stack, sim.director_bytes);
#endif
    switch_context(&fiber->context, &sim.director);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fiber->sanitizer_stack, &sim.director_stack,
                                    &sim.director_bytes);
#endif
}

static void enter(void)
{
    struct fiber *fiber = sim.present;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(NULL, &sim.director_stack, &sim.director_bytes);
#endif
    fiber->fn(fiber->argument);
    fiber->has_ended = true;
    to_director(fiber);
}

static void *take_stack(void)
{
    if (sim.spare_count)
        return sim.spare_stacks[--sim.spare_count];
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED || mprotect(stack, 4096, PROT_NONE))
        abort();
    return stack;
}

struct fiber *fiber_start(const char *what, int owner, void *(*fn)(void *), void *argument,
                          bool is_joined)
{
    struct fiber *fiber = calloc(1, sizeof *fiber);
    if (!fiber || sim.count == FIBERS_MAX || getcontext(&fiber->context))
        abort();
    *fiber = (struct fiber){.context = fiber->context, .what = what, .owner = owner, .fn = fn,
                            .argument = argument, .stack = take_stack(), .is_joined = is_joined};
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK_BYTES;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, enter, 0);
    sim.all[sim.count++] = fiber;
    return fiber;
}

static bool has_ended(void *context)
{
    return ((struct fiber *)context)->has_ended;
}

static void fiber_free(struct fiber *fiber)
{
    sim.spare_stacks[sim.spare_count++] = fiber->stack;
    free(fiber);
}

void fiber_join(struct fiber *fiber)
{
    fiber_wait(has_ended, fiber, NEVER_MS);
    fiber_free(fiber);
}

int fiber_owner(void)
{
    return sim.present ? sim.present->owner : OUTSIDE;
}

bool fiber_wait(bool (*is_ready)(void *context), void *context, int64_t ms)
{
    struct fiber *fiber = sim.present;
    fiber->is_ready = is_ready;
    fiber->ready_context = context;
    fiber->until_ns = ms == NEVER_MS ? NEVER_MS : sim.now_ns + ms * 1000000;
    to_director(fiber);
    return fiber->was_in_time;
}

void fiber_sleep_ms(int64_t ms)
{
    fiber_wait(NULL, NULL, ms);
}

void fiber_yield(void)
{
    fiber_sleep_ms(0);
}

/* --- the director ----------------------------------------------------------------------------- */

/* Does time alone wake it? Then when; frozen fibers later. */
static int64_t wakes_at_ns(const struct fiber *fiber)
{
    int64_t frozen_until_ns = sim.frozen_until_ns[fiber->owner];
    if (fiber->is_ready && fiber->is_ready(fiber->ready_context))
        return frozen_until_ns;
    if (fiber->until_ns == NEVER_MS)
        return INT64_MAX;
    return fiber->until_ns > frozen_until_ns ? fiber->until_ns : frozen_until_ns;
}

static bool can_go_on(struct fiber *fiber)
{
    if (sim.frozen_until_ns[fiber->owner] > sim.now_ns)
        return false;
    fiber->was_in_time = fiber->is_ready && fiber->is_ready(fiber->ready_context);
    return fiber->was_in_time || (fiber->until_ns != NEVER_MS && fiber->until_ns <= sim.now_ns);
}

/* One of those that can go on; when none can, time passes. NULL: all wait for each other. */
static struct fiber *pick(void)
{
    for (;;) {
        struct fiber *ready[FIBERS_MAX];
        unsigned count = 0;
        int64_t next_ns = INT64_MAX;
        for (unsigned i = 0; i < sim.count; i++) {
            if (can_go_on(sim.all[i]))
                ready[count++] = sim.all[i];
            else if (wakes_at_ns(sim.all[i]) < next_ns)
                next_ns = wakes_at_ns(sim.all[i]);
        }
        if (count)
            return ready[chance_below(count)];
        if (next_ns == INT64_MAX)
            return NULL;
        sim.now_ns = next_ns > sim.now_ns ? next_ns : sim.now_ns;
    }
}

static void remove_ended(struct fiber *fiber)
{
    unsigned at = 0;
    while (sim.all[at] != fiber)
        at++;
    memmove(&sim.all[at], &sim.all[at + 1], (--sim.count - at) * sizeof *sim.all);
    if (!fiber->is_joined)
        fiber_free(fiber);
}

bool fibers_run(bool (*is_over)(void), uint64_t *ret_digest)
{
    while (sim.count && !is_over()) {
        struct fiber *fiber = pick();
        if (!fiber) {
            for (unsigned i = 0; i < sim.count; i++)
                printf("  waits for ever: %s of %d\n", sim.all[i]->what, sim.all[i]->owner);
            return false;
        }
        if (++sim.steps > STEPS_MAX) {
            printf("  goes round and round: %s of %d\n", fiber->what, fiber->owner);
            return false;
        }
        sim.digest = (sim.digest ^ (uint64_t)sim.now_ns ^ (uint64_t)fiber->owner << 56) *
                     0x100000001b3ULL;
        to_fiber(fiber);
        if (fiber->has_ended)
            remove_ended(fiber);
    }
    *ret_digest = sim.digest;
    return true;
}
