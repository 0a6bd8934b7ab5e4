/* From the store into memory: what feed.c does once at start, and again for what the feed names. */
#ifndef SEKISHO_ENGINE_FEED_LOAD_H
#define SEKISHO_ENGINE_FEED_LOAD_H

#include "base/err.h"
#include "store/store.h"

struct rulesets;
struct revocations;
struct spread;

struct loader {
    struct store *store;
    struct rulesets *rulesets;
    struct revocations *revocations;
    struct spread *spread; /* what is loaded may have to go to Redis, too; NULL: there is none */
    bool whatever;         /* replaces what is in memory though its revision be higher */
    bool is_own;           /* of the row at hand, as in struct feed_row */
    struct txn *txn;       /* of the rows at hand; NULL until one needs it */
    /* hashes of the tenants met in a full load, so that those gone meanwhile can be removed */
    uint64_t *met;
    size_t met_count, met_cap;
};

/* Everything: rulesets, platform, revocations; removes tenants that the store does not have. */
int loader_all(struct loader *loader, struct feed_position *ret_position, struct err *err) MUST_CHECK;
/* What one row of the feed is about. Rows share one look at the store, which loader_end() ends. */
int loader_row(struct loader *loader, const struct feed_row *row, struct err *err) MUST_CHECK;
void loader_end(struct loader *loader);

#endif
