#include "engine/trust.h"

#include <time.h>

/* Coarse clocks stand still for up to 10 ms (CONFIG_HZ=100). */
enum { COARSE_MS = 10 };

static const int64_t LONG_AGO = INT64_MIN / 4;

static int64_t read_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct instant instant_now(void)
{
    return (struct instant){read_ms(CLOCK_REALTIME_COARSE), read_ms(CLOCK_MONOTONIC_COARSE)};
}

void trusted_init(struct trusted *trusted)
{
    atomic_init(&trusted->wall_ms, LONG_AGO);
    atomic_init(&trusted->mono_ms, LONG_AGO);
    atomic_init(&trusted->is_whole, false);
    atomic_init(&trusted->current_ms, TRUST_CURRENT_MS);
    atomic_init(&trusted->known_ms, 0);
}

void trusted_set_bounds(struct trusted *trusted, int64_t current_ms, int64_t known_ms)
{
    atomic_store(&trusted->current_ms, current_ms);
    atomic_store(&trusted->known_ms, known_ms);
}

void trusted_set(struct trusted *trusted, struct instant as_of, bool is_whole)
{
    if (!is_whole)
        atomic_store_explicit(&trusted->is_whole, false, memory_order_release);
    atomic_store_explicit(&trusted->wall_ms, as_of.wall_ms, memory_order_relaxed);
    atomic_store_explicit(&trusted->mono_ms, as_of.mono_ms, memory_order_relaxed);
    if (is_whole)
        atomic_store_explicit(&trusted->is_whole, true, memory_order_release);
}

bool trusted_is_blank(const struct trusted *trusted)
{
    return atomic_load(&trusted->mono_ms) == LONG_AGO;
}

/* Whoever knows more is not overruled. */
void trusted_start(struct trusted *trusted, struct instant as_of)
{
    int64_t blank = LONG_AGO;
    if (atomic_compare_exchange_strong(&trusted->mono_ms, &blank, as_of.mono_ms))
        atomic_store(&trusted->wall_ms, as_of.wall_ms);
}

enum trust trusted_now(const struct trusted *trusted, struct instant now)
{
    bool is_whole = atomic_load_explicit(&trusted->is_whole, memory_order_acquire);
    int64_t wall = now.wall_ms - atomic_load_explicit(&trusted->wall_ms, memory_order_relaxed);
    int64_t mono = now.mono_ms - atomic_load_explicit(&trusted->mono_ms, memory_order_relaxed);
    int64_t age = wall > mono ? wall : mono;
    bool was_set_back = wall < -COARSE_MS;
    if (is_whole && !was_set_back &&
        age <= atomic_load_explicit(&trusted->current_ms, memory_order_relaxed))
        return TRUST_CURRENT;
    return age <= atomic_load_explicit(&trusted->known_ms, memory_order_relaxed) ? TRUST_STALE
                                                                                : TRUST_EXPIRED;
}
