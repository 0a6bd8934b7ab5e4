#include "store/campaigns_judge.h"

/* --- reading -------------------------------------------------------------------------------------- */

/* The campaign's target itself, a prefix of it or, of a country or group, of all that is abroad. */
static bool is_covering(const struct campaign *campaign, struct slice target)
{
    return slice_starts_with(slice_of(campaign->target.text), target) ||
           (campaign->target.type != TARGET_PREFIX &&
            slice_starts_with(SLICE_LIT("010"), target));
}

static int read_rule(struct batch *batch, struct seen_rule *ret, struct err *err)
{
    struct txn *txn = batch->txn;
    *ret = (struct seen_rule){
        .tenant = column_copy(txn, 0, &batch->arena),
        .account = column_copy(txn, 1, &batch->arena),
        .id = column_copy(txn, 2, &batch->arena),
        .source = column_copy(txn, 3, &batch->arena),
        .target_bytes = column_text(txn, 4).n,
        .covers = is_covering(&batch->campaign, column_text(txn, 4)),
        .starts_at_ms = column_int(txn, 6),
        .expires_at_ms = column_int(txn, 7),
    };
    if (!ret->tenant || !ret->account || !ret->id || !ret->source)
        return txn_nomem(txn, err);
    if (action_of(column_text(txn, 5), &ret->action) < 0)
        return err_set(err, ERR_UNAVAILABLE, "store: a rule has a damaged action");
    return 0;
}

/* Doubles the list when it is full; what it leaves behind goes with the arena. */
static int grow(struct batch *batch, struct seen_rules *rules, unsigned *cap, struct err *err)
{
    if (rules->count < *cap)
        return 0;
    unsigned more = *cap ? *cap * 2 : 64;
    struct seen_rule *list = arena_alloc(&batch->arena, more * sizeof *list);
    if (!list)
        return txn_nomem(batch->txn, err);
    if (rules->count)
        memcpy(list, rules->list, rules->count * sizeof *list);
    rules->list = list;
    *cap = more;
    return 0;
}

int judge_read_rules(struct batch *batch, const char *first, const char *last,
                     struct seen_rules *ret, struct err *err)
{
    struct seen_rules rules = {NULL, 0};
    unsigned cap = 0;
    int r = txn_query(batch->txn,
                      "SELECT tenant, account, id, source, target, action, starts_at_ms, "
                      "expires_at_ms FROM rules WHERE tenant >= $1 AND tenant <= $2 "
                      "AND is_exact = 0 AND (substr($3, 1, length(target)) = target OR ($4 = 1 "
                      "AND (target IN ('0', '01') OR target LIKE '010%' OR target LIKE 'group:%' "
                      "OR (target LIKE 'country:%' AND $3 LIKE 'group:%')))) "
                      "ORDER BY tenant, account",
                      SQL_VALUES(sql_text(first), sql_text(last),
                                 sql_text(batch->campaign.target.text),
                                 sql_int(batch->campaign.target.type != TARGET_PREFIX)),
                      err);
    while (r == 0 && (r = txn_next(batch->txn, err)) == 1) {
        r = grow(batch, &rules, &cap, err);
        if (r == 0)
            r = read_rule(batch, &rules.list[rules.count++], err);
    }
    txn_end(batch->txn);
    if (r == 0)
        *ret = rules;
    return r;
}

/* --- judging -------------------------------------------------------------------------------------- */

/* The rules of one scope. */
static struct seen_rules of_scope(const struct seen_rules *rules, const char *tenant,
                                  const char *account)
{
    unsigned low = 0, high = rules->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int order = strcmp(rules->list[middle].tenant, tenant);
        if (order == 0)
            order = strcmp(rules->list[middle].account, account);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct seen_rules scope = {rules->list + low, 0};
    while (low + scope.count < rules->count &&
           strcmp(scope.list[scope.count].tenant, tenant) == 0 &&
           strcmp(scope.list[scope.count].account, account) == 0)
        scope.count++;
    return scope;
}

static bool is_from(const struct seen_rule *rule, const char *source)
{
    return strcmp(rule->source, source) == 0;
}

/* What one scope says: MEMBER_NEVER when nothing is in the way. */
static enum member_reason judge_scope(const struct campaign *campaign, struct seen_rules scope,
                                      int64_t now_ms, const struct seen_rule **ret_same)
{
    const struct seen_rule *longest = NULL;
    enum member_reason reason = MEMBER_NEVER;
    size_t whole = strlen(campaign->target.text);
    *ret_same = NULL;
    for (unsigned i = 0; i < scope.count; i++) {
        const struct seen_rule *rule = &scope.list[i];
        bool is_dated = rule->starts_at_ms || rule->expires_at_ms;
        bool differs = rule->action != campaign->action;
        if (rule->expires_at_ms && rule->expires_at_ms <= now_ms)
            continue;
        if (is_from(rule, "customer") && ((is_dated && rule->covers) || differs))
            return MEMBER_CUSTOMER_RULE;
        if (is_dated || !rule->covers)
            continue;
        if (!longest || rule->target_bytes > longest->target_bytes)
            longest = rule;
        if (rule->target_bytes == whole && differs) {
            *ret_same = rule;
            if (is_from(rule, "operator") || is_from(rule, "guard"))
                reason = MEMBER_OPERATOR_RULE;
        }
    }
    return longest && longest->action == campaign->action ? MEMBER_BLOCKED : reason;
}

/* A restriction of the tenant's takes over from a shorter allow of an account (api/reading.md 4). */
static bool is_over_an_allow(const struct campaign *campaign, const struct seen_rules *rules,
                             const char *tenant, int64_t now_ms)
{
    const struct seen_rule *rule = of_scope(rules, tenant, "").list;
    for (; rule < rules->list + rules->count && strcmp(rule->tenant, tenant) == 0; rule++)
        if (rule->account[0] && is_from(rule, "customer") && rule->action == ACTION_ALLOW &&
            (rule->target_bytes < strlen(campaign->target.text) || !rule->covers) &&
            (!rule->expires_at_ms || rule->expires_at_ms > now_ms))
            return true;
    return false;
}

enum member_reason judge_rules(const struct campaign *campaign, const struct seen_rules *rules,
                               const char *tenant, const char *account, int64_t now_ms,
                               const struct seen_rule **ret_replaced)
{
    const struct seen_rule *of_tenant;
    enum member_reason reason = judge_scope(campaign, of_scope(rules, tenant, account), now_ms,
                                            ret_replaced);
    if (reason == MEMBER_NEVER && account[0])
        reason = judge_scope(campaign, of_scope(rules, tenant, ""), now_ms, &of_tenant);
    if (reason == MEMBER_NEVER && !account[0] && campaign->action != ACTION_ALLOW &&
        is_over_an_allow(campaign, rules, tenant, now_ms))
        reason = MEMBER_CUSTOMER_RULE;
    /* the account's own profile opened it although its tenant is closed: so it is open */
    if (reason == MEMBER_BLOCKED && account[0] && *ret_replaced)
        reason = MEMBER_NEVER;
    return reason;
}
