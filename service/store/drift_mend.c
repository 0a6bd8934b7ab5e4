/* Makes one owner's drift good, where that is nobody's own wish. */
#include "base/ulid.h"
#include "store/audit.h"
#include "store/audit_json.h"
#include "store/drift.h"
#include "store/profile_rows.h"
#include "store/rule_rows.h"

/* Is it still there, and made with this profile? */
static int check_owner(struct txn *txn, const struct drift_query *query, const struct drift *drift,
                       struct err *err)
{
    int r = rule_owner_check(txn, slice_of(drift->tenant), slice_of(drift->account), err);
    if (r < 0)
        return r;
    if (drift->account[0])
        r = txn_row(txn,
                    "SELECT 1 FROM accounts WHERE tenant = $1 AND id = $2 AND profile = $3",
                    SQL_VALUES(sql_text(drift->tenant), sql_text(drift->account),
                               sql_slice(query->profile)),
                    err);
    else
        r = txn_row(txn, "SELECT 1 FROM tenants WHERE id = $1 AND profile = $2",
                    SQL_VALUES(sql_text(drift->tenant), sql_slice(query->profile)), err);
    if (r == 1)
        txn_end(txn);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "not made with this profile");
    return r < 0 ? r : 0;
}

static int write_item(struct txn *txn, const struct touched *touched, const struct drift *drift,
                      struct drift_item *item, struct arena *arena, struct err *err)
{
    struct slice tenant = slice_of(drift->tenant);
    char id[ULID_BYTES];
    int r = 0;
    if (item->mend == MEND_REPLACE)
        r = rule_row_remove(txn, tenant, slice_of(item->found.id), err);
    if (r < 0)
        return r;
    ulid_make(txn->now_ms, id);
    item->wanted.id = arena_copy(arena, slice_of(id));
    if (!item->wanted.id)
        return txn_nomem(txn, err);
    item->wanted.account = drift->account;
    item->wanted.source = "onboarding";
    item->wanted.created_at_ms = item->wanted.updated_at_ms = txn->now_ms;
    item->wanted.version = touched->revision;
    return rule_row_insert(txn, tenant, &item->wanted, err);
}

static int write_audit(struct txn *txn, const struct drift_query *query, const struct drift *drift,
                       struct arena *arena, struct err *err)
{
    unsigned before_count = 0, after_count = 0;
    const struct rule **before = arena_alloc(arena, (drift->count + 1) * sizeof *before);
    const struct rule **after = arena_alloc(arena, (drift->count + 1) * sizeof *after);
    const char *profile = arena_copy(arena, query->profile);
    if (!before || !after || !profile)
        return txn_nomem(txn, err);
    for (unsigned i = 0; i < drift->count; i++) {
        if (drift->items[i].mend == MEND_REPLACE)
            before[before_count++] = &drift->items[i].found;
        if (drift->items[i].mend != MEND_KEEP)
            after[after_count++] = &drift->items[i].wanted;
    }
    return audit_add(txn,
                     &(struct audit_entry){slice_of(drift->tenant), "profile.reapply", profile,
                                           before_count ? json_of_rules(arena, before, before_count)
                                                        : "",
                                           json_of_rules(arena, after, after_count)},
                     err);
}

static int write_all(struct txn *txn, struct touched *touched, const struct drift_query *query,
                     struct drift *drift, struct arena *arena, struct err *err)
{
    int added = 0, r;
    bool is_change = false;
    for (unsigned i = 0; i < drift->count; i++) {
        added += drift->items[i].mend == MEND_ADD;
        is_change = is_change || drift->items[i].mend != MEND_KEEP;
    }
    if (!is_change)
        return 0;
    r = rules_room_check(txn, touched, added, err);
    for (unsigned i = 0; i < drift->count && r == 0; i++)
        if (drift->items[i].mend == MEND_REPLACE)
            r = write_item(txn, touched, drift, &drift->items[i], arena, err);
    for (unsigned i = 0; i < drift->count && r == 0; i++)
        if (drift->items[i].mend == MEND_ADD)
            r = write_item(txn, touched, drift, &drift->items[i], arena, err);
    if (r == 0)
        r = txn_rules_counted(txn, touched, added, err);
    if (r == 0)
        r = rule_list_changed(txn, touched, slice_of(drift->account), err);
    return r < 0 ? r : write_audit(txn, query, drift, arena, err);
}

int store_drift_mend(struct txn *txn, const struct drift_query *query, struct drift *drift,
                     struct arena *arena, struct err *err)
{
    struct touched *touched;
    struct profile profile;
    int r = txn_lock(txn, slice_of(drift->tenant), &touched, err);
    if (r == 0)
        r = check_owner(txn, query, drift, err);
    if (r == 0)
        r = store_profile_get(txn, query->profile, arena, &profile, err);
    if (r == 0)
        r = drift_of_owner(txn, query, &profile, arena, drift, err);
    return r < 0 ? r : write_all(txn, touched, query, drift, arena, err);
}
