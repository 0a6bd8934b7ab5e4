/* sekisho profile drift, sekisho profile reapply: who differs from a profile, and making it
 * good. */
#ifndef SEKISHO_CLI_DRIFT_H
#define SEKISHO_CLI_DRIFT_H

#include "cli/cli.h"

struct drift_options {
    struct common common;
    const char *profile, *tenant;
    bool extra, dry_run, restore_deleted;
    int64_t limit;
};
extern const struct option drift_options[], reapply_options[];

int drift_list(struct cli *cli, const void *given);
int drift_reapply(struct cli *cli, const void *given);

/* Rows of the table of sekisho profile. */
#define DRIFT_ROWS                                                                                 \
    {"drift",                                                                                      \
     "Lists tenants and accounts whose rules differ from the profile they were made with",         \
     "Rules applied at onboarding are the customer's to change and delete: drift is no fault.\n",  \
     drift_options,                                                                                \
     sizeof(struct drift_options),                                                                 \
     drift_list,                                                                                   \
     0},                                                                                           \
    {"reapply",                                                                                    \
     "Gives them what the profile gained since; leaves alone what somebody made or changed",       \
     "What somebody deleted stays deleted without --restore-deleted. It may be stopped and\n"      \
     "started again at any time.\n",                                                               \
     reapply_options,                                                                              \
     sizeof(struct drift_options),                                                                 \
     drift_reapply,                                                                                \
     0}

#endif
