/* Tenants and their contacts. What belongs to a tenant's policy is locked through touched.c. */
#include "core/number.h"
#include "store/audit.h"
#include "store/audit_json.h"
#include "store/contacts.h"
#include "store/outbox.h"
#include "store/profile_rows.h"
#include "store/rule_rows.h"

#define TENANT_COLUMNS                                                                             \
    "t.id, t.name, t.profile, t.outside_line, t.locale, t.time_zone, t.status, t.created_at_ms, "  \
    "t.updated_at_ms, t.version, p.revision"

static const char *status_word(enum tenant_status status)
{
    return status == TENANT_SUSPENDED ? "suspended" : "active";
}

static int read_tenant(struct txn *txn, struct arena *arena, struct tenant *ret, struct err *err)
{
    const char *texts[6];
    for (unsigned i = 0; i < 6; i++)
        if (!(texts[i] = column_copy(txn, i, arena)))
            return txn_nomem(txn, err);
    *ret = (struct tenant){
        .id = texts[0],
        .name = texts[1],
        .profile = texts[2],
        .outside_line = texts[3],
        .locale = texts[4],
        .time_zone = texts[5],
        .status = slice_equals_text(column_text(txn, 6), "suspended") ? TENANT_SUSPENDED
                                                                      : TENANT_ACTIVE,
        .created_at_ms = column_int(txn, 7),
        .updated_at_ms = column_int(txn, 8),
        .version = (uint64_t)column_int(txn, 9),
        .revision = (uint64_t)column_int(txn, 10),
    };
    return 0;
}

/* 1: found, 0: there is none, or an error. */
static int find_tenant(struct txn *txn, struct slice id, struct arena *arena, struct tenant *ret,
                       struct err *err)
{
    if (!tenant_id_is_valid(id))
        return 0;
    int r = txn_scope(txn, id, err);
    if (r < 0)
        return r;
    r = txn_row(txn,
                "SELECT " TENANT_COLUMNS " FROM tenants t "
                "JOIN policies p ON p.tenant = t.id WHERE t.id = $1",
                SQL_VALUES(sql_slice(id)), err);
    if (r != 1)
        return r;
    r = read_tenant(txn, arena, ret, err);
    txn_end(txn);
    if (r == 0)
        r = contacts_read(txn, ret, 1, arena, err);
    return r < 0 ? r : 1;
}

int store_tenant_get(struct txn *txn, struct slice id, struct arena *arena, struct tenant *ret,
                     struct err *err)
{
    struct tenant tenant;
    int r = find_tenant(txn, id, arena, &tenant, err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "no such tenant");
    if (r < 0)
        return r;
    *ret = tenant;
    return 0;
}

int store_tenant_list(struct txn *txn, struct page page, struct arena *arena, struct tenant **ret,
                      unsigned *ret_count, struct err *err)
{
    struct tenant *tenants = arena_alloc(arena, page.limit * sizeof *tenants);
    unsigned count = 0;
    if (!tenants)
        return txn_nomem(txn, err);
    int r = txn_scope_everybody(txn, err);
    if (r == 0)
        r = txn_query(txn,
                      "SELECT " TENANT_COLUMNS " FROM tenants t "
                      "JOIN policies p ON p.tenant = t.id WHERE t.id > $1 ORDER BY t.id LIMIT $2",
                      SQL_VALUES(sql_slice(page.after), sql_int(page.limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = read_tenant(txn, arena, &tenants[count++], err);
    txn_end(txn);
    if (r == 0)
        r = contacts_read(txn, tenants, count, arena, err);
    if (r < 0)
        return r;
    *ret = tenants;
    *ret_count = count;
    return 0;
}

/* --- put -------------------------------------------------------------------------------------- */

static int check_fields(const struct tenant *tenant, struct err *err)
{
    if (!tenant_id_is_valid(slice_of(tenant->id)))
        return err_field(err, ERR_INVALID, "/id",
                         "a tenant id is up to 63 of a-z 0-9 - _, the first a letter or digit");
    if (!number_is_outside_line(slice_of(tenant->outside_line)))
        return err_field(err, ERR_INVALID, "/outside_line",
                         "an outside line is 1 to 4 of 0-9 * #, the first not 1");
    return contacts_check(tenant, err);
}

static bool is_same(const struct tenant *a, const struct tenant *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->outside_line, b->outside_line) == 0 &&
           strcmp(a->locale, b->locale) == 0 && strcmp(a->time_zone, b->time_zone) == 0 &&
           a->status == b->status && contacts_are_same(a, b);
}

static int write_row(struct txn *txn, const struct tenant *tenant, struct err *err)
{
    int r = txn_exec(
        txn,
        "INSERT INTO tenants (id, name, profile, outside_line, locale, time_zone, status, "
        "created_at_ms, updated_at_ms, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
        "outside_line = excluded.outside_line, "
        "locale = excluded.locale, time_zone = excluded.time_zone, status = excluded.status, "
        "updated_at_ms = excluded.updated_at_ms, version = excluded.version",
        SQL_VALUES(sql_text(tenant->id), sql_text(tenant->name), sql_text(tenant->profile),
                   sql_text(tenant->outside_line), sql_text(tenant->locale),
                   sql_text(tenant->time_zone), sql_text(status_word(tenant->status)),
                   sql_int(tenant->created_at_ms), sql_int(tenant->updated_at_ms),
                   sql_int((int64_t)tenant->version)),
        err);
    return r < 0 ? r : contacts_write(txn, tenant, err);
}

static int create(struct txn *txn, struct touched *touched, struct tenant *tenant,
                  struct arena *arena, struct err *err)
{
    struct profile profile;
    int r = profile_find(txn, slice_of(tenant->profile), true, arena, &profile, err);
    if (r == 0)
        r = rules_room_check(txn, touched, (int)profile.rules_count, err);
    if (r < 0)
        return r;
    tenant->profile = profile.id;
    tenant->created_at_ms = txn->now_ms;
    r = write_row(txn, tenant, err);
    if (r == 0)
        r = rules_from_profile(txn, touched, SLICE_NONE, profile.rules, profile.rules_count, err);
    if (r == 0) /* the lists begin now, with or without rules */
        r = txn_change(txn, touched, CHANGE_RULES | CHANGE_OWN_RULES, err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){slice_of(tenant->id), "tenant.create", tenant->id, "",
                                           json_of_tenant(arena, tenant)},
                     err);
}

static int update(struct txn *txn, struct touched *touched, const struct tenant *before,
                  struct tenant *tenant, struct arena *arena, struct err *err)
{
    if (tenant->profile[0] && strcmp(tenant->profile, before->profile) != 0)
        return err_field(err, ERR_EXISTS, "/profile",
                         "the tenant was made with profile %s; profiles apply only at creation",
                         before->profile);
    if (is_same(before, tenant))
        return 0;
    tenant->profile = before->profile;
    tenant->created_at_ms = before->created_at_ms;
    int r = write_row(txn, tenant, err);
    if (r == 0)
        r = txn_change(txn, touched, CHANGE_POLICY, err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){slice_of(tenant->id), "tenant.update", tenant->id,
                                           json_of_tenant(arena, before),
                                           json_of_tenant(arena, tenant)},
                     err);
}

static int put(struct txn *txn, const struct tenant *wanted, const struct condition *condition,
               struct arena *arena, bool *ret_created, struct err *err)
{
    struct tenant tenant = *wanted, before = {0};
    struct touched *touched;
    int r = check_fields(wanted, err);
    if (r == 0)
        r = txn_lock(txn, slice_of(tenant.id), &touched, err);
    if (r == 0)
        r = find_tenant(txn, slice_of(tenant.id), arena, &before, err);
    bool exists = r == 1;
    if (r >= 0)
        r = condition_check(condition, exists, before.version, err);
    if (r < 0)
        return r;
    tenant.version = touched->revision;
    tenant.updated_at_ms = txn->now_ms;
    r = exists ? update(txn, touched, &before, &tenant, arena, err)
               : create(txn, touched, &tenant, arena, err);
    if (r == 0 && ret_created)
        *ret_created = !exists;
    return r;
}

int store_tenant_put(struct txn *txn, const struct tenant *tenant,
                     const struct condition *condition, bool *ret_created, struct err *err)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = put(txn, tenant, condition, &scratch, ret_created, err);
    arena_release(&scratch);
    return r;
}

/* --- delete ----------------------------------------------------------------------------------- */

static int delete(struct txn *txn, struct slice id, const struct condition *condition,
                  struct arena *arena, struct err *err)
{
    struct tenant before;
    struct touched *touched;
    int r = txn_lock(txn, id, &touched, err);
    if (r == 0)
        r = store_tenant_get(txn, id, arena, &before, err);
    if (r == 0)
        r = condition_check(condition, true, before.version, err);
    if (r < 0)
        return r;
    int rules = txn_rules_count(txn, touched, err);
    if (rules < 0)
        return rules;
    r = txn_exec(txn, "DELETE FROM rules WHERE tenant = $1", SQL_VALUES(sql_slice(id)), err);
    if (r == 0) /* accounts and contacts go with it */
        r = txn_exec(txn, "DELETE FROM tenants WHERE id = $1", SQL_VALUES(sql_slice(id)), err);
    if (r == 0)
        r = outbox_drop(txn, id, "the tenant was deleted", err);
    if (r == 0)
        r = txn_rules_counted(txn, touched, -rules, err);
    if (r == 0)
        r = txn_change(txn, touched, CHANGE_RULES | CHANGE_OWN_RULES, err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){id, "tenant.delete", before.id,
                                           json_of_tenant(arena, &before), ""},
                     err);
}

int store_tenant_delete(struct txn *txn, struct slice id, const struct condition *condition,
                        struct err *err)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = delete(txn, id, condition, &scratch, err);
    arena_release(&scratch);
    return r;
}
