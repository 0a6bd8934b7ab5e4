/* Rules that are not saved: what a check or a simulation is asked about. */
#ifndef SEKISHO_DOORS_DRAFT_H
#define SEKISHO_DOORS_DRAFT_H

#include "doors/rest.h"

/* Does what the rules of the body's `member` name exist, and may they all be there at once? ERR_INVALID,
 * ERR_EXISTS at the rule. */
int draft_check(struct rest *rest, const char *member, const struct rule *rules, unsigned count,
                struct err *err) MUST_CHECK;

#endif
