/* /v1/tenants and /v1/tenants/{t} */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "doors/listing.h"
#include "doors/rest.h"
#include "wire/tenant.h"

/* --- answers ------------------------------------------------------------------------------------ */

static int answer(struct rest *rest, int status, struct err *err)
{
    struct tenant tenant;
    int rc = store_tenant_get(rest->txn, rest->tenant, rest->arena, &tenant, err);
    if (rc)
        return rc;
    rest->response->has_revision = true;
    rest->response->revision = tenant.revision;
    return rest_answer(rest, status, tenant_write(&tenant), tenant.version, err);
}

int rest_tenant_get(struct rest *rest, struct err *err)
{
    return answer(rest, 200, err);
}

/* --- list --------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    const struct tenant *one = a, *other = b;
    return strcmp(one->id, other->id);
}

/* A credential for some tenants sees those: at most TOKEN_TENANTS_MAX, looked up one by one. */
static int find_covered(struct rest *rest, struct page page, struct tenant **ret,
                        unsigned *ret_count, struct err *err)
{
    const struct credential *credential = rest->request->credential;
    struct tenant *tenants = arena_alloc(rest->arena, TOKEN_TENANTS_MAX * sizeof *tenants);
    unsigned count = 0;
    if (!tenants)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (const char *id = NULL; (id = credential_next_tenant(credential, id));) {
        struct err why = {0};
        if (page.after.n && strcmp(id, page.after.p) <= 0)
            continue;
        int rc = store_tenant_get(rest->txn, slice_of(id), rest->arena, &tenants[count], &why);
        if (rc == 0)
            count++;
        else if (rc != ERR_NOT_FOUND)
            return err_set(err, rc, "%s", why.text);
    }
    qsort(tenants, count, sizeof *tenants, compare_ids);
    *ret = tenants;
    *ret_count = count < page.limit ? count : page.limit;
    return 0;
}

int rest_tenant_list(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct tenant *tenants;
    unsigned found;
    int rc = listing_begin(rest, SLICE_NONE, &listing, err);
    if (rc)
        return rc;
    if (rest->request->credential->tenants_count)
        rc = find_covered(rest, listing_page(&listing), &tenants, &found, err);
    else
        rc = store_tenant_list(rest->txn, listing_page(&listing), rest->arena, &tenants, &found,
                               err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found);
    struct slice last = found > count ? slice_of(tenants[count - 1].id) : SLICE_NONE;
    return listing_answer(rest, &listing, "tenants", tenants_write(tenants, count), last, err);
}

/* --- changes ------------------------------------------------------------------------------------ */

static const struct tenant tenant_defaults = {
    .id = "",
    .name = "",
    .profile = "",
    .outside_line = "",
    .locale = "ja",
    .time_zone = "Asia/Tokyo",
    .status = TENANT_ACTIVE,
};

/* Its shape was checked; where the host has zone data, the zone must be in it. */
static int check_time_zone(const char *zone, struct err *err)
{
    char path[160];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    if (access("/usr/share/zoneinfo/Asia/Tokyo", R_OK) == 0 && access(path, R_OK) != 0)
        return err_field(err, ERR_INVALID, "/time_zone", "there is no such time zone");
    return 0;
}

/* What a customer may not change of itself: who may call at all, and what the PBX is wired for. */
static int check_members(const struct rest *rest, struct err *err)
{
    static const char *const operators_only[] = {"status", "outside_line", "profile", NULL};
    if (rest->request->credential->role != ROLE_TENANT_ADMIN)
        return 0;
    for (const char *const *member = operators_only; *member; member++) {
        if (rest_has(rest, *member)) {
            char pointer[32];
            snprintf(pointer, sizeof pointer, "/%s", *member);
            return err_field(err, ERR_FORBIDDEN, pointer, "is the operator's to change");
        }
    }
    return 0;
}

/* Reads the body over the stored tenant and writes it back. */
static int save(struct rest *rest, enum read_mode mode, struct tenant *tenant,
                const struct condition *condition, bool *ret_created, struct err *err)
{
    bool was_suspended = tenant->status == TENANT_SUSPENDED;
    int rc = tenant_read(rest->body, mode, rest->arena, tenant, err);
    if (rc == 0 && was_suspended && tenant->status == TENANT_ACTIVE &&
        rest->request->credential->role != ROLE_OPERATOR)
        rc = err_field(err, ERR_FORBIDDEN, "/status", "only the operator lifts a suspension");
    if (rc == 0)
        rc = check_time_zone(tenant->time_zone, err);
    if (rc == 0)
        rc = store_tenant_put(rest->txn, tenant, condition, ret_created, err);
    return rc;
}

/* The stored tenant, or the defaults and *ret_exists false. */
static int find_or_default(struct rest *rest, struct tenant *ret, bool *ret_exists, struct err *err)
{
    struct err why = {0};
    const char *id = rest_text(rest, rest->tenant);
    if (!id)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = store_tenant_get(rest->txn, rest->tenant, rest->arena, ret, &why);
    *ret_exists = rc == 0;
    if (rc == 0)
        return 0;
    if (rc != ERR_NOT_FOUND)
        return err_set(err, rc, "%s", why.text);
    *ret = tenant_defaults;
    ret->id = ret->name = id;
    return 0;
}

/* Does the body say what is there already? The profile was applied once and stays, whatever it says. */
static bool is_same(struct tenant *wanted, const struct tenant *stored)
{
    if (!*wanted->profile)
        wanted->profile = stored->profile;
    json_t *a = tenant_write(wanted), *b = tenant_write(stored);
    bool same = a && b && json_equal(a, b);
    json_decref(a);
    json_decref(b);
    return same;
}

int rest_tenant_save(struct rest *rest, enum rest_saved *ret, struct err *err)
{
    struct tenant stored, tenant;
    struct condition condition;
    bool exists = false, created = false;
    if (!tenant_id_is_valid(rest->tenant))
        return err_set(err, ERR_INVALID,
                       "a tenant's id is 1 to 63 of a-z, 0-9, - and _, first a letter or digit");
    int rc = find_or_default(rest, &stored, &exists, err);
    if (rc == 0)
        rc = rest_condition(rest, exists ? stored.version : 0, &condition, err);
    tenant = stored;
    if (rc == 0)
        rc = save(rest, READ_WHOLE, &tenant, &condition, &created, err);
    if (rc == 0)
        *ret = created                    ? SAVED_CREATED
               : is_same(&tenant, &stored) ? SAVED_UNCHANGED
                                           : SAVED_UPDATED;
    return rc;
}

int rest_tenant_put(struct rest *rest, struct err *err)
{
    enum rest_saved saved;
    int rc = rest_tenant_save(rest, &saved, err);
    if (rc == 0 && saved == SAVED_CREATED)
        rc = rest_location(rest, err, "/v1/tenants/%.*s", SLICE_ARG(rest->tenant));
    return rc ? rc : answer(rest, saved == SAVED_CREATED ? 201 : 200, err);
}

int rest_tenant_patch(struct rest *rest, struct err *err)
{
    struct tenant tenant;
    struct condition condition;
    bool created = false;
    int rc = check_members(rest, err);
    if (rc == 0)
        rc = store_tenant_get(rest->txn, rest->tenant, rest->arena, &tenant, err);
    if (rc == 0)
        rc = rest_condition(rest, tenant.version, &condition, err);
    if (rc == 0)
        rc = save(rest, READ_MERGE, &tenant, &condition, &created, err);
    return rc ? rc : answer(rest, 200, err);
}

int rest_tenant_delete(struct rest *rest, struct err *err)
{
    struct tenant tenant;
    struct condition condition;
    int rc = store_tenant_get(rest->txn, rest->tenant, rest->arena, &tenant, err);
    if (rc == 0)
        rc = rest_condition(rest, tenant.version, &condition, err);
    if (rc == 0)
        rc = store_tenant_delete(rest->txn, rest->tenant, &condition, err);
    rest->response->status = 204;
    return rc;
}
