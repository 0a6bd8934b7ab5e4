#include "jobs/cdr_tenants.h"

#include "base/hash.h"

/* Where the tenant is in the index, or the free place where it belongs. */
static uint32_t *slot_of(const struct cdr_tenants *tenants, const char *tenant)
{
    uint64_t at = hash_slice(slice_of(tenant));
    for (;; at++) {
        uint32_t *slot = &tenants->index[at & (tenants->index_cap - 1)];
        if (*slot == 0 || strcmp(tenants->lines[*slot - 1].tenant, tenant) == 0)
            return slot;
    }
}

static bool grow(struct cdr_tenants *tenants)
{
    unsigned cap = tenants->cap ? tenants->cap * 2 : 256;
    struct tenant_line *lines = realloc(tenants->lines, cap * sizeof *lines);
    uint32_t *index = lines ? calloc(cap * 2, sizeof *index) : NULL;
    if (lines)
        tenants->lines = lines;
    if (!index)
        return false;
    free(tenants->index);
    tenants->index = index;
    tenants->cap = cap;
    tenants->index_cap = cap * 2;
    for (unsigned i = 0; i < tenants->count; i++)
        *slot_of(tenants, lines[i].tenant) = i + 1;
    return true;
}

long cdr_tenants_place(struct cdr_tenants *tenants, const char *tenant)
{
    if (tenants->count == tenants->cap && !grow(tenants))
        return -1;
    uint32_t *slot = slot_of(tenants, tenant);
    if (*slot == 0) {
        struct tenant_line *line = &tenants->lines[tenants->count++];
        snprintf(line->tenant, sizeof line->tenant, "%s", tenant);
        *slot = tenants->count;
    }
    return (long)*slot - 1;
}

int cdr_tenants_ask(struct cdr_tenants *tenants, struct txn *txn, struct err *err)
{
    int r = store_outside_lines(txn, tenants->lines + tenants->asked,
                                tenants->count - tenants->asked, err);
    if (r == 0)
        tenants->asked = tenants->count;
    return r;
}

void cdr_tenants_release(struct cdr_tenants *tenants)
{
    free(tenants->lines);
    free(tenants->index);
    *tenants = (struct cdr_tenants){0};
}
