/* A simulation for people: sums, charts and a few examples. `of` is whose calls they were. */
#ifndef SEKISHO_CLI_SIMULATION_H
#define SEKISHO_CLI_SIMULATION_H

#include <jansson.h>

#include "cli/cli.h"

void simulation_print(struct cli *cli, const char *of, json_t *answer);

#endif
