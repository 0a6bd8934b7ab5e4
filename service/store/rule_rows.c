#include "store/rule_rows.h"

#include "base/ulid.h"

int rule_row_target(struct slice text, struct target *ret, struct err *err)
{
    if (text.n == 0 || text.n >= RULE_TARGET_BYTES)
        return err_set(err, ERR_UNAVAILABLE, "store: a rule has a damaged target");
    memset(ret, 0, sizeof *ret);
    memcpy(ret->text, text.p, text.n);
    ret->type = slice_starts_with(text, SLICE_LIT("country:")) ? TARGET_COUNTRY
                : slice_starts_with(text, SLICE_LIT("group:")) ? TARGET_GROUP
                                                               : TARGET_PREFIX;
    return 0;
}

int rule_row_read(struct txn *txn, struct arena *arena, struct rule *ret, struct err *err)
{
    struct rule rule = {
        .id = column_copy(txn, 0, arena),
        .account = column_copy(txn, 1, arena),
        .is_exact = column_int(txn, 3) != 0,
        .is_locked = column_int(txn, 4) != 0,
        .divert_to = column_copy(txn, 6, arena),
        .note = column_copy(txn, 7, arena),
        .source = column_copy(txn, 8, arena),
        .starts_at_ms = column_int(txn, 9),
        .expires_at_ms = column_int(txn, 10),
        .created_at_ms = column_int(txn, 11),
        .updated_at_ms = column_int(txn, 12),
        .version = (uint64_t)column_int(txn, 13),
    };
    if (!rule.id || !rule.account || !rule.divert_to || !rule.note || !rule.source)
        return txn_nomem(txn, err);
    int r = rule_row_target(column_text(txn, 2), &rule.target, err);
    if (r == 0 && action_of(column_text(txn, 5), &rule.action) < 0)
        r = err_set(err, ERR_UNAVAILABLE, "store: a rule has a damaged action");
    if (r == 0)
        *ret = rule;
    return r;
}

int rule_row_insert(struct txn *txn, struct slice tenant, const struct rule *rule, struct err *err)
{
    return txn_exec(
        txn,
        "INSERT INTO rules (tenant, " RULE_COLUMNS ") "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        SQL_VALUES(sql_slice(tenant), sql_text(rule->id), sql_text(rule->account),
                   sql_text(rule->target.text), sql_int(rule->is_exact), sql_int(rule->is_locked),
                   sql_text(action_word(rule->action)), sql_text(rule->divert_to),
                   sql_text(rule->note), sql_text(rule->source), sql_int(rule->starts_at_ms),
                   sql_int(rule->expires_at_ms), sql_int(rule->created_at_ms),
                   sql_int(rule->updated_at_ms), sql_int((int64_t)rule->version)),
        err);
}

int rule_row_remove(struct txn *txn, struct slice tenant, struct slice id, struct err *err)
{
    return txn_exec(txn, "DELETE FROM rules WHERE tenant = $1 AND id = $2",
                    SQL_VALUES(sql_slice(tenant), sql_slice(id)), err);
}

int rule_owner_check(struct txn *txn, struct slice tenant, struct slice account, struct err *err)
{
    bool is_valid = tenant_id_is_valid(tenant) && (account.n == 0 || account_id_is_valid(account));
    int r = txn_scope(txn, tenant, err);
    if (r < 0 || (tenant.n == 0 && account.n == 0))
        return r;
    r = !is_valid ? 0
            : account.n == 0
                ? txn_row(txn, "SELECT 1 FROM tenants WHERE id = $1",
                          SQL_VALUES(sql_slice(tenant)), err)
                : txn_row(txn, "SELECT 1 FROM accounts WHERE tenant = $1 AND id = $2",
                          SQL_VALUES(sql_slice(tenant), sql_slice(account)), err);
    if (r == 1)
        txn_end(txn);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, account.n ? "no such account" : "no such tenant");
    return r < 0 ? r : 0;
}

int rule_fits_owner(struct slice tenant, const struct rule *rule, struct err *err)
{
    int r = rule_check(rule, err);
    if (r < 0)
        return r;
    if (!rule->target.text[0])
        return err_field(err, ERR_INVALID, "/target", "a rule needs a prefix, country or group");
    if (tenant.n && rule->is_locked)
        return err_field(err, ERR_INVALID, "/locked", "only platform rules can be locked");
    if (!tenant.n && rule->account[0])
        return err_field(err, ERR_INVALID, "/account", "platform rules have no account");
    return 0;
}

bool rule_says_the_same(const struct rule *a, const struct rule *b)
{
    return strcmp(a->target.text, b->target.text) == 0 && a->action == b->action &&
           a->is_exact == b->is_exact && a->is_locked == b->is_locked &&
           strcmp(a->account, b->account) == 0 && strcmp(a->divert_to, b->divert_to) == 0 &&
           strcmp(a->note, b->note) == 0 && strcmp(a->source, b->source) == 0 &&
           a->starts_at_ms == b->starts_at_ms && a->expires_at_ms == b->expires_at_ms;
}

int rule_list_changed(struct txn *txn, struct touched *touched, struct slice account,
                      struct err *err)
{
    if (account.n == 0)
        return txn_change(txn, touched, CHANGE_RULES | CHANGE_OWN_RULES, err);
    int r = txn_change(txn, touched, CHANGE_RULES, err);
    if (r < 0)
        return r;
    return txn_exec(txn, "UPDATE accounts SET rules_version = $3 WHERE tenant = $1 AND id = $2",
                    SQL_VALUES(sql_text(touched->tenant), sql_slice(account),
                               sql_int((int64_t)touched->revision)),
                    err);
}

int rules_room_check(struct txn *txn, struct touched *touched, int more, struct err *err)
{
    int have = txn_rules_count(txn, touched, err);
    if (have < 0)
        return have;
    if (have + more > RULES_PER_TENANT_MAX)
        return err_set(err, ERR_LIMIT, "a tenant may have %d rules", RULES_PER_TENANT_MAX);
    return 0;
}

int rules_from_profile(struct txn *txn, struct touched *touched, struct slice account,
                       const struct rule *rules, unsigned count, struct err *err)
{
    char account_text[ACCOUNT_ID_BYTES] = "", id[ULID_BYTES];
    memcpy(account_text, account.p ? account.p : "", account.n);
    for (unsigned i = 0; i < count; i++) {
        struct rule rule = rules[i];
        ulid_make(txn->now_ms, id);
        rule.id = id;
        rule.account = account_text;
        rule.source = "onboarding";
        rule.created_at_ms = rule.updated_at_ms = txn->now_ms;
        rule.version = touched->revision;
        int r = rule_row_insert(txn, slice_of(touched->tenant), &rule, err);
        if (r < 0)
            return r;
    }
    int r = txn_rules_counted(txn, touched, (int)count, err);
    return r < 0 || count == 0 ? r : rule_list_changed(txn, touched, account, err);
}
