/* The database of the simulation, as its writing half (fake_store.c) and its reading half see it. */
#ifndef SEKISHO_SIM_FAKE_DB_H
#define SEKISHO_SIM_FAKE_DB_H

#include "base/ulid.h"
#include "sim.h"
#include "store/store.h"

enum { OPEN_MAX = 64, OWN_MAX = 256 };

struct owner_row {
    struct content content;
    uint64_t revision, number; /* of its latest change */
};

struct beat_row {
    bool is_there;
    char run[ULID_BYTES], numbering[32];
    bool keys_agree;
    uint64_t feed_complete, platform_revision;
    int64_t started_at_ms, heartbeat_at_ms;
    uint64_t history; /* when it was written */
};

/* All that a replica has a copy of. */
struct db {
    struct owner_row owners[OWNERS];
    struct beat_row beats[HOSTS];
    uint64_t revoked[REVOKED_MAX]; /* the number of each */
    unsigned revoked_count;
    uint64_t next_number;
};

struct server {
    struct db db, replica;
    uint64_t history; /* another one after each fail-over */
    uint64_t open[OPEN_MAX]; /* numbers of transactions that are under way */
    unsigned open_count;
    uint64_t locked_by[OWNERS]; /* 0: free */
};
extern struct server the_server;

struct store {
    int host;
    bool is_interrupted, is_notified;
    uint64_t own[OWN_MAX]; /* numbers of what was committed, or may have been */
    unsigned own_count;
};

int store_away(struct err *err);
bool store_trip(const struct store *store); /* one way there or back */
/* All commits below it are seen by a reader of this moment. */
uint64_t store_complete(void);

#endif
