/*
 * Time. Wall time is Unix time in milliseconds, UTC; 0 stands for "not set". The core never reads a
 * clock: it is given the time. RFC 3339 is the only text form of a moment in the API.
 */
#ifndef SEKISHO_BASE_CLOCK_H
#define SEKISHO_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { CLOCK_TEXT_BYTES = 32 };

int64_t clock_now_ms(void);
int64_t clock_coarse_ms(void); /* the same, up to a few milliseconds late, and much cheaper */
int64_t clock_mono_ms(void); /* never goes back; for deadlines and ages */
int64_t clock_mono_ns(void);

/* RFC 3339 date-time with an offset ("2026-12-01T09:00:00+09:00", "…Z", fractions to the millisecond)
 * to Unix milliseconds; false when it is none or the year is outside 1970 to 9999. */
bool clock_parse(struct slice text, int64_t *ret_ms);

/* Unix milliseconds as "2026-12-01T00:00:00Z" (".123" only when not zero). Returns `text`. */
char *clock_format(int64_t ms, char text[CLOCK_TEXT_BYTES]);

#endif
