/*
 * Works at the campaigns that the store says are to be worked at: plans, tells, applies and undoes them,
 * on whatever node takes them up.
 *
 *     order (REST) ─► row of the campaign ─► a worker takes it ─► batches ─► done ─► the next
 *                                                │ killed, away, paused
 *                                                └─► somebody goes on where it is
 *
 * Nothing of a campaign is kept here: what is done stands in the store, in the same transaction with how
 * far it is (store/campaigns_job.h). A store that is away is waited for; an account that the store
 * refuses is passed over and reported.
 */
#ifndef SEKISHO_JOBS_CAMPAIGNS_H
#define SEKISHO_JOBS_CAMPAIGNS_H

#include <stdint.h>

#include "base/err.h"

struct campaigns;
struct feed;
struct notices;
struct store;

struct campaigns_config { /* all borrowed until campaigns_stop() */
    struct store *store;
    struct feed *feed;             /* is woken after each batch; NULL: nobody is */
    const struct notices *notices; /* NULL: nobody can be told here */
    const char *node;              /* whose earlier runs' leases are over */
};
int campaigns_start(const struct campaigns_config *config, struct campaigns **ret,
                    struct err *err) MUST_CHECK;
/* Ends after the batches under way. NULL is fine. */
void campaigns_stop(struct campaigns *campaigns);
/* An order was given: looks now, not within a second. Never waits; any thread. */
void campaigns_wake(struct campaigns *campaigns);

/* Since the start of the process, on this node. */
struct campaigns_totals {
    uint64_t applied, undone, told, planned; /* accounts */
    uint64_t batches, failures;              /* transactions, and those that failed */
    uint64_t working;                        /* campaigns being worked at now */
};
struct campaigns_totals campaigns_totals(const struct campaigns *campaigns);

#endif
