/*
 * The answer to "may this account of this tenant dial this number now, and why?"
 *
 * A verdict holds everything it says: nothing in it points into a ruleset, so it may outlive the
 * snapshot it came from.
 */
#ifndef SEKISHO_CORE_VERDICT_H
#define SEKISHO_CORE_VERDICT_H

#include "core/number.h"
#include "core/rule.h"

enum reason {
    REASON_RULE,           /* `rule` decided */
    REASON_LOCK,           /* a platform rule that nobody can override decided */
    REASON_DEFAULT,        /* no rule matches: allow */
    REASON_EMERGENCY,      /* 110, 118, 119 */
    REASON_INVALID_NUMBER, /* not a number we can read */
    REASON_UNKNOWN00,      /* 00… that nothing explains and no rule beginning 00 allows */
    REASON_UNKNOWN_TENANT, /* no such tenant, or outside the token */
    REASON_SUSPENDED,      /* the tenant is suspended */
    REASON_FLOOR,          /* nothing known of the tenant: degraded */
    REASON_COUNT
};

const char *reason_word(enum reason reason);

enum degraded { DEGRADED_NOT, DEGRADED_STALE, DEGRADED_FLOOR, DEGRADED_COUNT };
const char *degraded_word(enum degraded degraded); /* "" for DEGRADED_NOT */

enum { DECISION_ID_CHARS = 26, VERSION_BYTES = 24 };

struct deciding_rule {
    enum scope scope;
    char target[RULE_TARGET_BYTES];
    char id[RULE_ID_BYTES];
    char source[RULE_SOURCE_BYTES];
};

struct verdict {
    enum action action;
    enum reason reason;
    enum degraded degraded;
    bool has_rule;
    struct deciding_rule rule;          /* when has_rule */
    char divert_to[RULE_DIVERT_BYTES];  /* when action is divert */
    struct number number;
    char dial[NUMBER_CHARS_MAX + 16];
    uint64_t revision, platform_revision; /* 0: not known */
    char numbering[VERSION_BYTES];
    char decision_id[DECISION_ID_CHARS + 1]; /* ULID: time, then randomness */
    int64_t decided_at_ms;
};

#endif
