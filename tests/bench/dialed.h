/*
 * Dialed strings as PBXs pass them on, for benchmarks: mostly bare digits within Japan, a share of
 * calls abroad, a few as people write them, with 184, 186 or a carrier code in front, or in
 * full-width digits.
 */
#ifndef SEKISHO_TESTS_BENCH_DIALED_H
#define SEKISHO_TESTS_BENCH_DIALED_H

#include "core/number.h"
#include "../unit/random.h"

/* One of them at random, NUL-terminated. Returns its length in bytes. */
unsigned dialed_make(struct random *dice, char ret[NUMBER_DIALED_BYTES_MAX + 1]);

#endif
