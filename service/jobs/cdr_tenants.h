/* The tenants of one import: looked up once each, many at a time. */
#ifndef SEKISHO_JOBS_CDR_TENANTS_H
#define SEKISHO_JOBS_CDR_TENANTS_H

#include "store/call_imports.h"

struct cdr_tenants {
    struct tenant_line *lines; /* in the order in which they were met */
    unsigned count, asked, cap; /* lines[0 … asked - 1] have been looked up */
    uint32_t *index;            /* hash of a tenant to its place + 1; a power of two */
    unsigned index_cap;
};

/* The place of a tenant, met now or before; -1: out of memory. */
long cdr_tenants_place(struct cdr_tenants *tenants, const char *tenant);
/* Looks up those that were not yet. */
int cdr_tenants_ask(struct cdr_tenants *tenants, struct txn *txn, struct err *err) MUST_CHECK;
void cdr_tenants_release(struct cdr_tenants *tenants);

#endif
