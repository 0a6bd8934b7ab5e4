/* One list of rules as requests name it: the tenant's own, one account's, or all; and its
 * version. */
#ifndef SEKISHO_DOORS_RULE_LISTS_H
#define SEKISHO_DOORS_RULE_LISTS_H

#include "doors/rest.h"

/* Which of the tenant's rules: all, ?scope=tenant, or ?account=. *ret_name tells lists apart. */
int rule_filter_of(struct rest *rest, struct rule_filter *ret, struct slice *ret_name,
                   struct err *err) MUST_CHECK;

/* The ETag of a list. One that never changed has version 0, and "0" is no ETag. */
uint64_t rule_list_etag(uint64_t version);

/* Is the owner there? Without it, a tenant that is not would be 412 instead of 404. */
int rule_list_check_owner(struct rest *rest, const struct rule_filter *filter,
                          struct err *err) MUST_CHECK;

/*
 * Holds If-Match? It may name the version of this list, or that of all the tenant's rules, which
 * GET shows without a filter: when nothing changed there, nothing changed here.
 */
int rule_list_check_version(struct rest *rest, const struct rule_filter *filter,
                            struct condition *ret, struct err *err) MUST_CHECK;

/* Did the request for a list ask for CSV, by ?format= or by Accept? */
bool rest_rule_wants_csv(const struct rest *rest);

#endif
