/*
 * What importing a restricted-number list would change: each line of the file beside the rule that
 * stands in its place now, and the whole list as it would be.
 *
 *     file  010,×   0101,○   0570,×          list now   deny 010   deny 0101   allow 0990
 *           same    changed  added                                             removed, or with
 *                                                                              merge left as it is
 *
 * A column that the file does not have says nothing: the rule keeps its note and its destination. A
 * rule that stays the same keeps its source; what is new or changed gets that of the one who
 * imports.
 */
#ifndef SEKISHO_DOORS_LIST_PLAN_H
#define SEKISHO_DOORS_LIST_PLAN_H

#include <jansson.h>

#include "doors/rest.h"
#include "wire/list.h"

struct list_plan {
    struct list list;
    bool is_merge;
    struct rule *stored; /* in the order of their places */
    unsigned stored_count;
    bool *is_named;             /* of each stored rule: the file has a line for its place */
    const struct rule **before; /* of each row: the rule in its place, or NULL */
    struct rule *rules;         /* as they are to be */
    unsigned rules_count;
    unsigned added, changed, removed, unchanged, repeated;
};

/* Plans plan->list over what is stored for `filter`. Lines that cannot be are refused. */
int list_plan(struct rest *rest, const struct rule_filter *filter, struct list_plan *plan,
              struct err *err) MUST_CHECK;

/* The plan for people and programs; returns new, NULL: out of memory. */
json_t *list_plan_write(const struct list_plan *plan, bool is_dry_run);

#endif
