#include "jobs/campaign_simulate.h"

#include "base/clock.h"
#include "store/store.h"

enum { PAGE = 1000, ARENA_BYTES = 64 << 20 };

struct simulating {
    struct store *store;
    struct simulation *simulation;
    struct campaign campaign;
    struct ruleset *platform;
    int64_t from_ms, to_ms;
    /* the tenant whose accounts are being gathered */
    char tenant[TENANT_ID_BYTES];
    char (*accounts)[ACCOUNT_ID_BYTES];
    unsigned count, cap;
    struct ruleset *present, *draft;
};

/* --- rules ---------------------------------------------------------------------------------------- */

static int compile_platform(void *context, const struct tenant *tenant, const struct rule *rules,
                            size_t count, struct err *err)
{
    struct simulating *it = context;
    const struct ruleset_owner owner = {.revision = tenant->revision};
    return ruleset_new(&owner, rules, count, &it->platform, err);
}

static struct rule rule_of(const struct simulating *it, const char *account)
{
    return (struct rule){.id = "", .account = account, .target = it->campaign.target,
                         .action = it->campaign.action, .divert_to = it->campaign.divert_to,
                         .note = "", .source = "campaign"};
}

static bool gives_way(const struct simulating *it, const struct rule *rule)
{
    for (unsigned i = 0; i < it->count; i++) {
        const struct rule ours = rule_of(it, it->accounts[i]);
        if (rule_collides(rule, &ours))
            return true;
    }
    return false;
}

static int compile_both(void *context, const struct tenant *tenant, const struct rule *rules,
                        size_t count, struct err *err)
{
    struct simulating *it = context;
    const struct ruleset_owner owner = {.tenant = slice_of(tenant->id),
                                        .outside_line = slice_of(tenant->outside_line),
                                        .is_suspended = tenant->status == TENANT_SUSPENDED,
                                        .revision = tenant->revision};
    struct rule *draft = calloc(count + it->count + 1, sizeof *draft);
    size_t n = 0;
    if (!draft)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (strcmp(rules[i].target.text, it->campaign.target.text) != 0 ||
            !gives_way(it, &rules[i]))
            draft[n++] = rules[i];
    for (unsigned i = 0; i < it->count; i++)
        draft[n++] = rule_of(it, it->accounts[i]);
    int rc = ruleset_new(&owner, rules, count, &it->present, err);
    if (rc == 0)
        rc = ruleset_new(&owner, draft, n, &it->draft, err);
    free(draft);
    return rc;
}

/* --- one tenant after the other ------------------------------------------------------------------- */

static int run_tenant(struct simulating *it, struct err *err)
{
    struct slice tenant = slice_of(it->tenant);
    struct err why = {0};
    if (it->count == 0)
        return 0;
    int rc = store_policy_one(it->store, tenant, compile_both, it, &why);
    if (rc == 0) {
        const struct simulated_rules rules = {it->platform, it->present, it->draft};
        rc = simulation_run(it->simulation, it->store, tenant, &rules, it->from_ms, it->to_ms,
                            &why);
    }
    ruleset_free(it->present);
    ruleset_free(it->draft);
    it->present = it->draft = NULL;
    it->count = 0;
    return rc == 0 || rc == ERR_NOT_FOUND ? 0 : err_set(err, rc, "%s", why.text);
}

static int add_account(struct simulating *it, const char *account, struct err *err)
{
    if (it->count == it->cap) {
        unsigned cap = it->cap ? it->cap * 2 : 64;
        void *accounts = realloc(it->accounts, cap * sizeof *it->accounts);
        if (!accounts)
            return err_set(err, ERR_NOMEM, "out of memory");
        it->accounts = accounts;
        it->cap = cap;
    }
    snprintf(it->accounts[it->count++], ACCOUNT_ID_BYTES, "%s", account);
    return 0;
}

static bool is_to_come(const struct campaign_member *member)
{
    return member->state == MEMBER_PLANNED || member->state == MEMBER_NOTIFIED ||
           member->state == MEMBER_FAILED;
}

static int take_members(struct simulating *it, const struct campaign_member *members,
                        unsigned count, int64_t until_mono_ms, struct campaign_simulation *ret,
                        struct err *err)
{
    int rc = 0;
    for (unsigned i = 0; i < count && rc == 0; i++) {
        const struct campaign_member *member = &members[i];
        if (!is_to_come(member))
            continue;
        if (strcmp(member->tenant, it->tenant) != 0) {
            rc = run_tenant(it, err);
            if (clock_mono_ms() >= until_mono_ms) {
                ret->is_complete = false;
                return rc;
            }
            snprintf(it->tenant, sizeof it->tenant, "%s", member->tenant);
            ret->tenants++;
        }
        if (rc == 0)
            rc = add_account(it, member->account, err);
    }
    return rc;
}

/* One page of the campaign's accounts, and where it ended. */
static int take_page(struct simulating *it, char after_tenant[TENANT_ID_BYTES],
                     char after_account[ACCOUNT_ID_BYTES], int64_t until_mono_ms,
                     struct campaign_simulation *ret, unsigned *ret_count, struct err *err)
{
    const struct member_filter filter = {.state = -1, .reason = -1, .limit = PAGE,
                                         .after_tenant = slice_of(after_tenant),
                                         .after_account = slice_of(after_account)};
    struct campaign_member *members;
    struct arena arena;
    struct txn *txn;
    *ret_count = 0;
    int rc = store_begin(it->store, NULL, &txn, err);
    if (rc)
        return rc;
    arena_init(&arena, ARENA_BYTES);
    rc = store_campaign_members(txn, slice_of(it->campaign.id), &filter, &arena, &members,
                                ret_count, err);
    store_rollback(txn);
    if (rc == 0)
        rc = take_members(it, members, *ret_count, until_mono_ms, ret, err);
    if (rc == 0 && *ret_count) {
        snprintf(after_tenant, TENANT_ID_BYTES, "%s", members[*ret_count - 1].tenant);
        snprintf(after_account, ACCOUNT_ID_BYTES, "%s", members[*ret_count - 1].account);
    }
    arena_release(&arena);
    return rc;
}

static int simulate_all(struct simulating *it, int64_t until_mono_ms,
                        struct campaign_simulation *ret, struct err *err)
{
    char tenant[TENANT_ID_BYTES] = "", account[ACCOUNT_ID_BYTES] = "";
    unsigned count = PAGE;
    int rc = store_policy_one(it->store, SLICE_NONE, compile_platform, it, err);
    while (rc == 0 && count == PAGE && ret->is_complete)
        rc = take_page(it, tenant, account, until_mono_ms, ret, &count, err);
    return rc == 0 ? run_tenant(it, err) : rc;
}

int campaign_simulate(struct store *store, struct simulation *simulation, struct slice id,
                      int64_t from_ms, int64_t to_ms, int64_t until_mono_ms,
                      struct campaign_simulation *ret, struct err *err)
{
    struct simulating it = {.store = store, .simulation = simulation, .from_ms = from_ms,
                            .to_ms = to_ms};
    struct arena arena;
    struct txn *txn;
    *ret = (struct campaign_simulation){.is_complete = true};
    int rc = store_begin(store, NULL, &txn, err);
    if (rc)
        return rc;
    arena_init(&arena, ARENA_BYTES);
    rc = store_campaign_get(txn, id, &arena, &it.campaign, err);
    store_rollback(txn);
    if (rc == 0)
        rc = simulate_all(&it, until_mono_ms, ret, err);
    ruleset_free(it.platform);
    free(it.accounts);
    arena_release(&arena);
    return rc;
}
