/*
 * From a record of a PBX to a call of an account: time, tenant, account, number.
 *
 * In two steps, because the number is read with the tenant's outside line, which the store knows:
 *
 *     struct cdr ─► cdr_call_begin() ─► struct call_record, number as dialed
 *                                    ─► (tenants looked up, many at once)
 *                                    ─► cdr_call_number() ─► number, kind, country, is_overseas
 */
#ifndef SEKISHO_JOBS_CDR_CALL_H
#define SEKISHO_JOBS_CDR_CALL_H

#include "base/zone.h"
#include "jobs/cdr_map.h"
#include "store/calls.h"

struct numbering;

enum { CDR_FUTURE_MS = 10 * 60 * 1000 }; /* clocks of PBXs may be ahead of ours */

struct cdr_terms {
    const char *source;
    const struct cdr_map *map;
    const struct zone *zone; /* of times without one of their own */
    int64_t now_ms, oldest_ms;
};

/*
 * Fills *ret but for what cdr_call_number() fills; `number` is what was dialed. The account is "" where
 * none could be told. Also where it is refused for its tenant, tenant (maybe "") and time are set.
 */
enum cdr_reason cdr_call_begin(const struct cdr_terms *terms, const struct cdr *cdr,
                               struct call_record *ret);

/* CDR_TAKEN or CDR_NO_NUMBER. */
enum cdr_reason cdr_call_number(const struct numbering *numbering, const char *outside_line,
                                struct call_record *record);

#endif
