/* What a simulation came to, as the API shows it. Returns new; NULL: out of memory. */
#ifndef SEKISHO_DOORS_SIMULATION_JSON_H
#define SEKISHO_DOORS_SIMULATION_JSON_H

#include <jansson.h>

#include "jobs/simulate.h"

json_t *simulation_write(const struct simulation_result *result, int64_t from_ms, int64_t to_ms,
                         int days);

#endif
