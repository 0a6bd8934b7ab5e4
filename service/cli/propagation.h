/*
 * On how many nodes is a change in force? What --wait of the commands that change something asks.
 */
#ifndef SEKISHO_CLI_PROPAGATION_H
#define SEKISHO_CLI_PROPAGATION_H

#include "cli/rest_client.h"

/*
 * Waits, as long as --timeout says, until `revision` of what lies under `path` (a tenant's or the
 * platform's) is in force on all nodes. *ret is the server's last answer, returned new, also when
 * that was not reached, which is told and EXIT_TROUBLE; NULL when the server could not be asked.
 */
int propagation_wait(struct cli *cli, const char *path, const char *revision,
                     json_t **ret) MUST_CHECK;

/* "in force on 3 of 3 nodes" */
void propagation_print(struct cli *cli, json_t *propagation);

#endif
