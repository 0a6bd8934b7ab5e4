/*
 * What an object looked like, as compact JSON for the audit trail. Members that say nothing (empty
 * texts, no dates, false) are left out; moments are RFC 3339. Each function returns text in
 * `arena`, or NULL when there is no memory.
 */
#ifndef SEKISHO_STORE_AUDIT_JSON_H
#define SEKISHO_STORE_AUDIT_JSON_H

#include "base/arena.h"
#include "store/marks.h"
#include "store/store.h"

const char *json_of_tenant(struct arena *arena, const struct tenant *tenant);
const char *json_of_account(struct arena *arena, const struct account *account);
const char *json_of_rule(struct arena *arena, const struct rule *rule);
const char *json_of_rules(struct arena *arena, const struct rule *const *rules, unsigned count);
const char *json_of_profile(struct arena *arena, const struct profile *profile);
const char *json_of_revocation(struct arena *arena, const struct revocation *revocation);
const char *json_of_call_mark(struct arena *arena, const struct call_mark *mark);

#endif
