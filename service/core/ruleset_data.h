/* The inside of struct ruleset: for ruleset.c, which answers, and ruleset_build.c, which compiles. */
#ifndef SEKISHO_CORE_RULESET_DATA_H
#define SEKISHO_CORE_RULESET_DATA_H

#include "core/ruleset.h"

enum { NO_PARENT = 0xffff };

enum fact_flags {
    FACT_EXACT = 1, /* matches only a number of its own length */
    FACT_DATED = 2, /* some of its rules have dates: ask the cold part which is in force */
};

/* What goes with a key. Rules of the same target and match follow each other in the cold part. */
struct fact {
    uint16_t parent; /* entry whose prefix contains this one's, or NO_PARENT */
    uint16_t rule;   /* first cold rule */
    uint8_t len;     /* digits of the prefix; 0 for a country or group */
    uint8_t flags;
    uint8_t unused[2];
};

/* Texts are offsets into the block's text area. */
struct cold_rule {
    int64_t starts_at_ms, expires_at_ms;
    uint32_t target, id, source, divert_to;
    uint8_t action;
    uint8_t is_last; /* of those with the same key; an undated one comes last */
};

struct cold_account {
    uint32_t name;
    struct rule_range range;
};

/* One block of memory: header | keys | facts | cold rules | accounts | texts. */
struct ruleset {
    uint64_t revision;
    uint32_t texts_at, texts_bytes; /* offset from the start of the block; the tenant's id comes first */
    uint16_t entries_count, rules_count, accounts_count;
    struct rule_range wide, locks;
    uint8_t tenant_bytes;
    uint8_t has_groups, has_countries, is_suspended; /* no bool: images hold any byte */
    char outside_line[OUTSIDE_LINE_MAX + 1];
};

_Static_assert(sizeof(struct ruleset) <= 48, "with its slot in the table a tenant has 64 bytes");
_Static_assert(sizeof(struct fact) == 8, "with its key a rule has 16 bytes");

static inline uint64_t *ruleset_keys(const struct ruleset *rs)
{
    return (uint64_t *)(rs + 1);
}

static inline struct fact *ruleset_facts(const struct ruleset *rs)
{
    return (struct fact *)(ruleset_keys(rs) + rs->entries_count);
}

static inline struct cold_rule *ruleset_cold(const struct ruleset *rs)
{
    return (struct cold_rule *)(ruleset_facts(rs) + rs->entries_count);
}

static inline struct cold_account *ruleset_accounts(const struct ruleset *rs)
{
    return (struct cold_account *)(ruleset_cold(rs) + rs->rules_count);
}

static inline char *ruleset_texts(const struct ruleset *rs)
{
    return (char *)rs + rs->texts_at;
}

/* The key of a string's leading digits, at most 18 of them; how many in *ret_digits. */
uint64_t prefix_key(struct slice text, unsigned *ret_digits);
/* Does a prefix of `len` digits with this key begin the digits of `number_key`, which is not less? */
bool prefix_contains(uint64_t prefix, unsigned len, uint64_t number_key);

#endif
