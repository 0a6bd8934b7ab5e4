/* What the commands about call history share: who called abroad, and the sums of it. */
#ifndef SEKISHO_CLI_HISTORY_H
#define SEKISHO_CLI_HISTORY_H

#include "cli/cli.h"

struct history_wanted {
    const char *overseas, *since, *until, *tenant, *profile; /* NULL: any */
    int64_t days_min; /* 0: the service's own */
    int64_t limit;    /* 0: all */
    bool by_tenant, is_csv;
};

/* Lists accounts or tenants and, for people, one line of sums. Returns the exit status. */
int history_list(struct cli *cli, const struct history_wanted *wanted);

/* Where the tenant and its accounts called abroad. */
int history_tenant(struct cli *cli, const struct history_wanted *wanted);

#endif
