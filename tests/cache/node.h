/* One node of a cluster, as far as the cache knows it: a cache, and how often it was told of
 * changes. */
#ifndef SEKISHO_TESTS_CACHE_NODE_H
#define SEKISHO_TESTS_CACHE_NODE_H

#include <stdatomic.h>

#include "base/clock.h"
#include "cache/cache.h"
#include "redis_server.h"

struct node {
    struct cache *cache;
    atomic_uint changes;
    struct cache_name edited; /* the latest that was told of */
};

extern const unsigned char node_key[CACHE_KEY_BYTES];

/* Starts it; without waiting for Redis. */
void node_open(struct node *node, const char *url, int64_t max_age_ms);
void node_close(struct node *node);
/* Starts it, waits until it listens, and forgets the changes so far. */
void node_listen(struct node *node, const char *url);

/* cache_get() with this much time. */
int node_get(struct node *node, const char *tenant, int64_t within_ms, struct ruleset **ret,
             struct err *err);
/* Puts a small ruleset of this tenant and revision. */
void node_put(struct node *node, const char *tenant, uint64_t revision);
struct ruleset *small_ruleset(const char *tenant, uint64_t revision);

/* A call that must succeed, with its text when it does not. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err err = {0};                                                                      \
        if (call)                                                                                  \
            fail_msg("%s: %s", #call, err.text);                                                   \
    } while (0)

#endif
