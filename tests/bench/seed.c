/*
 * Fills a store with tenants t0 … tN-1 of five rules each, for daemons that are to be measured.
 *
 *     seed sqlite:FILE TENANTS
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"
#include "world.h"

enum { TENANTS_MAX = 10000000, RULES = 5, TENANTS_A_COMMIT = 5000 };

static const struct actor actor = {
    .subject = "bench", .role = "operator", .request_id = "", .address = ""};
static const struct condition any = {COND_NONE, 0};

/* The rules come to every tenant by its profile: one statement a tenant. */
static int put_profile(struct store *store, struct err *err)
{
    struct random dice = {RULES};
    struct rule *rules = world_rules(&dice, RULES);
    struct profile profile = {.id = "bench", .name = "Bench", .rules = rules, .rules_count = RULES};
    struct txn *txn;
    bool is_new;
    for (unsigned i = 0; i < RULES; i++)
        rules[i].source = "";
    int rc = store_begin(store, &actor, &txn, err);
    if (!rc) {
        rc = store_profile_put(txn, &profile, &any, &is_new, err);
        if (rc)
            store_rollback(txn);
        else
            rc = store_commit(txn, NULL, err);
    }
    free(rules);
    return rc;
}

static int put_tenants(struct store *store, unsigned from, unsigned to, struct err *err)
{
    struct txn *txn;
    bool is_new;
    int rc = store_begin(store, &actor, &txn, err);
    if (rc)
        return rc;
    for (unsigned i = from; !rc && i < to; i++) {
        char name[WORLD_NAME_BYTES];
        world_name(i, name);
        struct tenant tenant = {.id = name, .name = name, .profile = "bench", .outside_line = "",
                                .locale = "ja", .time_zone = "Asia/Tokyo"};
        rc = store_tenant_put(txn, &tenant, &any, &is_new, err);
    }
    if (!rc)
        return store_commit(txn, NULL, err);
    store_rollback(txn);
    return rc;
}

int main(int argc, char **argv)
{
    unsigned long tenants = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    struct store *store = NULL;
    struct err err = {0};
    if (tenants < 1 || tenants > TENANTS_MAX) {
        fprintf(stderr, "usage: seed sqlite:FILE TENANTS\n");
        return 2;
    }
    int rc = store_open(argv[1], &store, &err);
    if (!rc)
        rc = put_profile(store, &err);
    for (unsigned from = 0; !rc && from < tenants; from += TENANTS_A_COMMIT) {
        unsigned left = (unsigned)tenants - from;
        unsigned count = left < TENANTS_A_COMMIT ? left : TENANTS_A_COMMIT;
        rc = put_tenants(store, from, from + count, &err);
    }
    store_close(store);
    if (rc)
        fprintf(stderr, "seed: %s %s\n", err.text, err.field);
    return rc ? 1 : 0;
}
