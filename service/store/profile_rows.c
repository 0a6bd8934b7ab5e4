#include "store/profile_rows.h"

#include "store/rule_rows.h"

int profile_row_read(struct txn *txn, struct arena *arena, struct profile *ret, struct err *err)
{
    struct profile profile = {
        .id = column_copy(txn, 0, arena),
        .name = column_copy(txn, 1, arena),
        .is_default = column_int(txn, 2) != 0,
        .is_builtin = column_int(txn, 3) != 0,
        .created_at_ms = column_int(txn, 4),
        .updated_at_ms = column_int(txn, 5),
        .version = (uint64_t)column_int(txn, 6),
    };
    if (!profile.id || !profile.name)
        return txn_nomem(txn, err);
    *ret = profile;
    return 0;
}

static int read_rule(struct txn *txn, struct arena *arena, struct rule *ret, struct err *err)
{
    struct rule rule = {
        .id = "",
        .account = "",
        .source = "",
        .is_exact = column_int(txn, 1) != 0,
        .divert_to = column_copy(txn, 3, arena),
        .note = column_copy(txn, 4, arena),
    };
    if (!rule.divert_to || !rule.note)
        return txn_nomem(txn, err);
    int r = rule_row_target(column_text(txn, 0), &rule.target, err);
    if (r == 0 && action_of(column_text(txn, 2), &rule.action) < 0)
        r = err_set(err, ERR_UNAVAILABLE, "store: a profile's rule has a damaged action");
    if (r == 0)
        *ret = rule;
    return r;
}

int profile_row_rules(struct txn *txn, struct arena *arena, struct profile *profile,
                      struct err *err)
{
    struct slice id = slice_of(profile->id);
    int64_t room = 0;
    unsigned count = 0;
    int r = txn_number(txn, "SELECT count(*) FROM profile_rules WHERE profile = $1",
                       SQL_VALUES(sql_slice(id)), &room, err);
    if (r < 0)
        return r;
    struct rule *rules = arena_alloc(arena, (size_t)room * sizeof *rules);
    if (!rules)
        return txn_nomem(txn, err);
    r = txn_query(txn,
                  "SELECT target, is_exact, action, divert_to, note FROM profile_rules "
                  "WHERE profile = $1 ORDER BY position",
                  SQL_VALUES(sql_slice(id)), err);
    while (r == 0 && count < room && (r = txn_next(txn, err)) == 1)
        r = read_rule(txn, arena, &rules[count++], err);
    txn_end(txn);
    profile->rules = rules;
    profile->rules_count = count;
    return r;
}

int profile_lookup(struct txn *txn, struct slice id, struct arena *arena, struct profile *ret,
                        struct err *err)
{
    struct profile profile;
    int r = id.n == 0
                ? txn_row(txn, "SELECT " PROFILE_COLUMNS " FROM profiles WHERE is_default = 1",
                          SQL_NO_VALUES, err)
            : tenant_id_is_valid(id)
                ? txn_row(txn, "SELECT " PROFILE_COLUMNS " FROM profiles WHERE id = $1",
                          SQL_VALUES(sql_slice(id)), err)
                : 0;
    if (r != 1)
        return r;
    r = profile_row_read(txn, arena, &profile, err);
    txn_end(txn);
    if (r == 0)
        r = profile_row_rules(txn, arena, &profile, err);
    if (r < 0)
        return r;
    *ret = profile;
    return 1;
}

int profile_find(struct txn *txn, struct slice id, bool or_default, struct arena *arena,
                 struct profile *ret, struct err *err)
{
    if (id.n == 0 && !or_default) {
        *ret = (struct profile){.id = "", .name = ""};
        return 0;
    }
    int r = profile_lookup(txn, id, arena, ret, err);
    if (r == 0)
        return err_field(err, ERR_NOT_FOUND, "/profile", "no such profile");
    return r < 0 ? r : 0;
}
