/*
 * Policies as the engine compiles them: every owner's rules in one ordered walk.
 *
 *     policies ─► tenants (left join: the platform is none) ─► rules (left join: some have none)
 *
 * Rows come in order of (owner, rule id), straight off the primary keys, so that nothing is sorted
 * and only one owner's rules are held at a time.
 */
#include "store/rule_rows.h"

/* One owner's rules come to at most RULES_PER_TENANT_MAX times a few hundred bytes. */
enum { OWNER_BYTES_MAX = 64 << 20, RULES_FIRST = 16 };

#define POLICY_SELECT                                                                              \
    "SELECT p.tenant, p.revision, t.outside_line, t.status, r.id, r.account, r.target, "           \
    "r.is_exact, r.is_locked, r.action, r.divert_to, r.source, r.starts_at_ms, r.expires_at_ms, "  \
    "r.version "                                                                                   \
    "FROM policies p LEFT JOIN tenants t ON t.id = p.tenant "                                      \
    "LEFT JOIN rules r ON r.tenant = p.tenant "                                                    \
    "WHERE (t.id IS NOT NULL OR p.tenant = '')"

struct walk {
    struct txn *txn;
    store_policy_fn *fn;
    void *context;
    bool has_owner; /* `tenant` is one whose rules are being gathered */
    struct tenant tenant;
    char id[TENANT_ID_BYTES], outside_line[8];
    struct arena arena; /* the owner's texts */
    struct rule *rules;
    size_t count, cap;
    struct err damage; /* of the owner's rules; no text: none */
};

static int hand_over(struct walk *walk, struct err *err)
{
    if (!walk->has_owner)
        return 0;
    bool is_damaged = walk->damage.code;
    int r = is_damaged ? walk->fn(walk->context, &walk->tenant, NULL, 1, &walk->damage)
                       : walk->fn(walk->context, &walk->tenant, walk->rules, walk->count, err);
    if (is_damaged && r)
        err_set(err, r, "%s", walk->damage.text);
    walk->damage = (struct err){0};
    walk->has_owner = false;
    walk->count = 0;
    arena_release(&walk->arena);
    return r;
}

static void start_owner(struct walk *walk)
{
    struct slice id = column_text(walk->txn, 0), outside_line = column_text(walk->txn, 2);
    snprintf(walk->id, sizeof walk->id, "%.*s", SLICE_ARG(id));
    snprintf(walk->outside_line, sizeof walk->outside_line, "%.*s", SLICE_ARG(outside_line));
    walk->tenant = (struct tenant){
        .id = walk->id,
        .outside_line = walk->outside_line,
        .name = "",
        .profile = "",
        .locale = "",
        .time_zone = "",
        .revision = (uint64_t)column_int(walk->txn, 1),
        .status = slice_equals_text(column_text(walk->txn, 3), "suspended") ? TENANT_SUSPENDED
                                                                            : TENANT_ACTIVE,
    };
    walk->has_owner = true;
}

static int grow(struct walk *walk)
{
    if (walk->count < walk->cap)
        return 0;
    size_t cap = walk->cap ? walk->cap * 2 : RULES_FIRST;
    struct rule *rules = realloc(walk->rules, cap * sizeof *rules);
    if (!rules)
        return ERR_NOMEM;
    walk->rules = rules;
    walk->cap = cap;
    return 0;
}

static int add_rule(struct walk *walk, struct err *err)
{
    struct txn *txn = walk->txn;
    if (grow(walk) < 0)
        return txn_nomem(txn, err);
    struct rule rule = {
        .id = column_copy(txn, 4, &walk->arena),
        .account = column_copy(txn, 5, &walk->arena),
        .is_exact = column_int(txn, 7) != 0,
        .is_locked = column_int(txn, 8) != 0,
        .divert_to = column_copy(txn, 10, &walk->arena),
        .note = "",
        .source = column_copy(txn, 11, &walk->arena),
        .starts_at_ms = column_int(txn, 12),
        .expires_at_ms = column_int(txn, 13),
        .version = (uint64_t)column_int(txn, 14),
    };
    if (!rule.id || !rule.account || !rule.divert_to || !rule.source)
        return txn_nomem(txn, err);
    if (walk->damage.code)
        return 0; /* one is enough */
    int r = rule_row_target(column_text(txn, 6), &rule.target, &walk->damage);
    if (r == 0 && action_of(column_text(txn, 9), &rule.action) < 0)
        r = err_set(&walk->damage, ERR_UNAVAILABLE, "store: a rule has a damaged action");
    if (r == 0)
        walk->rules[walk->count++] = rule;
    else
        err_context(&walk->damage, "rule %s", rule.id);
    return 0;
}

static int take_row(struct walk *walk, struct err *err)
{
    int r = 0;
    if (!walk->has_owner || !slice_equals_text(column_text(walk->txn, 0), walk->id)) {
        r = hand_over(walk, err);
        if (r == 0)
            start_owner(walk);
    }
    if (r == 0 && !sql_column_is_null(walk->txn->conn, 4))
        r = add_rule(walk, err);
    return r;
}

/* Runs through the rows of a started query. *ret_any is set when there was one. */
static int take_rows(struct walk *walk, bool *ret_any, struct err *err)
{
    int r;
    while ((r = txn_next(walk->txn, err)) == 1) {
        *ret_any = true;
        r = take_row(walk, err);
        if (r != 0)
            break;
    }
    txn_end(walk->txn);
    return r != 0 ? r : hand_over(walk, err);
}

static void walk_release(struct walk *walk)
{
    arena_release(&walk->arena);
    free(walk->rules);
}

int store_policy_each(struct store *store, store_policy_fn *fn, void *context,
                      struct feed_position *ret_position, struct err *err)
{
    struct walk walk = {.fn = fn, .context = context};
    struct sql_horizon horizon;
    bool any = false;
    arena_init(&walk.arena, OWNER_BYTES_MAX);
    int r = txn_begin(store, SQL_WALK, &walk.txn, err);
    if (r < 0)
        return r;
    r = txn_scope_everybody(walk.txn, err);
    if (r == 0)
        r = walk.txn->conn->driver->horizon(walk.txn->conn, &horizon, err);
    if (r == 0)
        r = txn_query(walk.txn, POLICY_SELECT " ORDER BY p.tenant, r.id", SQL_NO_VALUES, err);
    if (r == 0)
        r = take_rows(&walk, &any, err);
    walk_release(&walk);
    store_rollback(walk.txn);
    if (r == 0 && ret_position)
        feed_position_start(ret_position, &horizon);
    return r;
}

/* The scope has been set. */
static int read_one(struct txn *txn, struct slice tenant, store_policy_fn *fn, void *context,
                    struct err *err)
{
    struct walk walk = {.txn = txn, .fn = fn, .context = context};
    bool any = false;
    arena_init(&walk.arena, OWNER_BYTES_MAX);
    int r = txn_query(txn, POLICY_SELECT " AND p.tenant = $1 ORDER BY p.tenant, r.id",
                      SQL_VALUES(sql_slice(tenant)), err);
    if (r == 0)
        r = take_rows(&walk, &any, err);
    walk_release(&walk);
    return r == 0 && !any ? err_set(err, ERR_NOT_FOUND, "no such tenant") : r;
}

static bool can_be(struct slice tenant)
{
    return !tenant.n || tenant_id_is_valid(tenant);
}

int store_policy_in(struct txn *txn, struct slice tenant, store_policy_fn *fn, void *context,
                    struct err *err)
{
    if (!can_be(tenant))
        return err_set(err, ERR_NOT_FOUND, "no such tenant");
    int r = txn_scope_everybody(txn, err); /* asks nobody when it is so already */
    return r < 0 ? r : read_one(txn, tenant, fn, context, err);
}

int store_policy_one(struct store *store, struct slice tenant, store_policy_fn *fn, void *context,
                     struct err *err)
{
    struct txn *txn;
    if (!can_be(tenant))
        return err_set(err, ERR_NOT_FOUND, "no such tenant");
    int r = store_begin(store, NULL, &txn, err);
    if (r < 0)
        return r;
    r = txn_scope(txn, tenant, err);
    if (r == 0)
        r = read_one(txn, tenant, fn, context, err);
    store_rollback(txn);
    return r;
}
