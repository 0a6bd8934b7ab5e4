/* Where tenants and accounts have drifted from the profile that they were made with. */
#include "store/drift.h"

#include "base/buf.h"
#include "store/profile_rows.h"
#include "store/rule_rows.h"

enum { AUDIT_ROWS_MAX = 200 }; /* looked at for one missing rule, newest first */

/* --- one owner -------------------------------------------------------------------------------- */

static bool is_place_of(const struct rule *rule, const struct rule *wanted)
{
    return rule->is_exact == wanted->is_exact &&
           strcmp(rule->target.text, wanted->target.text) == 0;
}

static bool does_the_same(const struct rule *a, const struct rule *b)
{
    return a->action == b->action && strcmp(a->divert_to, b->divert_to) == 0;
}

/* Did nobody but onboarding ever write it? An edit moves updated_at, even one by an operator. */
static bool is_untouched(const struct rule *rule)
{
    return strcmp(rule->source, "onboarding") == 0 && rule->created_at_ms == rule->updated_at_ms;
}

/* What the rule of an owner means against the profile: an item behind those that are there, or
 * none. */
static void compare(const struct drift_query *query, const struct profile *profile,
                    const struct rule *rule, bool *is_seen, struct drift *drift)
{
    struct drift_item *item = &drift->items[drift->count];
    for (unsigned i = 0; i < profile->rules_count; i++) {
        const struct rule *wanted = &profile->rules[i];
        if (rule_is_dated(rule) || !is_place_of(rule, wanted))
            continue;
        is_seen[i] = true;
        if (does_the_same(rule, wanted))
            return;
        *item = (struct drift_item){.what = DRIFT_CHANGED,
                                    .wanted = *wanted,
                                    .found = *rule,
                                    .deleted_by = "",
                                    .mend = is_untouched(rule) ? MEND_REPLACE : MEND_KEEP};
        drift->count++;
        return;
    }
    if (!query->with_extra)
        return;
    *item = (struct drift_item){.what = DRIFT_EXTRA, .found = *rule, .deleted_by = ""};
    drift->count++;
}

static int read_rules(struct txn *txn, const struct drift_query *query,
                      const struct profile *profile, bool *is_seen, struct arena *arena,
                      struct drift *drift, struct err *err)
{
    unsigned count = 0;
    int r = txn_query(txn,
                      "SELECT " RULE_COLUMNS " FROM rules WHERE tenant = $1 AND account = $2 AND "
                      "($3 = 1 OR (starts_at_ms = 0 AND expires_at_ms = 0 AND EXISTS ("
                      "SELECT 1 FROM profile_rules p WHERE p.profile = $4 AND "
                      "p.target = rules.target AND p.is_exact = rules.is_exact))) ORDER BY id",
                      SQL_VALUES(sql_text(drift->tenant), sql_text(drift->account),
                                 sql_int(query->with_extra), sql_slice(query->profile)),
                      err);
    while (r == 0 && count < RULES_PER_TENANT_MAX && (r = txn_next(txn, err)) == 1) {
        struct rule rule;
        r = rule_row_read(txn, arena, &rule, err);
        if (r == 0)
            compare(query, profile, &rule, is_seen, drift);
        count++;
    }
    txn_end(txn);
    return r;
}

/* --- who deleted it? -------------------------------------------------------------------------- */

/*
 * Is the rule of this owner among those that an audit record says are gone? As audit_json.c writes
 * them: {"id":"<26>","account":"1001","target":"010","match":"exact",… or "action":…
 */
static bool tells_of(struct slice before, const struct drift *drift, const struct rule *rule)
{
    char text[256];
    struct buf needle = BUF_OVER(text);
    enum { ID_BYTES = 6 + 26 + 2 }; /* "id":"…", */
    buf_printf(&needle, "\"target\":\"%s\",\"%s", rule->target.text,
               rule->is_exact ? "match\":\"exact\"" : "action\":");
    for (struct slice rest = before;;) {
        const char *at = rest.n ? memmem(rest.p, rest.n, text, needle.n) : NULL;
        if (!at)
            return false;
        char account[ACCOUNT_ID_BYTES + 16] = "";
        int n = drift->account[0]
                    ? snprintf(account, sizeof account, "\"account\":\"%s\",", drift->account)
                    : 0;
        size_t behind = (size_t)(at - before.p);
        if (behind >= (size_t)n + ID_BYTES && memcmp(at - n, account, (size_t)n) == 0 &&
            memcmp(at - n - ID_BYTES, "\"id\":\"", 6) == 0)
            return true;
        rest.n -= (size_t)(at + 1 - rest.p);
        rest.p = at + 1;
    }
}

static int find_deletion(struct txn *txn, const struct drift *drift, struct drift_item *item,
                         struct arena *arena, struct err *err)
{
    char like[RULE_TARGET_BYTES + 32];
    snprintf(like, sizeof like, "%%\"target\":\"%s\",%%", item->wanted.target.text);
    int r = txn_query(txn,
                      "SELECT role, before FROM audit WHERE tenant = $1 AND at_ms >= $2 AND "
                      "action IN ('rule.delete', 'rules.replace') AND before LIKE $3 "
                      "ORDER BY seq DESC LIMIT $4",
                      SQL_VALUES(sql_text(drift->tenant), sql_int(drift->created_at_ms),
                                 sql_text(like), sql_int(AUDIT_ROWS_MAX)),
                      err);
    while (r == 0 && !item->deleted_by[0] && (r = txn_next(txn, err)) == 1) {
        r = 0;
        if (tells_of(column_text(txn, 1), drift, &item->wanted) &&
            !(item->deleted_by = column_copy(txn, 0, arena)))
            r = txn_nomem(txn, err);
    }
    txn_end(txn);
    return r;
}

static int add_missing(struct txn *txn, const struct drift_query *query,
                       const struct profile *profile, const bool *is_seen, struct arena *arena,
                       struct drift *drift, struct err *err)
{
    int r = 0;
    for (unsigned i = 0; i < profile->rules_count && r == 0; i++) {
        if (is_seen[i])
            continue;
        struct drift_item *item = &drift->items[drift->count++];
        *item = (struct drift_item){
            .what = DRIFT_MISSING, .wanted = profile->rules[i], .deleted_by = ""};
        r = find_deletion(txn, drift, item, arena, err);
        item->mend = item->deleted_by[0] && !query->restores_deleted ? MEND_KEEP : MEND_ADD;
    }
    return r < 0 ? r : 0;
}

int drift_of_owner(struct txn *txn, const struct drift_query *query, const struct profile *profile,
                   struct arena *arena, struct drift *drift, struct err *err)
{
    int64_t rules = 0;
    int r = txn_number(txn, "SELECT count(*) FROM rules WHERE tenant = $1 AND account = $2",
                       SQL_VALUES(sql_text(drift->tenant), sql_text(drift->account)), &rules, err);
    if (r < 0)
        return r;
    size_t room = profile->rules_count + (size_t)(query->with_extra ? rules : profile->rules_count);
    bool *is_seen = arena_alloc(arena, profile->rules_count + 1);
    drift->items = arena_alloc(arena, (room + 1) * sizeof *drift->items);
    drift->count = 0;
    if (!is_seen || !drift->items)
        return txn_nomem(txn, err);
    r = read_rules(txn, query, profile, is_seen, arena, drift, err);
    return r < 0 ? r : add_missing(txn, query, profile, is_seen, arena, drift, err);
}

/* --- the list --------------------------------------------------------------------------------- */

/*
 * Tenants and accounts in one order, each found by its primary key from where the page before
 * ended; the database leaves out those who have not drifted.
 */
#define OWNERS                                                                                     \
    "SELECT o.tenant, o.account, o.created_at_ms FROM ("                                           \
    "SELECT id AS tenant, '' AS account, created_at_ms FROM tenants "                              \
    "WHERE profile = $1 AND id > $2 AND (id = $4 OR $4 = '') UNION ALL "                           \
    "SELECT tenant, id, created_at_ms FROM accounts "                                              \
    "WHERE profile = $1 AND (tenant, id) > ($2, $3) AND (tenant = $4 OR $4 = '')) o "
#define SAME_OWNER "r.tenant = o.tenant AND r.account = o.account "
#define HAS_DRIFT                                                                                  \
    "EXISTS (SELECT 1 FROM profile_rules p WHERE p.profile = $1 AND NOT EXISTS ("                  \
    "SELECT 1 FROM rules r WHERE " SAME_OWNER "AND r.target = p.target AND "                       \
    "r.is_exact = p.is_exact AND r.is_locked = 0 AND r.starts_at_ms = 0 AND "                      \
    "r.expires_at_ms = 0 AND r.action = p.action AND r.divert_to = p.divert_to)) "
#define HAS_EXTRA                                                                                  \
    "EXISTS (SELECT 1 FROM rules r WHERE " SAME_OWNER "AND NOT EXISTS ("                           \
    "SELECT 1 FROM profile_rules p WHERE p.profile = $1 AND p.target = r.target AND "              \
    "p.is_exact = r.is_exact AND r.starts_at_ms = 0 AND r.expires_at_ms = 0)) "
#define IN_ORDER "ORDER BY 1, 2 LIMIT $5"

static int read_owners(struct txn *txn, const struct drift_query *query, const struct drift *after,
                       unsigned limit, struct arena *arena, struct drift *ret, unsigned *ret_count,
                       struct err *err)
{
    unsigned count = 0;
    int r = txn_query(txn,
                      query->with_extra ? OWNERS "WHERE " HAS_DRIFT "OR " HAS_EXTRA IN_ORDER
                                        : OWNERS "WHERE " HAS_DRIFT IN_ORDER,
                      SQL_VALUES(sql_slice(query->profile), sql_text(after ? after->tenant : ""),
                                 sql_text(after ? after->account : ""), sql_slice(query->tenant),
                                 sql_int(limit)),
                      err);
    while (r == 0 && count < limit && (r = txn_next(txn, err)) == 1) {
        struct drift *drift = &ret[count++];
        *drift = (struct drift){.tenant = column_copy(txn, 0, arena),
                                .account = column_copy(txn, 1, arena),
                                .created_at_ms = column_int(txn, 2)};
        r = drift->tenant && drift->account ? 0 : txn_nomem(txn, err);
    }
    txn_end(txn);
    *ret_count = count;
    return r;
}

int store_drift_list(struct txn *txn, const struct drift_query *query, const struct drift *after,
                     unsigned limit, struct arena *arena, struct drift **ret, unsigned *ret_count,
                     bool *ret_more, struct err *err)
{
    struct profile profile;
    struct drift *list = arena_alloc(arena, (limit + 1) * sizeof *list);
    unsigned found = 0, items = 0, count = 0;
    if (!list)
        return txn_nomem(txn, err);
    int r = store_profile_get(txn, query->profile, arena, &profile, err);
    if (r == 0)
        r = txn_scope_everybody(txn, err);
    if (r == 0)
        r = read_owners(txn, query, after, limit + 1, arena, list, &found, err);
    while (r == 0 && count < found && count < limit && (count == 0 || items < DRIFT_ITEMS_MAX)) {
        r = drift_of_owner(txn, query, &profile, arena, &list[count], err);
        items += list[count++].count;
    }
    if (r < 0)
        return r;
    *ret = list;
    *ret_count = count;
    *ret_more = found > count;
    return 0;
}
