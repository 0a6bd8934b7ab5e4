/* Tenants t0 … tN-1 with rules such as customers have, compiled and published as the daemon does it. */
#ifndef SEKISHO_TESTS_BENCH_WORLD_H
#define SEKISHO_TESTS_BENCH_WORLD_H

#include "core/rule.h"
#include "engine/rulesets.h"
#include "../unit/random.h"

enum { WORLD_NAME_BYTES = 16 };

/* `count` different rules: deny 010, then prefixes abroad and within Japan, allowed and denied. Texts
 * of the rules lie in the block too. Ends the program when there is no memory; free() it. */
struct rule *world_rules(struct random *dice, unsigned count);

/* A node's rulesets with `tenants` tenants of `rules` rules each and the built-in numbering data. */
struct rulesets *world_new(unsigned tenants, unsigned rules);

/* "t123"; returns its length. */
unsigned world_name(unsigned tenant, char ret[WORLD_NAME_BYTES]);

#endif
