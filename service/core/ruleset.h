/*
 * One tenant's rules, or the platform's, compiled at one revision: immutable, small, quick to ask.
 *
 * Why not a trie: a million tenants with five rules each must fit in memory and a lookup must touch
 * few cache lines. A ruleset is one block: 64 bytes of header, then for each distinct (target, match)
 * of a scope 8 bytes of key and 8 of facts, sorted; what is only needed to name the deciding rule
 * (ids, dates, sources) lies behind, cold.
 *
 *     keys    010······  0101·····  0101212··  country:SO          u64, ascending, per scope
 *     facts   deny ─┐◄── allow ─┐◄── deny                          parent = longest shorter prefix
 *
 * A prefix of up to 18 digits is a number in base 11, left-aligned (0 = no digit here), so that a
 * prefix sorts just before all its extensions. The longest match is found by one binary search for
 * the last key not after the number's own, then by walking up `parent` until a key contains it.
 */
#ifndef SEKISHO_CORE_RULESET_H
#define SEKISHO_CORE_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/number.h"
#include "core/numbering.h"
#include "core/rule.h"

struct ruleset;

enum { RULESET_TEXT_STEP = 16 };

/* What a ruleset knows of its owner besides rules. */
struct ruleset_owner {
    struct slice tenant; /* empty for the platform */
    struct slice outside_line;
    bool is_suspended;
    uint64_t revision;
};

/*
 * Compiles `count` rules (borrowed). Locked rules and the others form two scopes of their own; rules of
 * accounts form one each. Returns new. ERR_LIMIT: more than RULES_PER_TENANT_MAX; ERR_EXISTS: two rules
 * collide; ERR_INVALID: a text longer than its RULE_…_BYTES; ERR_NOMEM.
 */
int ruleset_new(const struct ruleset_owner *owner, const struct rule *rules, size_t count,
                struct ruleset **ret, struct err *err) MUST_CHECK;
void ruleset_free(struct ruleset *ruleset);

struct slice ruleset_tenant(const struct ruleset *ruleset);
const char *ruleset_outside_line(const struct ruleset *ruleset);
bool ruleset_is_suspended(const struct ruleset *ruleset);
uint64_t ruleset_revision(const struct ruleset *ruleset);
size_t ruleset_rules_count(const struct ruleset *ruleset);
/* Bytes of header, keys and facts, and of the cold part; for bench and metrics. */
void ruleset_bytes(const struct ruleset *ruleset, size_t *ret_hot, size_t *ret_cold);

/*
 * A ruleset as bytes, for another process or a later one on the same kind of machine: borrowed from the
 * ruleset. RULESET_LAYOUT grows when struct ruleset or what follows it changes.
 */
enum { RULESET_LAYOUT = 2 };
struct slice ruleset_image(const struct ruleset *ruleset);
/* Back, returned new. ERR_INVALID: anything in it would lead outside of it. */
int ruleset_from_image(struct slice image, struct ruleset **ret, struct err *err) MUST_CHECK;

/* Some of the rules in it: the wide scope, the locks, or one account's. */
struct rule_range {
    uint16_t first, count;
};
struct rule_range ruleset_wide(const struct ruleset *ruleset);
struct rule_range ruleset_locks(const struct ruleset *ruleset);
struct rule_range ruleset_account(const struct ruleset *ruleset, struct slice account);

/*
 * A reading made ready to be looked up; computed once and asked in every scope. `numbering` tells the
 * groups of the number, and only when a ruleset has rules for groups at all.
 */
struct lookup {
    const struct numbering *numbering;
    const struct reading *reading;
    uint64_t key;     /* its first 18 digits, in base 11 */
    uint64_t country; /* country_key(), or 0 */
    int groups_count; /* -1: not yet asked for */
    struct group_match groups[GROUP_MATCHES_MAX];
};
void lookup_init(struct lookup *lookup, const struct numbering *numbering,
                 const struct reading *reading);

/* The rule that settles a scope. Texts are borrowed from the ruleset, see ruleset_copy_text(). */
struct rule_match {
    uint8_t len; /* characters of the number it matches with */
    enum action action;
    const char *target, *id, *source, *divert_to;
};

/*
 * The longest match of one range at one moment; false, and *ret untouched, when no rule matches. Among
 * rules of equal length the more specific target wins: exact, prefix, country, group; between groups the
 * stricter action.
 */
bool ruleset_match_some(const struct ruleset *ruleset, struct rule_range range, struct lookup *lookup,
                        int64_t now_ms, struct rule_match *ret);

/* The same; apart because most scopes that a call asks have no rules at all. */
static inline bool ruleset_match(const struct ruleset *ruleset, struct rule_range range,
                                 struct lookup *lookup, int64_t now_ms, struct rule_match *ret)
{
    return range.count && ruleset_match_some(ruleset, range, lookup, now_ms, ret);
}

/*
 * Copies a text of a match. Its length, NUL included, is in the byte before it; it is copied 16 bytes
 * at a time, which neither a text nor an array for one (all are multiples of that) minds.
 */
static inline void ruleset_copy_text(char *ret, const char *text)
{
    for (unsigned n = (uint8_t)text[-1], at = 0; at < n; at += RULESET_TEXT_STEP)
        memcpy(ret + at, text + at, RULESET_TEXT_STEP);
}

/* A country or group as a key beside those of prefixes; what numbering.h's group_match carries. */
uint64_t country_key(const char *code);
uint64_t group_key(struct slice name);

#endif
