/*
 * What a rule may say of itself, beyond its shape: where it comes from, and that what it names exists.
 *
 * `source` tells an operator later who wanted a rule, so nobody may forge it: each role has its own
 * word, only an operator may give another. A rule that a customer's administrator changes becomes the
 * customer's; one that is sent back unchanged keeps its source.
 */
#ifndef SEKISHO_DOORS_RULE_ORIGIN_H
#define SEKISHO_DOORS_RULE_ORIGIN_H

#include "doors/rest.h"
#include "wire/fields.h"

/* The source of rules that this role writes: customer, onboarding, operator. Static storage. */
const char *rule_source_of(enum role role);

/* ERR_FORBIDDEN at source unless the role may write a rule with it; `allowed` is one more that it may. */
int rule_source_check(enum role role, const char *source, const char *allowed,
                      const struct where *where, struct err *err) MUST_CHECK;

/* ERR_INVALID: a country or group that the numbering data does not know. */
int rule_target_check(const struct app *app, const struct rule *rule, const struct where *where,
                      struct err *err) MUST_CHECK;

/* Do the two say the same: place, action, destination, note, dates? */
bool rule_says_same(const struct rule *a, const struct rule *b);
/* An order of rules in which those that say the same are equal; for qsort() and bsearch(). */
int rule_compare(const struct rule *a, const struct rule *b);

#endif
