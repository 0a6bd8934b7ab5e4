/* What the files of `sekisho campaign` share: its options, its text, and waiting for a job. */
#ifndef SEKISHO_CLI_CAMPAIGN_H
#define SEKISHO_CLI_CAMPAIGN_H

#include "cli/change.h"

struct campaign_options {
    struct common common;
    const char *id, *name;
    const char *since, *target, *divert_to, *note, *apply_at;
    int level, action;
    struct option_list tenants, profiles, excluded;
    bool with_unknown, is_forced, no_wait, dry_run;
    int64_t days_min, grace_days, rate, limit, days;
    const char *state, *reason, *tenant, *account, *answer, *by;
    int format; /* of a report */
    const char *output;
};

/* A campaign for people: what it is, how many accounts are in which state, and why. */
void campaign_print(struct cli *cli, json_t *campaign);

/*
 * Watches the job of a campaign with a progress bar, or with lines in a log, until it is done, paused or
 * canceled; *ret is the campaign then, returned new.
 */
int campaign_watch(struct cli *cli, const char *id, json_t **ret) MUST_CHECK;

/* Says so when messages about it have not gone out: without a relay mails wait, and the date comes. */
void campaign_tell_of_waiting(struct cli *cli, const char *id);

/* "out", "planned", …: how many accounts are in the state. */
uint64_t campaign_count(json_t *campaign, const char *state);

int campaign_simulate(struct cli *cli, const void *given);
int campaign_report(struct cli *cli, const void *given);

#endif
