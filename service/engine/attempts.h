/*
 * The recorder of attempts: what was decided goes to the store, and no decision ever waits for it.
 *
 *     dial threads ──attempts_record──► ring of RING_SLOTS ──► one thread ──► store
 *                      copy, or drop                            batches, tried again
 *
 * The ring is bounded and takes no lock: each slot carries the number of the round it is good for
 * (D. Vyukov's bounded queue). When it is full the record is dropped and counted. What cannot be
 * stored stays in the batch; the ring absorbs what comes meanwhile.
 *
 * Allowed domestic calls are the mass and say little one by one: they are counted by tenant,
 * account and minute. Everything else (denied, diverted, international, unknown, invalid) is a
 * record. Emergency calls are neither (api/reading.md 1).
 */
#ifndef SEKISHO_ENGINE_ATTEMPTS_H
#define SEKISHO_ENGINE_ATTEMPTS_H

#include "base/err.h"
#include "core/call.h"
#include "core/verdict.h"

struct attempts;
struct store;

/* Starts the thread. Borrows `store` until attempts_stop(). ERR_NOMEM, ERR_UNAVAILABLE: no
 * thread. */
int attempts_new(struct store *store, struct attempts **ret, struct err *err) MUST_CHECK;

/* Writes what is still in the ring, trying for 8 s at most, and frees. No
 * attempts_record() may be running. NULL is fine. */
void attempts_stop(struct attempts *attempts);

/* Copies what it needs. Any thread; allocates nothing, never waits. */
void attempts_record(struct attempts *attempts, const struct call *call,
                     const struct verdict *verdict);

struct attempts_totals {
    uint64_t recorded; /* taken into the ring */
    uint64_t dropped;  /* not taken, or given up at the end */
    uint64_t written;  /* in the store: records, and calls counted */
};
struct attempts_totals attempts_totals(const struct attempts *attempts);

#endif
