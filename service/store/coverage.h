/*
 * Which days of a period are covered by records: of each source (PBX), and of a tenant by the sources
 * that it was seen in (history.h says when a day counts).
 *
 *     call_source_days ──► a bit a day and source ──► AND of a tenant's sources ──► gaps, days from … on
 */
#ifndef SEKISHO_STORE_COVERAGE_H
#define SEKISHO_STORE_COVERAGE_H

#include "store/history.h"
#include "store/txn.h"

enum { COVERAGE_SOURCES_MAX = 4096 };

struct coverage {
    int32_t first, last; /* days of the period */
    unsigned days, words;
    unsigned sources_count, sources_cap;
    struct coverage_source {
        char name[CALL_SOURCE_BYTES];
        uint64_t *bits;
    } *sources; /* in order of name */

    /* of one tenant: the settled ones after coverage_settle() */
    bool is_settled;
    unsigned seen_count; /* sources taken */
    uint64_t *bits;
    uint16_t *from; /* [days + 1]: covered days from that day of the period on */
    struct day_range *gaps;
    unsigned gaps_count;
};

/* Loads the days of all sources; reads the statement to its end. Give back with coverage_release(), also
 * on failure. ERR_LIMIT: more than COVERAGE_SOURCES_MAX sources. */
int coverage_init(struct coverage *coverage, int32_t first, int32_t last, struct txn *txn,
                  struct err *err) MUST_CHECK;
void coverage_release(struct coverage *coverage);

/* For each tenant: clear, take the sources it was seen in, settle. */
void coverage_clear(struct coverage *coverage);
void coverage_take(struct coverage *coverage, struct slice source);
void coverage_settle(struct coverage *coverage);
/* Covered days of the period from `day` on. */
int coverage_from(const struct coverage *coverage, int32_t day);

#endif
