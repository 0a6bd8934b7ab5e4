#include "random.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

struct random random_start(const char *test)
{
    const char *given = getenv("SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)clock_mono_ns();
    printf("%s: SEED=%llu\n", test, (unsigned long long)seed);
    return (struct random){seed};
}

uint64_t random_next(struct random *random)
{
    return hash_mix(random->state += 0x9e3779b97f4a7c15ULL);
}

unsigned random_below(struct random *random, unsigned n)
{
    return (unsigned)(random_next(random) % n);
}
