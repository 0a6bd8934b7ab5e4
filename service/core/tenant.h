/*
 * A tenant, its accounts and the profiles they start with, as the API shows them and the store keeps
 * them. Plain data, here so that wire/ can read and write it without knowing of any store.
 */
#ifndef SEKISHO_CORE_TENANT_H
#define SEKISHO_CORE_TENANT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rule.h"

enum { CONTACTS_MAX = 20, PROFILE_RULES_MAX = 1000 };

struct contact {
    const char *name, *email, *phone, *webhook; /* each may be "" but not all */
};

enum tenant_status { TENANT_ACTIVE, TENANT_SUSPENDED };

struct tenant {
    const char *id, *name;
    const char *profile; /* the profile applied at creation */
    const char *outside_line, *locale, *time_zone;
    enum tenant_status status;
    const struct contact *contacts;
    unsigned contacts_count;
    int64_t created_at_ms, updated_at_ms;
    uint64_t version;  /* when these fields last changed */
    uint64_t revision; /* of all the tenant's policy, accounts and rules included */
};

struct account {
    const char *tenant, *id, *display_name;
    const char *profile; /* "" when none was applied */
    int64_t created_at_ms, updated_at_ms;
    uint64_t version;
};

/* `standard` (deny 010; the default) and `open` (no rules) exist from the start and may be changed,
 * not deleted. Rules of a profile have no account, lock, source or dates. */
struct profile {
    const char *id, *name; /* id as a tenant's */
    bool is_default, is_builtin;
    const struct rule *rules;
    unsigned rules_count;
    int64_t created_at_ms, updated_at_ms;
    uint64_t version;
};

#endif
