/* A rule as JSON. Its target may be written as people write it; it is answered as it is stored. */
#ifndef SEKISHO_WIRE_RULE_H
#define SEKISHO_WIRE_RULE_H

#include "core/rule.h"
#include "wire/fields.h"

/* Which members a rule has depends on where it stands. */
enum rule_kind {
    RULE_OF_TENANT = 1,
    RULE_OF_PLATFORM = 2, /* `locked`, no account */
    RULE_OF_PROFILE = 4,  /* what and whereto only: no account, source, dates */
    RULE_OF_DRAFT = 8,    /* as a tenant's, not stored */
};

/* A rule with nothing in it, to be read over. */
static inline struct rule rule_blank(const char *source)
{
    return (struct rule){.id = "", .account = "", .divert_to = "", .note = "", .source = source};
}

/*
 * Reads over *rule (stored, or rule_blank()) and checks the result with rule_check(). `prefix` and
 * `target` are two names of one member: either, or both when they say the same. A rule that stops
 * diverting loses its divert_to. Whether country, group and account exist is the caller's question.
 */
int rule_read(json_t *object, enum rule_kind kind, enum read_mode mode, const struct where *where,
              struct arena *arena, struct rule *rule, struct err *err) MUST_CHECK;

/* Reads an array of at most `max` rules (ERR_LIMIT), each over `*blank`. *ret is arena memory. */
int rules_read(json_t *array, enum rule_kind kind, unsigned max, const struct rule *blank,
               const struct where *where, struct arena *arena, struct rule **ret,
               unsigned *ret_count, struct err *err) MUST_CHECK;

/* Return new; NULL: out of memory. */
json_t *rule_write(const struct rule *rule, enum rule_kind kind);
json_t *rules_write(const struct rule *rules, unsigned count, enum rule_kind kind);

#endif
