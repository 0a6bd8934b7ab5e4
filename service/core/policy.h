/*
 * From a number and the rules to a verdict: api/reading.md 3 to 6. Pure.
 *
 * To see why a call was denied, start at policy_judge() and read downwards.
 */
#ifndef SEKISHO_CORE_POLICY_H
#define SEKISHO_CORE_POLICY_H

#include <stdint.h>

#include "base/slice.h"
#include "core/explanation.h"
#include "core/ruleset.h"
#include "core/verdict.h"

struct policy {
    const struct numbering *numbering;
    const struct ruleset *platform; /* never NULL; empty when there are no platform rules */
    const struct ruleset *tenant;   /* never NULL */
};

/*
 * Judges an already read number for `account` (may be empty or unknown) at `now_ms`.
 * out: action, reason, rule, divert_to of *ret; its other fields are left as they are. The steps of
 * *explanation are appended to; NULL on the dial path.
 */
void policy_judge(const struct policy *policy, struct slice account, const struct number *number,
                  int64_t now_ms, struct verdict *ret,
                  struct explanation *explanation);

/* The floor: what may be called when nothing is known of the tenant. */
void policy_floor(const struct numbering *numbering, const struct number *number,
                  struct verdict *ret);

#endif
