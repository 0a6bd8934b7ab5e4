/*
 * What a campaign would do to calls like those that were made: the simulation of each of its tenants, with
 * its rule for the accounts that are in, added up.
 */
#ifndef SEKISHO_JOBS_CAMPAIGN_SIMULATE_H
#define SEKISHO_JOBS_CAMPAIGN_SIMULATE_H

#include "jobs/simulate.h"
#include "store/campaigns.h"

struct campaign_simulation {
    unsigned tenants; /* that were looked at */
    bool is_complete; /* false: time was up before all of them */
};
/* Adds up in `simulation`, of calls from from_ms to to_ms; begins no tenant after `until_mono_ms`.
 * ERR_NOT_FOUND: no such campaign. */
int campaign_simulate(struct store *store, struct simulation *simulation, struct slice id,
                      int64_t from_ms, int64_t to_ms, int64_t until_mono_ms,
                      struct campaign_simulation *ret, struct err *err) MUST_CHECK;

#endif
