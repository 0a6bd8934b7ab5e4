/* A verdict with everything that led to it, for people: how the number was read, what each scope said. */
#ifndef SEKISHO_CORE_EXPLANATION_H
#define SEKISHO_CORE_EXPLANATION_H

#include "core/verdict.h"

enum { EXPLAINED_SCOPES_MAX = 12 }; /* two readings, each perhaps for 010 too: platform, tenant, account */

struct explanation {
    struct verdict verdict;
    struct trace trace;
    unsigned steps_count; /* what each scope said, in the order they were asked, per reading */
    struct explained_scope {
        unsigned reading;
        bool is_lock;
        bool is_for_010; /* nothing matched an unknown number: rules were looked up for 010 */
        enum scope scope;
        bool took_over; /* became the verdict so far */
        enum action action;
        struct deciding_rule rule;
    } steps[EXPLAINED_SCOPES_MAX];
};

#endif
