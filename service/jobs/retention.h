/*
 * What is too old goes: calls after the retention that the terms state (their sums stay), what could not
 * be mapped with them, and attempts after --attempts-days.
 *
 *     every few seconds: has the day, the terms or the option moved the limit? ─► a round, batch by batch
 *
 * A record goes at the end of the day (Japan's) on which it became as old as it may be, so a day has one
 * round, and terms that are made shorter act within seconds. Where several nodes run, one at a time does
 * it, by a lease. Between two batches it rests as long as the last one took: verdicts do not wait for the
 * store, but edits do.
 */
#ifndef SEKISHO_JOBS_RETENTION_H
#define SEKISHO_JOBS_RETENTION_H

#include <stdint.h>

#include "base/err.h"

struct retention;
struct store;

struct retention_config {
    struct store *store;
    int attempts_days; /* 0: for ever */
    int tick_ms;       /* between two looks at the limits; 0: 3 seconds */
};

int retention_start(const struct retention_config *config, struct retention **ret,
                    struct err *err) MUST_CHECK;
void retention_stop(struct retention *retention); /* NULL is fine */

struct retention_totals {
    uint64_t calls, attempts, errors; /* removed since the start; rounds that failed */
};
struct retention_totals retention_totals(const struct retention *retention);

#endif
