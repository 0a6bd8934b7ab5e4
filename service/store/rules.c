/* Rules, one at a time: read, list, create, update, delete. Whole lists are replaced in
 * rules_replace.c. */
#include "base/ulid.h"
#include "store/audit.h"
#include "store/audit_json.h"
#include "store/rule_rows.h"

static int no_such_rule(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "no such rule");
}

int store_rule_get(struct txn *txn, struct slice tenant, struct slice id, struct arena *arena,
                   struct rule *ret, struct err *err)
{
    if (!ulid_is_valid(id))
        return no_such_rule(err);
    int r = txn_scope(txn, tenant, err);
    if (r < 0)
        return r;
    r = txn_row(txn, "SELECT " RULE_COLUMNS " FROM rules WHERE tenant = $1 AND id = $2",
                SQL_VALUES(sql_slice(tenant), sql_slice(id)), err);
    if (r == 0)
        return no_such_rule(err);
    if (r == 1) {
        r = rule_row_read(txn, arena, ret, err);
        txn_end(txn);
    }
    return r;
}

static int query_list(struct txn *txn, const struct rule_filter *filter, struct page page,
                      struct err *err)
{
    struct sql_value tenant = sql_slice(filter->tenant), after = sql_slice(page.after);
    struct sql_value limit = sql_int(page.limit);
    if (filter->which == RULES_ALL)
        return txn_query(txn,
                         "SELECT " RULE_COLUMNS " FROM rules WHERE tenant = $1 AND id > $2 "
                         "ORDER BY id LIMIT $3",
                         SQL_VALUES(tenant, after, limit), err);
    if (filter->which == RULES_TENANT_SCOPE)
        return txn_query(txn,
                         "SELECT " RULE_COLUMNS " FROM rules WHERE tenant = $1 AND account = '' "
                         "AND id > $2 ORDER BY id LIMIT $3",
                         SQL_VALUES(tenant, after, limit), err);
    /* An account has few of the tenant's rules: find their ids by place, not by walking all of them
     * (which a planner without statistics prefers when it may compare ids). */
    return txn_query(txn,
                     "SELECT " RULE_COLUMNS " FROM rules WHERE tenant = $1 AND id IN "
                     "(SELECT id FROM rules WHERE tenant = $1 AND account = $4 "
                     "AND id || '' > $2) ORDER BY id LIMIT $3",
                     SQL_VALUES(tenant, after, limit, sql_slice(filter->account)), err);
}

static int filter_check(struct txn *txn, const struct rule_filter *filter, struct err *err)
{
    if (filter->which == RULES_OF_ACCOUNT && filter->account.n == 0)
        return err_set(err, ERR_NOT_FOUND, "no such account");
    return rule_owner_check(txn, filter->tenant,
                            filter->which == RULES_OF_ACCOUNT ? filter->account : SLICE_NONE, err);
}

int store_rule_list(struct txn *txn, const struct rule_filter *filter, struct page page,
                    struct arena *arena, struct rule **ret, unsigned *ret_count, struct err *err)
{
    int r = filter_check(txn, filter, err);
    if (r < 0)
        return r;
    struct rule *rules = arena_alloc(arena, page.limit * sizeof *rules);
    unsigned count = 0;
    if (!rules)
        return txn_nomem(txn, err);
    r = query_list(txn, filter, page, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = rule_row_read(txn, arena, &rules[count++], err);
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = rules;
    *ret_count = count;
    return 0;
}

int store_rules_version(struct txn *txn, const struct rule_filter *filter, uint64_t *ret,
                        struct err *err)
{
    int64_t version = 0;
    int r = filter_check(txn, filter, err);
    if (r < 0)
        return r;
    if (filter->which == RULES_OF_ACCOUNT)
        r = txn_number(txn, "SELECT rules_version FROM accounts WHERE tenant = $1 AND id = $2",
                       SQL_VALUES(sql_slice(filter->tenant), sql_slice(filter->account)), &version,
                       err);
    else if (filter->which == RULES_TENANT_SCOPE)
        r = txn_number(txn, "SELECT own_rules_version FROM policies WHERE tenant = $1",
                       SQL_VALUES(sql_slice(filter->tenant)), &version, err);
    else
        r = txn_number(txn, "SELECT rules_version FROM policies WHERE tenant = $1",
                       SQL_VALUES(sql_slice(filter->tenant)), &version, err);
    if (r < 0)
        return r;
    *ret = (uint64_t)version;
    return 0;
}

/* Which rules are in the way of `rule`? One with the same id is not: it is being replaced. Asks for
 * nothing that the index rules_by_place does not hold. */
static int check_collisions(struct txn *txn, struct slice tenant, const struct rule *rule,
                            struct err *err)
{
    int r = txn_query(txn,
                      "SELECT id, is_exact, is_locked, starts_at_ms, expires_at_ms FROM rules "
                      "WHERE tenant = $1 AND account = $2 AND target = $3 AND id <> $4",
                      SQL_VALUES(sql_slice(tenant), sql_text(rule->account),
                                 sql_text(rule->target.text), sql_text(rule->id)),
                      err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        struct rule other = *rule;
        struct slice id = column_text(txn, 0);
        other.is_exact = column_int(txn, 1) != 0;
        other.is_locked = column_int(txn, 2) != 0;
        other.starts_at_ms = column_int(txn, 3);
        other.expires_at_ms = column_int(txn, 4);
        r = !rule_collides(rule, &other)
                ? 0
                : err_set(err, ERR_EXISTS, "rule %.*s has the same place%s", SLICE_ARG(id),
                          rule_is_dated(rule) ? " and an overlapping time" : "");
    }
    txn_end(txn);
    return r;
}

/* What a rule must pass before it is written, new or changed. */
static int check_rule(struct txn *txn, struct slice tenant, const struct rule *rule,
                      struct err *err)
{
    int r = rule_fits_owner(tenant, rule, err);
    if (r == 0)
        r = check_collisions(txn, tenant, rule, err);
    return r;
}

static int create(struct txn *txn, struct slice tenant, struct rule *rule, struct arena *arena,
                  struct err *err)
{
    struct touched *touched;
    struct slice account = slice_of(rule->account);
    int r = txn_lock(txn, tenant, &touched, err);
    if (r == 0)
        r = rule_owner_check(txn, tenant, account, err);
    if (r == 0)
        r = check_rule(txn, tenant, rule, err);
    if (r == 0)
        r = rules_room_check(txn, touched, 1, err);
    if (r < 0)
        return r;
    rule->version = touched->revision;
    r = rule_row_insert(txn, tenant, rule, err);
    if (r == 0)
        r = txn_rules_counted(txn, touched, 1, err);
    if (r == 0)
        r = rule_list_changed(txn, touched, account, err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){tenant, "rule.create", rule->id, "",
                                           json_of_rule(arena, rule)},
                     err);
}

int store_rule_create(struct txn *txn, struct slice tenant, const struct rule *rule,
                      char ret_id[RULE_ID_BYTES], struct err *err)
{
    struct rule made = *rule;
    struct arena scratch;
    char id[ULID_BYTES];
    ulid_make(txn->now_ms, id);
    made.id = id;
    made.created_at_ms = made.updated_at_ms = txn->now_ms;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = create(txn, tenant, &made, &scratch, err);
    arena_release(&scratch);
    if (r == 0)
        memcpy(ret_id, id, sizeof id);
    return r;
}

/* Locks the tenant and reads the rule that is to be changed. */
static int take_rule(struct txn *txn, struct slice tenant, struct slice id,
                     const struct condition *condition, struct arena *arena, struct rule *ret,
                     struct touched **ret_touched, struct err *err)
{
    int r = txn_lock(txn, tenant, ret_touched, err);
    if (r == 0)
        r = store_rule_get(txn, tenant, id, arena, ret, err);
    if (r == 0)
        r = condition_check(condition, true, ret->version, err);
    return r;
}

static int update(struct txn *txn, struct slice tenant, const struct rule *rule,
                  const struct condition *condition, struct arena *arena, struct err *err)
{
    struct touched *touched;
    struct rule before, after = *rule;
    int r = take_rule(txn, tenant, slice_of(rule->id), condition, arena, &before, &touched, err);
    if (r < 0)
        return r;
    after.account = before.account;
    after.created_at_ms = before.created_at_ms;
    if (rule_says_the_same(&before, &after))
        return 0;
    r = check_rule(txn, tenant, &after, err);
    if (r < 0)
        return r;
    after.updated_at_ms = txn->now_ms;
    after.version = touched->revision;
    r = rule_row_remove(txn, tenant, slice_of(before.id), err);
    if (r == 0)
        r = rule_row_insert(txn, tenant, &after, err);
    if (r == 0)
        r = rule_list_changed(txn, touched, slice_of(before.account), err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){tenant, "rule.update", before.id,
                                           json_of_rule(arena, &before),
                                           json_of_rule(arena, &after)},
                     err);
}

int store_rule_update(struct txn *txn, struct slice tenant, const struct rule *rule,
                      const struct condition *condition, struct err *err)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = update(txn, tenant, rule, condition, &scratch, err);
    arena_release(&scratch);
    return r;
}

static int delete(struct txn *txn, struct slice tenant, struct slice id,
                  const struct condition *condition, struct arena *arena, struct err *err)
{
    struct touched *touched;
    struct rule before;
    int r = take_rule(txn, tenant, id, condition, arena, &before, &touched, err);
    if (r == 0)
        r = rule_row_remove(txn, tenant, id, err);
    if (r == 0)
        r = txn_rules_counted(txn, touched, -1, err);
    if (r == 0)
        r = rule_list_changed(txn, touched, slice_of(before.account), err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){tenant, "rule.delete", before.id,
                                           json_of_rule(arena, &before), ""},
                     err);
}

int store_rule_delete(struct txn *txn, struct slice tenant, struct slice id,
                      const struct condition *condition, struct err *err)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = delete(txn, tenant, id, condition, &scratch, err);
    arena_release(&scratch);
    return r;
}
