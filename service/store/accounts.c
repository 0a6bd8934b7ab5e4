/* Accounts: the calling identities of a tenant. */
#include "store/audit.h"
#include "store/audit_json.h"
#include "store/profile_rows.h"
#include "store/rule_rows.h"

#define ACCOUNT_COLUMNS "tenant, id, display_name, profile, created_at_ms, updated_at_ms, version"

static int read_account(struct txn *txn, struct arena *arena, struct account *ret, struct err *err)
{
    struct account account = {
        .tenant = column_copy(txn, 0, arena),
        .id = column_copy(txn, 1, arena),
        .display_name = column_copy(txn, 2, arena),
        .profile = column_copy(txn, 3, arena),
        .created_at_ms = column_int(txn, 4),
        .updated_at_ms = column_int(txn, 5),
        .version = (uint64_t)column_int(txn, 6),
    };
    if (!account.tenant || !account.id || !account.display_name || !account.profile)
        return txn_nomem(txn, err);
    *ret = account;
    return 0;
}

/* 1: found, 0: there is none, or an error. */
static int find_account(struct txn *txn, struct slice tenant, struct slice id, struct arena *arena,
                        struct account *ret, struct err *err)
{
    if (!tenant_id_is_valid(tenant) || !account_id_is_valid(id))
        return 0;
    int r = txn_scope(txn, tenant, err);
    if (r < 0)
        return r;
    r = txn_row(txn,
                "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE tenant = $1 AND id = $2",
                SQL_VALUES(sql_slice(tenant), sql_slice(id)), err);
    if (r != 1)
        return r;
    r = read_account(txn, arena, ret, err);
    txn_end(txn);
    return r < 0 ? r : 1;
}

int store_account_get(struct txn *txn, struct slice tenant, struct slice id, struct arena *arena,
                      struct account *ret, struct err *err)
{
    int r = find_account(txn, tenant, id, arena, ret, err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "no such account");
    return r < 0 ? r : 0;
}

int store_account_list(struct txn *txn, struct slice tenant, struct page page, struct arena *arena,
                       struct account **ret, unsigned *ret_count, struct err *err)
{
    if (tenant.n == 0)
        return err_set(err, ERR_NOT_FOUND, "no such tenant");
    int r = rule_owner_check(txn, tenant, SLICE_NONE, err);
    if (r < 0)
        return r;
    struct account *accounts = arena_alloc(arena, page.limit * sizeof *accounts);
    unsigned count = 0;
    if (!accounts)
        return txn_nomem(txn, err);
    r = txn_query(txn,
                  "SELECT " ACCOUNT_COLUMNS " FROM accounts "
                  "WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
                  SQL_VALUES(sql_slice(tenant), sql_slice(page.after), sql_int(page.limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = read_account(txn, arena, &accounts[count++], err);
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = accounts;
    *ret_count = count;
    return 0;
}

/* --- put -------------------------------------------------------------------------------------- */

static int write_row(struct txn *txn, const struct account *account, struct err *err)
{
    return txn_exec(
        txn,
        "INSERT INTO accounts (" ACCOUNT_COLUMNS ", rules_version) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $7) "
        "ON CONFLICT (tenant, id) DO UPDATE SET display_name = excluded.display_name, "
        "updated_at_ms = excluded.updated_at_ms, version = excluded.version",
        SQL_VALUES(sql_text(account->tenant), sql_text(account->id),
                   sql_text(account->display_name), sql_text(account->profile),
                   sql_int(account->created_at_ms), sql_int(account->updated_at_ms),
                   sql_int((int64_t)account->version)),
        err);
}

static int create(struct txn *txn, struct touched *touched, struct account *account,
                  struct arena *arena, struct err *err)
{
    struct profile profile;
    int r = profile_find(txn, slice_of(account->profile), false, arena, &profile, err);
    if (r == 0)
        r = rules_room_check(txn, touched, (int)profile.rules_count, err);
    if (r < 0)
        return r;
    account->profile = profile.id;
    account->created_at_ms = txn->now_ms;
    r = write_row(txn, account, err);
    if (r == 0)
        r = rules_from_profile(txn, touched, slice_of(account->id), profile.rules,
                               profile.rules_count, err);
    if (r == 0)
        r = txn_change(txn, touched, CHANGE_POLICY, err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){slice_of(account->tenant), "account.create", account->id,
                                           "", json_of_account(arena, account)},
                     err);
}

static int update(struct txn *txn, struct touched *touched, const struct account *before,
                  struct account *account, struct arena *arena, struct err *err)
{
    if (account->profile[0] && strcmp(account->profile, before->profile) != 0)
        return err_field(err, ERR_EXISTS, "/profile",
                         "the account is there already; profiles apply only at creation");
    if (strcmp(account->display_name, before->display_name) == 0)
        return 0;
    account->profile = before->profile;
    account->created_at_ms = before->created_at_ms;
    int r = write_row(txn, account, err);
    if (r == 0)
        r = txn_change(txn, touched, CHANGE_POLICY, err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){slice_of(account->tenant), "account.update", account->id,
                                           json_of_account(arena, before),
                                           json_of_account(arena, account)},
                     err);
}

static int put(struct txn *txn, const struct account *wanted, const struct condition *condition,
               struct arena *arena, bool *ret_created, struct err *err)
{
    struct account account = *wanted, before = {0};
    struct slice tenant = slice_of(account.tenant), id = slice_of(account.id);
    struct touched *touched;
    if (!account_id_is_valid(id))
        return err_field(err, ERR_INVALID, "/id",
                         "an account id is up to 63 of A-Z a-z 0-9 . - _, the first a letter "
                         "or digit");
    if (tenant.n == 0)
        return err_set(err, ERR_NOT_FOUND, "no such tenant");
    int r = txn_lock(txn, tenant, &touched, err);
    if (r == 0)
        r = rule_owner_check(txn, tenant, SLICE_NONE, err);
    if (r == 0)
        r = find_account(txn, tenant, id, arena, &before, err);
    bool exists = r == 1;
    if (r >= 0)
        r = condition_check(condition, exists, before.version, err);
    if (r < 0)
        return r;
    account.version = touched->revision;
    account.updated_at_ms = txn->now_ms;
    r = exists ? update(txn, touched, &before, &account, arena, err)
               : create(txn, touched, &account, arena, err);
    if (r == 0 && ret_created)
        *ret_created = !exists;
    return r;
}

int store_account_put(struct txn *txn, const struct account *account,
                      const struct condition *condition, bool *ret_created, struct err *err)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = put(txn, account, condition, &scratch, ret_created, err);
    arena_release(&scratch);
    return r;
}

/* --- delete ----------------------------------------------------------------------------------- */

static int delete_rules(struct txn *txn, struct touched *touched, struct slice id, struct err *err)
{
    struct slice tenant = slice_of(touched->tenant);
    int64_t rules = 0;
    int r = txn_number(txn, "SELECT count(*) FROM rules WHERE tenant = $1 AND account = $2",
                       SQL_VALUES(sql_slice(tenant), sql_slice(id)), &rules, err);
    if (r < 0 || rules == 0)
        return r < 0 ? r : 0;
    r = txn_exec(txn, "DELETE FROM rules WHERE tenant = $1 AND account = $2",
                 SQL_VALUES(sql_slice(tenant), sql_slice(id)), err);
    if (r == 0)
        r = txn_rules_counted(txn, touched, -(int)rules, err);
    if (r == 0)
        r = txn_change(txn, touched, CHANGE_RULES, err);
    return r;
}

static int delete(struct txn *txn, struct slice tenant, struct slice id,
                  const struct condition *condition, struct arena *arena, struct err *err)
{
    struct account before;
    struct touched *touched;
    int r = txn_lock(txn, tenant, &touched, err);
    if (r == 0)
        r = store_account_get(txn, tenant, id, arena, &before, err);
    if (r == 0)
        r = condition_check(condition, true, before.version, err);
    if (r == 0)
        r = delete_rules(txn, touched, id, err);
    if (r == 0)
        r = txn_exec(txn, "DELETE FROM accounts WHERE tenant = $1 AND id = $2",
                     SQL_VALUES(sql_slice(tenant), sql_slice(id)), err);
    if (r == 0)
        r = txn_change(txn, touched, CHANGE_POLICY, err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){tenant, "account.delete", before.id,
                                           json_of_account(arena, &before), ""},
                     err);
}

int store_account_delete(struct txn *txn, struct slice tenant, struct slice id,
                         const struct condition *condition, struct err *err)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = delete(txn, tenant, id, condition, &scratch, err);
    arena_release(&scratch);
    return r;
}
