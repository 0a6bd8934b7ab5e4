/*
 * Many want the same thing done, each at once, and one doing serves all who wanted it before it began:
 *
 *     A  wants ──► does ░░░░░░░░░ done
 *     B     wants ─ waits ───────┐ (what A does began before B wanted it)
 *     C        wants ─ waits ────┴► does ░░░░░░░░░ done: B's and C's
 *
 * For what reads the latest state of something: a burst of n callers costs two turns, not n.
 */
#ifndef SEKISHO_ENGINE_TURNS_H
#define SEKISHO_ENGINE_TURNS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct turns {
    pthread_mutex_t lock; /* guards all below; not held while a turn is taken */
    pthread_cond_t has_ended;
    uint64_t begun, ended; /* how many */
    bool is_under_way;
    int rc; /* of the latest that ended */
    struct err err;
};

void turns_init(struct turns *turns);
void turns_release(struct turns *turns); /* nobody may be in turns_take() */

/* Comes back after a turn that began after this call has ended; with its result. */
int turns_take(struct turns *turns, int (*fn)(void *context, struct err *err), void *context,
               struct err *err) MUST_CHECK;

/* The number of turns begun so far; has one ended that began after that number was told? */
uint64_t turns_mark(struct turns *turns);
bool turns_ended_since(struct turns *turns, uint64_t mark);

#endif
