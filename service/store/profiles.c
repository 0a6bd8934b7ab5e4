/* Profiles: named sets of rules that are copied to a tenant or account when it is made. */
#include "store/profile_rows.h"

#include "store/audit.h"
#include "store/audit_json.h"
#include "store/rule_rows.h"

int store_profile_get(struct txn *txn, struct slice id, struct arena *arena, struct profile *ret,
                      struct err *err)
{
    int r = id.n ? profile_lookup(txn, id, arena, ret, err) : 0;
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "no such profile");
    return r < 0 ? r : 0;
}

int store_profile_list(struct txn *txn, struct page page, struct arena *arena, struct profile **ret,
                       unsigned *ret_count, struct err *err)
{
    struct profile *profiles = arena_alloc(arena, page.limit * sizeof *profiles);
    unsigned count = 0;
    if (!profiles)
        return txn_nomem(txn, err);
    int r = txn_query(txn,
                      "SELECT " PROFILE_COLUMNS " FROM profiles WHERE id > $1 ORDER BY id LIMIT $2",
                      SQL_VALUES(sql_slice(page.after), sql_int(page.limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = profile_row_read(txn, arena, &profiles[count++], err);
    txn_end(txn);
    for (unsigned i = 0; i < count && r == 0; i++)
        r = profile_row_rules(txn, arena, &profiles[i], err);
    if (r < 0)
        return r;
    *ret = profiles;
    *ret_count = count;
    return 0;
}

/* --- put -------------------------------------------------------------------------------------- */

static bool is_bare(const struct rule *rule)
{
    return !rule->account[0] && !rule->is_locked && !rule->source[0] && !rule_is_dated(rule);
}

/* rule_check() wants a source, which a profile's rules get only when they are copied. */
static int check_rule(const struct rule *rule, struct err *err)
{
    struct rule copy = *rule;
    if (!is_bare(rule))
        return err_set(err, ERR_INVALID,
                       "rules of a profile have no account, lock, source or dates");
    copy.source = "onboarding";
    return rule_check(&copy, err);
}

static int check_rules(const struct profile *profile, struct err *err)
{
    if (profile->rules_count > PROFILE_RULES_MAX)
        return err_field(err, ERR_LIMIT, "/rules", "a profile may have %d rules",
                         PROFILE_RULES_MAX);
    for (unsigned i = 0; i < profile->rules_count; i++) {
        char field[sizeof err->field];
        int r = check_rule(&profile->rules[i], err);
        if (r < 0 && err) {
            snprintf(field, sizeof field, "/rules/%u%.70s", i, err->field);
            memcpy(err->field, field, sizeof field);
        }
        if (r < 0)
            return r;
        snprintf(field, sizeof field, "/rules/%u", i);
        for (unsigned j = 0; j < i; j++)
            if (rule_collides(&profile->rules[j], &profile->rules[i]))
                return err_field(err, ERR_EXISTS, field, "it has the same place as rule %u", j);
    }
    return 0;
}

static bool is_same(const struct profile *a, const struct profile *b)
{
    if (strcmp(a->name, b->name) != 0 || a->is_default != b->is_default ||
        a->rules_count != b->rules_count)
        return false;
    for (unsigned i = 0; i < a->rules_count; i++)
        if (!rule_says_the_same(&a->rules[i], &b->rules[i]))
            return false;
    return true;
}

static int write_rules(struct txn *txn, const struct profile *profile, struct err *err)
{
    int r = txn_exec(txn, "DELETE FROM profile_rules WHERE profile = $1",
                     SQL_VALUES(sql_text(profile->id)), err);
    for (unsigned i = 0; i < profile->rules_count && r == 0; i++) {
        const struct rule *rule = &profile->rules[i];
        r = txn_exec(txn,
                     "INSERT INTO profile_rules (profile, position, target, is_exact, action, "
                     "divert_to, note) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                     SQL_VALUES(sql_text(profile->id), sql_int(i), sql_text(rule->target.text),
                                sql_int(rule->is_exact), sql_text(action_word(rule->action)),
                                sql_text(rule->divert_to), sql_text(rule->note)),
                     err);
    }
    return r;
}

/* The default before this one is the default no longer, and so another version of itself. */
static int take_default(struct txn *txn, const struct profile *profile, struct err *err)
{
    return txn_exec(txn,
                    "UPDATE profiles SET is_default = 0, updated_at_ms = $2, version = $3 "
                    "WHERE is_default = 1 AND id <> $1",
                    SQL_VALUES(sql_text(profile->id), sql_int(profile->updated_at_ms),
                               sql_int((int64_t)profile->version)),
                    err);
}

static int write_profile(struct txn *txn, const struct profile *profile, struct err *err)
{
    int r = profile->is_default ? take_default(txn, profile, err) : 0;
    if (r == 0)
        r = txn_exec(
            txn,
            "INSERT INTO profiles (" PROFILE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7) "
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
            "is_default = excluded.is_default, updated_at_ms = excluded.updated_at_ms, "
            "version = excluded.version",
            SQL_VALUES(sql_text(profile->id), sql_text(profile->name),
                       sql_int(profile->is_default), sql_int(profile->is_builtin),
                       sql_int(profile->created_at_ms), sql_int(profile->updated_at_ms),
                       sql_int((int64_t)profile->version)),
            err);
    return r < 0 ? r : write_rules(txn, profile, err);
}

static int check(const struct profile *profile, const struct profile *before, struct err *err)
{
    if (!tenant_id_is_valid(slice_of(profile->id)))
        return err_field(err, ERR_INVALID, "/id",
                         "a profile id is up to 63 of a-z 0-9 - _, the first a letter or digit");
    if (before->is_default && !profile->is_default)
        return err_field(err, ERR_INVALID, "/default",
                         "make another profile the default instead");
    return check_rules(profile, err);
}

static int write(struct txn *txn, struct touched *platform, const struct profile *before,
                 const struct profile *wanted, bool exists, struct arena *arena, struct err *err)
{
    struct profile profile = *wanted;
    profile.is_builtin = before->is_builtin;
    profile.created_at_ms = exists ? before->created_at_ms : txn->now_ms;
    profile.updated_at_ms = txn->now_ms;
    profile.version = platform->revision;
    int r = write_profile(txn, &profile, err);
    if (r == 0)
        r = txn_change(txn, platform, CHANGE_POLICY, err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){SLICE_NONE, exists ? "profile.update" : "profile.create",
                                           profile.id, exists ? json_of_profile(arena, before) : "",
                                           json_of_profile(arena, &profile)},
                     err);
}

static int put(struct txn *txn, const struct profile *profile, const struct condition *condition,
               struct arena *arena, bool *ret_created, struct err *err)
{
    struct profile before = {0};
    struct touched *platform;
    int r = txn_lock(txn, SLICE_NONE, &platform, err);
    if (r == 0 && profile->id[0])
        r = profile_lookup(txn, slice_of(profile->id), arena, &before, err);
    bool exists = r == 1;
    if (r >= 0)
        r = check(profile, &before, err);
    if (r == 0)
        r = condition_check(condition, exists, before.version, err);
    if (r == 0 && !(exists && is_same(&before, profile)))
        r = write(txn, platform, &before, profile, exists, arena, err);
    if (r == 0 && ret_created)
        *ret_created = !exists;
    return r;
}

int store_profile_put(struct txn *txn, const struct profile *profile,
                      const struct condition *condition, bool *ret_created, struct err *err)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = put(txn, profile, condition, &scratch, ret_created, err);
    arena_release(&scratch);
    return r;
}

/* --- delete ----------------------------------------------------------------------------------- */

static int delete(struct txn *txn, struct slice id, const struct condition *condition,
                  struct arena *arena, struct err *err)
{
    struct profile before;
    struct touched *platform;
    int r = txn_lock(txn, SLICE_NONE, &platform, err);
    if (r == 0)
        r = store_profile_get(txn, id, arena, &before, err);
    if (r == 0)
        r = condition_check(condition, true, before.version, err);
    if (r == 0 && (before.is_builtin || before.is_default))
        r = err_set(err, ERR_EXISTS, "profile %s is %s and cannot be deleted", before.id,
                    before.is_builtin ? "built in" : "the default");
    if (r == 0) /* its rules go with it */
        r = txn_exec(txn, "DELETE FROM profiles WHERE id = $1", SQL_VALUES(sql_slice(id)), err);
    if (r == 0)
        r = txn_change(txn, platform, CHANGE_POLICY, err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){SLICE_NONE, "profile.delete", before.id,
                                           json_of_profile(arena, &before), ""},
                     err);
}

int store_profile_delete(struct txn *txn, struct slice id, const struct condition *condition,
                         struct err *err)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = delete(txn, id, condition, &scratch, err);
    arena_release(&scratch);
    return r;
}
