/*
 * Who takes too long is cut off. libmicrohttpd's own timeout counts idle time, so one byte every
 * few seconds keeps a connection open for ever: here each connection has a moment by which its
 * present phase must be over, and a sweeper that shuts down the sockets of those that are late.
 *
 *     accept ─► header 5 s ─► body 15 s ─► handler, no limit ─► answer 30 s ─► idle 30 s ─┐
 *                  ▲                                                                      │
 *                  └── the next request line ◄────────────────────────────────────────────┘
 *
 * The first byte of a next request cannot be seen, only its whole request line, so a slow one on
 * a kept connection lives idle + header at most. Whatever the phase, a connection ends after 10
 * minutes.
 */
#ifndef SEKISHO_DOORS_DEADLINE_H
#define SEKISHO_DOORS_DEADLINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "doors/metrics.h"

enum phase { PHASE_HEADER, PHASE_BODY, PHASE_HANDLER, PHASE_ANSWER, PHASE_IDLE, PHASE_COUNT };

enum {
    HEADER_MS = 5000,
    BODY_MS = 15000,
    ANSWER_MS = 30000,
    IDLE_MS = 30000,
    CONNECTION_MS = 10 * 60 * 1000,
};

struct deadlines; /* the connections of one listener, and their sweeper */

/* One connection's place in the table; embedded in what the door knows of it. */
struct deadline {
    struct deadline *next, **link; /* guarded by the table's lock, as is the socket being open */
    bool is_cut;                   /* and this: its thread has not noticed yet */
    struct deadlines *table;
    int fd;
    atomic_int_fast64_t ends_ms; /* end of the whole connection */
    atomic_int_fast64_t due_ms;  /* end of the phase */
    atomic_int phase;
};

/* Starts the sweeper. Borrows `metrics`. */
int deadlines_new(struct metrics *metrics, enum door door, struct deadlines **ret,
                  struct err *err) MUST_CHECK;
/* Ends the sweeper; the table must be empty. NULL is fine. */
void deadlines_free(struct deadlines *table);

/* A connection came, in PHASE_HEADER; it is removed before its socket is closed, so that the
 * sweeper never shuts down somebody else's that got the same number. */
void deadline_add(struct deadlines *table, struct deadline *deadline, int fd);
void deadline_remove(struct deadline *deadline);

/* Enters a phase. No lock and no clock: the sweeper's last look at the clock is good enough. */
void deadline_enter(struct deadline *deadline, enum phase phase);

/* Has the connection lived long enough, so that this answer should be its last? */
bool deadline_is_old(const struct deadline *deadline);

/* Connections that are in another phase than idle. */
unsigned deadlines_busy(struct deadlines *table);
/* Shuts down connections: all, or those that are idle. */
void deadlines_cut(struct deadlines *table, bool idle_only);

#endif
