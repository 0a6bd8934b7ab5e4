/* What a worker and the jobs of a campaign share: one file a job, one worker at a time has it. */
#ifndef SEKISHO_JOBS_CAMPAIGN_WORK_H
#define SEKISHO_JOBS_CAMPAIGN_WORK_H

#include <pthread.h>
#include <stdatomic.h>

#include "jobs/campaigns.h"
#include "store/campaigns_job.h"

enum { CAMPAIGN_WORKERS = 2 };

struct worker {
    struct campaigns *campaigns;
    pthread_t thread;
    bool is_running;
    char run[CAMPAIGN_RUN_BYTES];
    /* campaigns that failed a moment ago, one id after another: the others go first */
    char skip[ULID_CHARS * 16 + 1];
};

struct campaigns {
    struct campaigns_config config;
    struct worker workers[CAMPAIGN_WORKERS];
    pthread_mutex_t lock; /* guards the two below */
    pthread_cond_t wake;
    bool is_stopping;
    unsigned orders; /* grows with each campaigns_wake() */
    _Atomic uint64_t applied, undone, told, planned, batches, failures, working;
};

/* One campaign in a worker's hands. */
struct work {
    struct campaigns *campaigns;
    struct store *store;
    struct campaign_run run;
    struct campaign campaign; /* as it was when it was taken */
    struct arena *arena;
};

/*
 * Each does its job to the end and finishes it in the store. ERR_STALE: it is somebody else's, paused or
 * canceled; WORK_STOPPED: the process ends. ERR_INVALID and the like: it can never be done. Errors of a store
 * that is away have been waited out.
 */
enum { WORK_STOPPED = 1 };
int campaign_plan(struct work *work, struct err *err) MUST_CHECK;
int campaign_tell(struct work *work, struct err *err) MUST_CHECK;
int campaign_move(struct work *work, struct err *err) MUST_CHECK; /* apply and undo */

/* Sleeps, but not beyond the end of the process: then false. */
bool work_pause(struct campaigns *campaigns, int64_t ms);
/* Is it worth trying again? */
bool work_is_passing(int code);
/* A batch is done, or has failed. */
void work_count(struct campaigns *campaigns, _Atomic uint64_t *counter, uint64_t accounts);

#endif
