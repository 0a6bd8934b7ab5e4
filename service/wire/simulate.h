/* POST /v1/tenants/{t}/simulate: which rules to try, against how many days. */
#ifndef SEKISHO_WIRE_SIMULATE_H
#define SEKISHO_WIRE_SIMULATE_H

#include "core/rule.h"
#include "wire/fields.h"

enum { SIMULATE_DAYS = 30, SIMULATE_DAYS_MAX = 3660 };

struct simulate_request {
    int days;
    bool has_rules; /* `rules` was given, be it empty: all rules of the tenant and its accounts */
    bool has_changes; /* `add` or `remove` was */
    struct rule *rules, *add;
    unsigned rules_count, add_count;
    const char **remove; /* ids */
    unsigned remove_count;
};

/* ERR_INVALID also when neither was given, or both. */
int simulate_read(json_t *object, struct arena *arena, struct simulate_request *ret,
                  struct err *err) MUST_CHECK;

#endif
