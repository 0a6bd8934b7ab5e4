/*
 * The sessions of one FastAGI thread: a slab of fixed size, and the open ones in order of acceptance.
 *
 * All live equally long at most, so the order of acceptance is the order of deadlines and the oldest is
 * the next to run out. The slab is mapped once and becomes resident only as far as it was ever used;
 * the one used last is used again first, so it is still in the processor's cache.
 *
 * Belongs to one thread; does no I/O.
 */
#ifndef SEKISHO_DOORS_AGI_SESSION_H
#define SEKISHO_DOORS_AGI_SESSION_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "doors/agi_parse.h"

union agi_peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct agi_session {
    struct agi_session *older, *newer; /* NULL at the ends */
    int64_t deadline_ms;               /* clock_mono_ms() */
    int fd;
    union agi_peer peer;
    struct agi_env env;
};

struct agi_sessions {
    struct agi_session *slab;
    size_t count, used;       /* of the slab: how many there are, how many were ever taken */
    struct agi_session *free; /* those given back, linked by `older` */
    struct agi_session *oldest, *newest;
};

int agi_sessions_init(struct agi_sessions *sessions, size_t count, struct err *err) MUST_CHECK;
void agi_sessions_release(struct agi_sessions *sessions);

/* The newest from now on, with an empty environment; `deadline_ms` must not be below the last one's.
 * NULL when all are open. */
struct agi_session *agi_session_take(struct agi_sessions *sessions, int64_t deadline_ms);
void agi_session_give_back(struct agi_sessions *sessions, struct agi_session *session);

#endif
