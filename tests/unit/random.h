/* Randomness that can be repeated: every property test prints its seed and takes it from SEED. */
#ifndef SEKISHO_TESTS_RANDOM_H
#define SEKISHO_TESTS_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

/* Seeds from the environment's SEED, else from the clock; prints it. */
struct random random_start(const char *test);
uint64_t random_next(struct random *random);
/* 0 to n - 1 */
unsigned random_below(struct random *random, unsigned n);

#endif
