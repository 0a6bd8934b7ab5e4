/*
 * Names for what is made: rules and decisions. A ULID (github.com/ulid/spec) is 48 bits of Unix
 * milliseconds and 80 random bits as 26 characters of Crockford's base 32, so that ids sort by the
 * time they were made and nobody has to hand out numbers.
 *
 *     01KAKM3Z5Q  8H4V0XJ6S2M9C7RT      10 characters of time, 16 of randomness
 *
 * Within one thread and millisecond each id is greater than the one before it, by a step made from a
 * secret of that millisecond. Ids name things, they are no keys to them. Randomness is the kernel's, fetched
 * for a dozen milliseconds at a time: the mass of ids costs no system call on the dial path.
 */
#ifndef SEKISHO_BASE_ULID_H
#define SEKISHO_BASE_ULID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { ULID_CHARS = 26, ULID_BYTES = ULID_CHARS + 1 };

/* `now_ms` is Unix time. `out` gets 26 characters and a NUL. Any thread; also after fork(). */
void ulid_make(int64_t now_ms, char out[ULID_BYTES]);

/* Is it 26 characters of the upper-case alphabet, not beyond the year 10889 (first character 0 to 7)? */
bool ulid_is_valid(struct slice text);

#endif
