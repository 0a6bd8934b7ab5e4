/*
 * One thread of the FastAGI door: its epoll, its sessions, its counters.
 *
 *     listening socket (shared) ──┐
 *     wake-up (to drain) ─────────┼─► epoll ─► accept, or read ─► answer ─► close
 *     open sessions ──────────────┘              the oldest sessions are past their time? ─► close
 *
 * A session reads until its environment is complete, and ends: it has no other states.
 */
#ifndef SEKISHO_DOORS_AGI_WORKER_H
#define SEKISHO_DOORS_AGI_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/address.h"
#include "base/err.h"
#include "doors/agi_session.h"

struct engine;

/* What the workers of a door share. */
struct agi_shared {
    struct engine *engine;
    struct metrics *metrics; /* or NULL */
    struct networks allow; /* none: everyone who can reach the socket */
    int listen_fd;
    int wake_fd; /* an eventfd, readable from the moment of draining on */
    int64_t session_ms_max;
    atomic_uint listening; /* workers; the last one to leave ends the listening */
};

/* In the order of struct agi_counters. */
enum agi_count {
    COUNT_CONNECTIONS,
    COUNT_ANSWERED,
    COUNT_REFUSED_ADDRESS,
    COUNT_REFUSED_FULL,
    COUNT_BAD_ENVIRONMENTS,
    COUNT_TIMEOUTS,
    COUNT_CUT_SHORT,
    COUNT_FAILED,
    COUNT_OPEN,
    AGI_COUNT_COUNT
};

struct agi_worker {
    _Alignas(64) struct agi_shared *shared; /* no two workers on one cache line */
    pthread_t thread;
    int epoll_fd;
    int spare_fd; /* given up for a moment when the process has no descriptor left */
    struct agi_sessions sessions;
    int64_t log_second; /* refusals are logged a few times a second, no more */
    unsigned log_lines;
    _Atomic uint64_t counts[AGI_COUNT_COUNT]; /* written by this thread, read by any */
};

/* Borrows `shared`. On failure nothing is left behind. */
int agi_worker_init(struct agi_worker *worker, struct agi_shared *shared, size_t sessions_max,
                    struct err *err) MUST_CHECK;
void agi_worker_release(struct agi_worker *worker);

/* The thread's body, for pthread_create(): until draining and the last session has ended. */
void *agi_worker_run(void *worker);

#endif
