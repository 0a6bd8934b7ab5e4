/* How a ruleset answers. ruleset_build.c makes it. */
#include "core/ruleset.h"

#include <endian.h>

#include "base/hash.h"
#include "core/ruleset_data.h"

enum { KEY_TEXT_BYTES = 24 };

/* 11^n; the last one is below 2^63, so that the keys of countries and groups can lie above all */
static const uint64_t power11[RULE_PREFIX_DIGITS_MAX + 1] = {
    1ULL,
    11ULL,
    121ULL,
    1331ULL,
    14641ULL,
    161051ULL,
    1771561ULL,
    19487171ULL,
    214358881ULL,
    2357947691ULL,
    25937424601ULL,
    285311670611ULL,
    3138428376721ULL,
    34522712143931ULL,
    379749833583241ULL,
    4177248169415651ULL,
    45949729863572161ULL,
    505447028499293771ULL,
    5559917313492231481ULL,
};

static const uint64_t COUNTRY_BIT = 1ULL << 63, GROUP_BITS = 3ULL << 62;

/*
 * The first `n` of eight digits as a number in base 11, each plus 1, left-aligned. All at once: the bytes
 * of a word become digits, pairs of them, fours, eight. What lies behind the n digits is masked away.
 */
static inline uint64_t eight_digits(const char *p, unsigned n)
{
    const uint64_t bytes = 0x00ff00ff00ff00ff, pairs = 0x0000ffff0000ffff;
    uint64_t word;
    memcpy(&word, p, sizeof word);
    word = (le64toh(word) - 0x2f2f2f2f2f2f2f2f) & (n < 8 ? (1ULL << 8 * n) - 1 : ~0ULL);
    word = (word & bytes) * 11 + (word >> 8 & bytes);
    word = (word & pairs) * 121 + (word >> 16 & pairs);
    return (word & 0xffffffff) * 14641 + (word >> 32);
}

/* The key of `n` digits, in an array that is long enough to be read eight at a time. */
static uint64_t key_of_digits(const char text[KEY_TEXT_BYTES], unsigned n)
{
    uint64_t key = eight_digits(text, n) * power11[10];
    if (n > 8)
        key += eight_digits(text + 8, n - 8) * power11[2];
    for (unsigned i = 16; i < n; i++)
        key += (unsigned)(text[i] - '0' + 1) * power11[17 - i];
    return key;
}

static unsigned count_digits(struct slice text)
{
    struct slice first = {text.p, text.n < RULE_PREFIX_DIGITS_MAX ? text.n : RULE_PREFIX_DIGITS_MAX};
    while (!slice_is_digits(first)) /* seldom: * and # are in short codes only */
        first.n--;
    return (unsigned)first.n;
}

uint64_t prefix_key(struct slice text, unsigned *ret_digits)
{
    char padded[KEY_TEXT_BYTES] = {0};
    *ret_digits = count_digits(text);
    memcpy(padded, text.p, *ret_digits);
    return key_of_digits(padded, *ret_digits);
}

bool prefix_contains(uint64_t prefix, unsigned len, uint64_t number_key)
{
    return number_key - prefix < power11[RULE_PREFIX_DIGITS_MAX - len];
}

uint64_t country_key(const char *code)
{
    uint64_t key = COUNTRY_BIT;
    for (unsigned shift = 0; *code && shift < 24; code++, shift += 8)
        key |= (uint64_t)(unsigned char)*code << shift;
    return key;
}

uint64_t group_key(struct slice name)
{
    return GROUP_BITS | hash_slice(name);
}

struct slice ruleset_tenant(const struct ruleset *rs)
{
    return (struct slice){ruleset_texts(rs), rs->tenant_bytes};
}

const char *ruleset_outside_line(const struct ruleset *rs)
{
    return rs->outside_line;
}

bool ruleset_is_suspended(const struct ruleset *rs)
{
    return rs->is_suspended;
}

uint64_t ruleset_revision(const struct ruleset *rs)
{
    return rs->revision;
}

size_t ruleset_rules_count(const struct ruleset *rs)
{
    return rs->rules_count;
}

void ruleset_bytes(const struct ruleset *rs, size_t *ret_hot, size_t *ret_cold)
{
    *ret_hot = (size_t)((char *)ruleset_cold(rs) - (char *)rs);
    *ret_cold = rs->texts_at + rs->texts_bytes - *ret_hot;
}

struct rule_range ruleset_wide(const struct ruleset *rs)
{
    return rs->wide;
}

struct rule_range ruleset_locks(const struct ruleset *rs)
{
    return rs->locks;
}

struct rule_range ruleset_account(const struct ruleset *rs, struct slice account)
{
    unsigned low = 0, high = rs->accounts_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct cold_account *at = &ruleset_accounts(rs)[middle];
        struct slice name = slice_of(ruleset_texts(rs) + at->name);
        size_t n = name.n < account.n ? name.n : account.n;
        int order = n ? memcmp(account.p, name.p, n) : 0;
        if (order == 0 && account.n == name.n)
            return at->range;
        if (order < 0 || (order == 0 && account.n < name.n))
            high = middle;
        else
            low = middle + 1;
    }
    return (struct rule_range){0, 0};
}

void lookup_init(struct lookup *lookup, const struct numbering *numbering,
                 const struct reading *reading)
{
    struct slice number = {reading->number, reading->len};
    unsigned digits = number.n < RULE_PREFIX_DIGITS_MAX ? (unsigned)number.n : RULE_PREFIX_DIGITS_MAX;
    if (reading->has_symbols)
        digits = count_digits(number);
    lookup->numbering = numbering;
    lookup->reading = reading;
    lookup->key = key_of_digits(reading->number, digits);
    lookup->country = reading->country_len ? country_key(reading->country) : 0;
    lookup->groups_count = -1;
}

/*
 * How many of `n` ascending keys are not above `key`. Written so that it compiles without branches, which
 * would be guessed wrong: halves until few are left, then all of those at once.
 */
static unsigned count_not_above(const uint64_t *keys, unsigned n, uint64_t key)
{
    enum { FAR = 64, FEW = 12 };
    unsigned low = 0, count = 0;
    while (n > FEW) {
        unsigned half = n / 2;
        if (n > FAR) { /* ask memory for both keys that may be next */
            __builtin_prefetch(&keys[low + half / 2]);
            __builtin_prefetch(&keys[low + half + half / 2]);
        }
        low += keys[low + half] <= key ? half : 0;
        n -= half;
    }
    for (unsigned i = 0; i < n; i++)
        count += keys[low + i] <= key;
    return low + count;
}

/* The rule of an entry that is in force, or NULL; a dated one before the undated one. */
static const struct cold_rule *rule_in_force(const struct ruleset *rs, const struct fact *fact,
                                             int64_t now_ms)
{
    const struct cold_rule *rule = &ruleset_cold(rs)[fact->rule];
    if (!(fact->flags & FACT_DATED))
        return rule;
    for (;; rule++) {
        bool has_started = rule->starts_at_ms <= now_ms;
        bool has_expired = rule->expires_at_ms && rule->expires_at_ms <= now_ms;
        if (has_started && !has_expired)
            return rule;
        if (rule->is_last)
            return NULL;
    }
}

/* What a range found so far: longest first, then the more specific target, then the stricter action. */
struct best {
    const struct cold_rule *rule;
    unsigned len;
    enum specific { BY_GROUP, BY_COUNTRY, BY_PREFIX } by;
};

static void consider(struct best *best, const struct cold_rule *rule, unsigned len, enum specific by)
{
    if (!rule || len < best->len)
        return;
    bool is_better = !best->rule || len > best->len || by > best->by ||
                     (by == best->by && rule->action > best->rule->action);
    if (is_better)
        *best = (struct best){rule, len, by};
}

static void match_prefix(const struct ruleset *rs, struct rule_range range,
                         const struct lookup *lookup, int64_t now_ms, struct best *best)
{
    const uint64_t *keys = ruleset_keys(rs);
    const struct fact *facts = ruleset_facts(rs);
    unsigned found = count_not_above(keys + range.first, range.count, lookup->key);
    if (found == 0)
        return;
    /* probably its rule: none of those before it had two */
    __builtin_prefetch(&ruleset_cold(rs)[range.first + found - 1]);
    for (unsigned at = range.first + found - 1; at != NO_PARENT; at = facts[at].parent) {
        const struct fact *fact = &facts[at];
        if (!prefix_contains(keys[at], fact->len, lookup->key))
            continue;
        if ((fact->flags & FACT_EXACT) && fact->len != lookup->reading->len)
            continue;
        const struct cold_rule *rule = rule_in_force(rs, fact, now_ms);
        if (rule) {
            *best = (struct best){rule, fact->len, BY_PREFIX};
            return;
        }
    }
}

static void match_key(const struct ruleset *rs, struct rule_range range, uint64_t key, unsigned len,
                      enum specific by, int64_t now_ms, struct best *best)
{
    const uint64_t *keys = ruleset_keys(rs) + range.first;
    unsigned found = count_not_above(keys, range.count, key);
    if (found && keys[found - 1] == key)
        consider(best, rule_in_force(rs, &ruleset_facts(rs)[range.first + found - 1], now_ms), len, by);
}

static void match_groups(const struct ruleset *rs, struct rule_range range, struct lookup *lookup,
                         int64_t now_ms, struct best *best)
{
    if (lookup->groups_count < 0)
        lookup->groups_count = (int)numbering_groups(
            lookup->numbering, (struct slice){lookup->reading->number, lookup->reading->len},
            lookup->groups);
    for (int i = 0; i < lookup->groups_count; i++)
        match_key(rs, range, lookup->groups[i].key, lookup->groups[i].len, BY_GROUP, now_ms, best);
}

bool ruleset_match_some(const struct ruleset *rs, struct rule_range range, struct lookup *lookup,
                        int64_t now_ms, struct rule_match *ret)
{
    struct best best = {NULL, 0, BY_GROUP};
    match_prefix(rs, range, lookup, now_ms, &best);
    if (rs->has_countries && lookup->country)
        match_key(rs, range, lookup->country, lookup->reading->country_len, BY_COUNTRY, now_ms, &best);
    if (rs->has_groups)
        match_groups(rs, range, lookup, now_ms, &best);
    if (!best.rule)
        return false;
    const char *texts = ruleset_texts(rs);
    *ret = (struct rule_match){
        .len = (uint8_t)best.len,
        .action = (enum action)best.rule->action,
        .target = texts + best.rule->target,
        .id = texts + best.rule->id,
        .source = texts + best.rule->source,
        .divert_to = texts + best.rule->divert_to,
    };
    return true;
}
