/*
 * The FastAGI door: a PBX connects, sends its environment, gets the verdict as channel variables, and
 * the connection ends. One connection a call.
 *
 *     accept ─► allowed address? ─► agi_parse ─► engine_decide ─► agi_reply ─► one send ─► close
 *
 * Each thread has its own epoll, its own fixed slab of sessions and its own list of deadlines; they
 * share the listening socket and nothing that is written. After the start nothing is allocated.
 *
 * Why close at once, without reading the `200 result=1` lines: Asterisk reads commands through a
 * stdio buffer but waits on the socket, so of several lines that came together it runs the first and
 * then waits for the socket to become readable. It is our FIN that makes the rest run; a server that
 * waits for the replies before it closes hangs the call (tried on Asterisk 22).
 *
 * FastAGI has neither credential nor encryption: who may ask is decided by address alone. Whatever
 * goes wrong, nothing is sent: the dialplan's own floor then decides (api/agi.md).
 */
#ifndef SEKISHO_DOORS_AGI_H
#define SEKISHO_DOORS_AGI_H

#include <stdint.h>

#include "base/address.h"
#include "base/err.h"

struct agi;
struct engine;
struct metrics;

struct agi_config {
    struct endpoint listen;  /* port 0 picks one */
    struct networks allow;   /* who may connect; none: `listen` has to be loopback. Borrowed */
    unsigned threads;        /* 0: one a core */
    unsigned sessions_max;   /* at a time, over all threads; 0: 4096 */
    unsigned session_ms_max; /* from accept to answer; 0: 2000 */
    struct metrics *metrics; /* NULL: nothing is counted there. Borrowed */
};

/*
 * Binds, starts the threads and logs `listening door=agi address=…`. Borrows `engine`.
 * ERR_INVALID: not on loopback and nobody named who may connect; ERR_IO: cannot bind, or no thread;
 * ERR_NOMEM.
 */
int agi_listen(const struct agi_config *config, struct engine *engine, struct agi **ret,
               struct err *err) MUST_CHECK;

unsigned agi_port(const struct agi *agi);

/* No new connections from now on; sessions that were accepted get their answer. Returns at once. */
void agi_drain(struct agi *agi);

/* Drains, waits for the sessions (session_ms_max at most), frees. NULL does nothing. */
void agi_stop(struct agi *agi);

/* Since the start; for the metrics. Any thread. */
struct agi_counters {
    uint64_t connections;      /* accepted */
    uint64_t answered;         /* got a verdict, deny too */
    uint64_t refused_address;  /* closed: not on the list */
    uint64_t refused_full;     /* closed: no session free, or no file descriptor */
    uint64_t bad_environments; /* closed: what came is no environment of Asterisk's (security event) */
    uint64_t timeouts;         /* closed: too slow */
    uint64_t cut_short;        /* the client went before it had asked */
    uint64_t failed;           /* the answer could not be made or sent */
    uint64_t open;             /* sessions now */
};
struct agi_counters agi_counters(const struct agi *agi);

#endif
