/*
 * One scope's whole list replaced as one change.
 *
 * Each new rule is matched with an old one: by id when it names one, else by place and dates.
 *
 *     old    A deny 010   B allow 0101   C deny 0990
 *     new    A deny 010                  C allow 0990   allow 0102
 *            stays        goes           changes        comes
 *
 * What stays keeps everything; what changes keeps id and created_at. What goes or changes is
 * deleted before anything is inserted, so that two rules may swap their dates.
 */
#include "base/ulid.h"
#include "store/audit.h"
#include "store/audit_json.h"
#include "store/rule_rows.h"

struct replacement {
    struct txn *txn;
    struct touched *touched;
    struct slice tenant;
    struct slice account; /* empty: the tenant's own scope */
    struct arena arena;
    struct rule *old;
    unsigned old_count;
    struct rule *new;
    unsigned new_count;
    bool *is_kept;       /* of each old rule: stays as it is */
    bool *is_taken;      /* of each old rule: matched with a new one */
    bool *is_unchanged;  /* of each new rule: there already */
};

static int read_old(struct replacement *it, const struct rule_filter *filter, struct err *err)
{
    struct page all = {SLICE_NONE, RULES_PER_TENANT_MAX};
    return store_rule_list(it->txn, filter, all, &it->arena, &it->old, &it->old_count, err);
}

/* Copies of the new rules with the scope's account, each fit by itself. */
static int take_new(struct replacement *it, const struct rule *rules, unsigned count,
                    struct err *err)
{
    const char *account = arena_copy(&it->arena, it->account);
    it->new = arena_alloc(&it->arena, count * sizeof *it->new);
    it->is_unchanged = arena_alloc(&it->arena, count);
    it->is_kept = arena_alloc(&it->arena, it->old_count);
    it->is_taken = arena_alloc(&it->arena, it->old_count);
    if (!account || !it->new || !it->is_unchanged || !it->is_kept || !it->is_taken)
        return txn_nomem(it->txn, err);
    it->new_count = count;
    for (unsigned i = 0; i < count; i++) {
        it->new[i] = rules[i];
        it->new[i].account = account;
        int r = rule_fits_owner(it->tenant, &it->new[i], err);
        if (r < 0) {
            if (err) {
                char field[sizeof err->field];
                snprintf(field, sizeof field, "/rules/%u%.70s", i, err->field);
                memcpy(err->field, field, sizeof field);
            }
            return r;
        }
    }
    return 0;
}

/* --- matching --------------------------------------------------------------------------------- */

/* Rules of one target stand together; within them those of equal dates. */
static int compare_place(const void *a, const void *b)
{
    const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
    int r = strcmp(x->target.text, y->target.text);
    if (r == 0)
        r = x->is_exact - y->is_exact;
    if (r == 0)
        r = x->is_locked - y->is_locked;
    if (r == 0)
        r = (x->starts_at_ms > y->starts_at_ms) - (x->starts_at_ms < y->starts_at_ms);
    if (r == 0)
        r = (x->expires_at_ms > y->expires_at_ms) - (x->expires_at_ms < y->expires_at_ms);
    return r;
}

static int compare_id(const void *a, const void *b)
{
    return strcmp((*(const struct rule *const *)a)->id, (*(const struct rule *const *)b)->id);
}

static const struct rule **sorted(struct arena *arena, const struct rule *rules, unsigned count,
                                  int (*compare)(const void *, const void *))
{
    const struct rule **list = arena_alloc(arena, (count + 1) * sizeof *list);
    if (!list)
        return NULL;
    for (unsigned i = 0; i < count; i++)
        list[i] = &rules[i];
    qsort(list, count, sizeof *list, compare);
    return list;
}

static void match(struct replacement *it, unsigned at, const struct rule *const *found)
{
    struct rule *rule = &it->new[at];
    if (!found)
        return;
    const struct rule *old = *found;
    size_t old_at = (size_t)(old - it->old);
    if (it->is_taken[old_at])
        return;
    it->is_taken[old_at] = true;
    it->is_kept[old_at] = it->is_unchanged[at] = rule_says_the_same(old, rule);
    rule->id = old->id;
    rule->created_at_ms = old->created_at_ms;
}

/* Ids first, so that a rule that names its old self cannot lose it to another that looks alike. */
static int match_all(struct replacement *it, struct err *err)
{
    const struct rule **by_id = sorted(&it->arena, it->old, it->old_count, compare_id);
    const struct rule **by_place = sorted(&it->arena, it->old, it->old_count, compare_place);
    if (!by_id || !by_place)
        return txn_nomem(it->txn, err);
    for (unsigned i = 0; i < it->new_count; i++) {
        const struct rule *rule = &it->new[i];
        it->new[i].created_at_ms = 0; /* until it is matched */
        match(it, i, bsearch(&rule, by_id, it->old_count, sizeof *by_id, compare_id));
    }
    for (unsigned i = 0; i < it->new_count; i++) {
        const struct rule *rule = &it->new[i];
        if (!rule->created_at_ms)
            match(it, i, bsearch(&rule, by_place, it->old_count, sizeof *by_place, compare_place));
    }
    return 0;
}

static int check_collisions(struct replacement *it, struct err *err)
{
    const struct rule **list = sorted(&it->arena, it->new, it->new_count, compare_place);
    if (!list)
        return txn_nomem(it->txn, err);
    for (unsigned i = 0; i < it->new_count; i++)
        for (unsigned j = i + 1; j < it->new_count && rule_is_same_place(list[i], list[j]); j++)
            if (rule_collides(list[i], list[j])) {
                char field[32];
                long first = list[i] - it->new, second = list[j] - it->new;
                snprintf(field, sizeof field, "/rules/%ld", first > second ? first : second);
                return err_field(err, ERR_EXISTS, field, "it has the same place%s as rule %ld",
                                 rule_is_dated(list[i]) ? " and an overlapping time" : "",
                                 first > second ? second : first);
            }
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int delete_old(struct replacement *it, struct err *err)
{
    int r = 0;
    for (unsigned i = 0; i < it->old_count && r == 0; i++)
        if (!it->is_kept[i])
            r = rule_row_remove(it->txn, it->tenant, slice_of(it->old[i].id), err);
    return r;
}

static int insert_new(struct replacement *it, struct err *err)
{
    int r = 0;
    for (unsigned i = 0; i < it->new_count && r == 0; i++) {
        struct rule *rule = &it->new[i];
        if (it->is_unchanged[i])
            continue;
        if (!rule->created_at_ms) {
            char id[ULID_BYTES];
            ulid_make(it->txn->now_ms, id);
            rule->created_at_ms = it->txn->now_ms;
            if (!(rule->id = arena_copy(&it->arena, slice_of(id))))
                return txn_nomem(it->txn, err);
        }
        rule->updated_at_ms = it->txn->now_ms;
        rule->version = it->touched->revision;
        r = rule_row_insert(it->txn, it->tenant, rule, err);
    }
    return r;
}

/* The rules for which `is_same` is not set, as JSON. */
static const char *json_of_different(struct replacement *it, const struct rule *rules,
                                     unsigned count, const bool *is_same)
{
    unsigned different = 0;
    const struct rule **list = arena_alloc(&it->arena, (count + 1) * sizeof *list);
    if (!list)
        return NULL;
    for (unsigned i = 0; i < count; i++)
        if (!is_same[i])
            list[different++] = &rules[i];
    return json_of_rules(&it->arena, list, different);
}

static bool is_all_set(const bool *flags, unsigned count)
{
    return count == 0 || !memchr(flags, false, count);
}

static int write_all(struct replacement *it, struct err *err)
{
    if (is_all_set(it->is_kept, it->old_count) && is_all_set(it->is_unchanged, it->new_count))
        return 0; /* the list that was there already */
    int r = delete_old(it, err);
    if (r == 0)
        r = insert_new(it, err);
    if (r == 0)
        r = txn_rules_counted(it->txn, it->touched, (int)it->new_count - (int)it->old_count, err);
    if (r == 0)
        r = rule_list_changed(it->txn, it->touched, it->account, err);
    if (r < 0)
        return r;
    const char *account = arena_copy(&it->arena, it->account);
    return audit_add(it->txn,
                     &(struct audit_entry){
                         it->tenant, "rules.replace", account ? account : "",
                         json_of_different(it, it->old, it->old_count, it->is_kept),
                         json_of_different(it, it->new, it->new_count, it->is_unchanged)},
                     err);
}

static int replace(struct replacement *it, const struct rule_filter *filter,
                   const struct rule *rules, unsigned count, const struct condition *condition,
                   struct err *err)
{
    uint64_t version = 0;
    int r = txn_lock(it->txn, it->tenant, &it->touched, err);
    if (r == 0)
        r = store_rules_version(it->txn, filter, &version, err);
    if (r == 0)
        r = condition_check(condition, true, version, err);
    if (r == 0 && count > RULES_PER_TENANT_MAX)
        r = err_field(err, ERR_LIMIT, "/rules", "a tenant may have %d rules", RULES_PER_TENANT_MAX);
    if (r == 0)
        r = read_old(it, filter, err);
    if (r == 0)
        r = take_new(it, rules, count, err);
    if (r == 0)
        r = rules_room_check(it->txn, it->touched, (int)count - (int)it->old_count, err);
    if (r == 0)
        r = check_collisions(it, err);
    if (r == 0)
        r = match_all(it, err);
    if (r == 0)
        r = write_all(it, err);
    return r;
}

int store_rules_replace(struct txn *txn, const struct rule_filter *filter, const struct rule *rules,
                        unsigned count, const struct condition *condition, struct err *err)
{
    struct replacement it = {.txn = txn, .tenant = filter->tenant};
    if (filter->which == RULES_ALL)
        return err_set(err, ERR_INVALID, "a list is replaced one scope at a time");
    if (filter->which == RULES_OF_ACCOUNT)
        it.account = filter->account;
    arena_init(&it.arena, SCRATCH_BYTES_MAX);
    int r = replace(&it, filter, rules, count, condition, err);
    arena_release(&it.arena);
    return r;
}
