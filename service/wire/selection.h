/* Whom a campaign chooses, as JSON: what the API takes, and the store keeps as a text. */
#ifndef SEKISHO_WIRE_SELECTION_H
#define SEKISHO_WIRE_SELECTION_H

#include "core/tenant.h"
#include "wire/fields.h"

enum { SELECTION_LIST_MAX = 10000 };

/* A list of ids, in byte order, without doubles. */
struct id_list {
    const char **ids;
    unsigned count;
};

/*
 * Who never called abroad since a day, on enough days of records; among the accounts (or tenants as a
 * whole) of the named tenants, or of tenants with one of the profiles, or of all.
 */
struct selection {
    unsigned level;   /* 0: whole tenants, 1: accounts */
    int64_t since_ms;
    int64_t days_min; /* days with records that "never" takes */
    struct id_list tenants, profiles;
    struct id_list excluded; /* "acme", "acme/1001": shown in the plan, but left alone */
    bool with_unknown;       /* those too young or with too few records, too */
};

int selection_read(json_t *object, const struct where *where, struct arena *arena,
                   struct selection *ret, struct err *err) MUST_CHECK;
/* Returns new; NULL: out of memory. */
json_t *selection_write(const struct selection *selection);

/* Is the tenant, or the account of it, on the list? */
bool selection_excludes(const struct selection *selection, const char *tenant, const char *account);
bool id_list_has(const struct id_list *list, const char *id);

#endif
