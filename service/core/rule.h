/*
 * A rule as people write it and the store keeps it: (scope, target, action) with its dates.
 * Rulesets are compiled from these (ruleset.h).
 */
#ifndef SEKISHO_CORE_RULE_H
#define SEKISHO_CORE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum {
    RULE_PREFIX_DIGITS_MAX = 18,
    RULE_TARGET_BYTES = 48,  /* with NUL */
    RULE_ID_BYTES = 32,
    RULE_SOURCE_BYTES = 80,
    RULE_DIVERT_BYTES = 64,
    RULE_NOTE_CHARS_MAX = 500, /* bytes of UTF-8 */
    RULES_PER_TENANT_MAX = 10000,
    TENANT_ID_BYTES = 64,
    ACCOUNT_ID_BYTES = 64,
};

enum action { ACTION_ALLOW, ACTION_DIVERT, ACTION_DENY }; /* ascending strictness */
enum scope { SCOPE_PLATFORM, SCOPE_TENANT, SCOPE_ACCOUNT };

const char *action_word(enum action action);
int action_of(struct slice word, enum action *ret) MUST_CHECK; /* ERR_INVALID */
const char *scope_word(enum scope scope);

enum target_type { TARGET_PREFIX, TARGET_COUNTRY, TARGET_GROUP };

/* text is canonical: "0101212", "country:US", "group:high-risk"; for TARGET_PREFIX digits only */
struct target {
    enum target_type type;
    char text[RULE_TARGET_BYTES];
};

struct rule {
    const char *id;      /* "" before the store gave one */
    const char *account; /* "" for the tenant's own or a platform rule */
    struct target target;
    enum action action;
    bool is_exact;         /* match: exact instead of prefix; prefixes only */
    bool is_locked;        /* platform rules only */
    const char *divert_to; /* "" unless action is divert: [A-Za-z0-9._-]{1,63} */
    const char *note;      /* plain text, may be "" */
    const char *source;    /* customer, onboarding, campaign:<id>, guard, operator */
    int64_t starts_at_ms;  /* 0: always was */
    int64_t expires_at_ms; /* 0: never */
    int64_t created_at_ms, updated_at_ms;
    uint64_t version; /* ETag: the revision at which it last changed */
};

/*
 * From what people write to a target: "+1 (212)", "０１０", "0101", "country:us", "group:high-risk".
 * A leading + is 010, +81X is 0X. Case of the country does not matter.
 * ERR_INVALID with a text for people: no digits, other characters, a bare +81, more than 18 digits,
 * or a country or group of the wrong shape (whether the data knows it is the caller's question).
 */
int target_parse(struct slice text, struct target *ret, struct err *err) MUST_CHECK;

/* Checks what does not depend on anything stored; fields of err are relative ("/expires_at"). */
int rule_check(const struct rule *rule, struct err *err) MUST_CHECK;

bool tenant_id_is_valid(struct slice id);  /* [a-z0-9][a-z0-9_-]{0,62} */
bool account_id_is_valid(struct slice id); /* [A-Za-z0-9][A-Za-z0-9._-]{0,62} */

/* Do the two have the same scope, target and match, so that dates must tell them apart? */
bool rule_is_same_place(const struct rule *a, const struct rule *b);
/* Same place, and both undated or dated with windows that overlap: may not both exist. */
bool rule_collides(const struct rule *a, const struct rule *b);

static inline bool rule_is_dated(const struct rule *rule)
{
    return rule->starts_at_ms != 0 || rule->expires_at_ms != 0;
}

#endif
