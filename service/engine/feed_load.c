#include "engine/feed_load.h"

#include <stdlib.h>

#include "auth/auth.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/pages.h"
#include "engine/rulesets.h"
#include "engine/spread.h"

/* Rules that do not compile must not stop the feed for everybody else: the old ones keep serving. */
static int keep_the_old(struct loader *loader, const struct tenant *tenant, int rc,
                        const struct err *err)
{
    char text[LOG_VALUE_BYTES];
    if (rc == ERR_NOMEM)
        return rc;
    log_error("ruleset_failed", "%s%s revision=%llu reason=%s", *tenant->id ? "tenant=" : "platform",
              tenant->id, (unsigned long long)tenant->revision, log_value(slice_of(err->text), text));
    rulesets_fell_behind(loader->rulesets, slice_of(tenant->id), tenant->revision);
    return 0;
}

static int meet(struct loader *loader, struct slice tenant, struct err *err)
{
    if (loader->met_count == loader->met_cap) {
        size_t cap = loader->met_cap ? 2 * loader->met_cap : 1024;
        uint64_t *more = realloc(loader->met, cap * sizeof *more);
        if (!more)
            return err_set(err, ERR_NOMEM, "out of memory");
        loader->met = more;
        loader->met_cap = cap;
    }
    loader->met[loader->met_count++] = hash_slice(tenant);
    return 0;
}

/* Compiles and publishes one owner's rules. */
static int publish(struct loader *loader, const struct tenant *tenant, const struct rule *rules,
                   size_t count, struct err *err)
{
    struct ruleset *ruleset;
    struct ruleset_owner owner = {
        .tenant = slice_of(tenant->id),
        .outside_line = slice_of(tenant->outside_line),
        .is_suspended = tenant->status == TENANT_SUSPENDED,
        .revision = tenant->revision,
    };
    struct err why = {0};
    if (!rules && count) /* a damaged row: err says which */
        return keep_the_old(loader, tenant, ERR_INVALID, err);
    int rc = ruleset_new(&owner, rules, count, &ruleset, &why);
    if (rc)
        return keep_the_old(loader, tenant, rc, &why) ? err_set(err, rc, "%s", why.text) : 0;
    if (loader->spread)
        spread_add(loader->spread, owner.tenant, owner.revision, ruleset,
                   spread_how(loader->spread, owner.tenant, owner.revision, loader->is_own));
    return loader->whatever ? rulesets_replace(loader->rulesets, ruleset, err)
                            : rulesets_publish(loader->rulesets, ruleset, err);
}

/* store_policy_fn */
static int publish_one(void *context, const struct tenant *tenant, const struct rule *rules,
                       size_t count, struct err *err)
{
    return publish(context, tenant, rules, count, err);
}

/* store_policy_fn */
static int publish_of_all(void *context, const struct tenant *tenant, const struct rule *rules,
                          size_t count, struct err *err)
{
    int rc = meet(context, slice_of(tenant->id), err);
    return rc ? rc : publish(context, tenant, rules, count, err);
}

static int load_revocations(struct loader *loader, struct err *err)
{
    enum { PAGE = 1000 };
    struct arena arena;
    struct txn *txn = NULL;
    struct page page = {SLICE_NONE, PAGE};
    struct revocation *rows;
    unsigned count = PAGE;
    arena_init(&arena, (size_t)1 << 30);
    int rc = store_begin(loader->store, NULL, &txn, err);
    while (!rc && count == PAGE) {
        rc = store_revocation_list(txn, page, &arena, &rows, &count, err);
        for (unsigned i = 0; !rc && i < count; i++)
            rc = revocations_add(loader->revocations, slice_of(rows[i].jti), err);
        if (!rc && count)
            page.after = slice_of(rows[count - 1].jti);
    }
    store_rollback(txn);
    arena_release(&arena);
    return rc;
}

/* --- tenants that are gone --------------------------------------------------------------------------- */

static int compare_hashes(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

struct gone {
    const struct loader *loader;
    char tenants[1024][TENANT_ID_BYTES]; /* one step of the walk has no more */
    unsigned count;
};

static void note_gone(void *context, const struct ruleset *ruleset)
{
    struct gone *gone = context;
    struct slice tenant = ruleset_tenant(ruleset);
    uint64_t hash = hash_slice(tenant);
    if (!bsearch(&hash, gone->loader->met, gone->loader->met_count, sizeof hash, compare_hashes)) {
        memcpy(gone->tenants[gone->count], tenant.p, tenant.n);
        gone->tenants[gone->count++][tenant.n] = '\0';
    }
}

static int remove_gone(struct loader *loader, struct err *err)
{
    struct rulesets_walk walk = {0};
    struct gone *gone = malloc(sizeof *gone);
    if (!gone)
        return err_set(err, ERR_NOMEM, "out of memory");
    qsort(loader->met, loader->met_count, sizeof *loader->met, compare_hashes);
    for (bool is_more = true; is_more;) {
        gone->loader = loader;
        gone->count = 0;
        is_more = rulesets_step(loader->rulesets, &walk, note_gone, gone);
        for (unsigned i = 0; i < gone->count; i++)
            rulesets_remove(loader->rulesets, slice_of(gone->tenants[i]));
    }
    free(gone);
    return 0;
}

/* ------------------------------------------------------------------------------------------------------- */

int loader_all(struct loader *loader, struct feed_position *ret_position, struct err *err)
{
    struct loader apart = *loader; /* a full load would only flood Redis with what it has */
    apart.spread = NULL;
    rulesets_forgive(loader->rulesets);
    int rc = store_policy_each(loader->store, publish_of_all, &apart, ret_position, err);
    pages_enlarge_heap();
    if (!rc)
        rc = load_revocations(loader, err);
    if (!rc)
        rc = remove_gone(&apart, err);
    free(apart.met);
    return rc;
}

static void remove_tenant(struct loader *loader, struct slice tenant, uint64_t revision)
{
    rulesets_remove(loader->rulesets, tenant);
    if (loader->spread)
        spread_add(loader->spread, tenant, revision, NULL,
                   spread_how(loader->spread, tenant, revision, loader->is_own));
}

static int load(struct loader *loader, struct slice tenant, struct err *err)
{
    int rc = loader->txn ? 0 : store_begin(loader->store, NULL, &loader->txn, err);
    return rc ? rc : store_policy_in(loader->txn, tenant, publish_one, loader, err);
}

int loader_row(struct loader *loader, const struct feed_row *row, struct err *err)
{
    struct err why = {0};
    int rc = 0;
    loader->is_own = row->is_own;
    switch (row->kind) {
    case FEED_TENANT:
        rc = load(loader, slice_of(row->tenant), &why);
        if (rc == ERR_NOT_FOUND)
            remove_tenant(loader, slice_of(row->tenant), row->revision);
        rc = rc && rc != ERR_NOT_FOUND ? err_set(err, rc, "%s", why.text) : 0;
        break;
    case FEED_PLATFORM:
        rc = load(loader, SLICE_NONE, err);
        break;
    case FEED_REVOCATION:
        rc = revocations_add(loader->revocations, slice_of(row->jti), err);
        break;
    }
    return rc;
}

void loader_end(struct loader *loader)
{
    store_rollback(loader->txn);
    loader->txn = NULL;
}
