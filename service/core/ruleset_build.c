/*
 * Compiles rules into a ruleset:
 *
 * 1. Sort by range (wide, locks, then each account by name), key, exact behind prefix, dated before
 *    undated. Rules of the same target and match are now neighbours: one entry each.
 * 2. Measure: how many entries, accounts and bytes of text. Take one block.
 * 3. Fill it in that order. `parent` is found with a stack of the prefixes that are still open.
 */
#include <stdlib.h>

#include "core/ruleset_data.h"

struct item {
    const struct rule *rule;
    uint64_t key;
    unsigned digits;
};

static uint64_t target_key(const struct target *target, unsigned *ret_digits)
{
    *ret_digits = 0;
    switch (target->type) {
    case TARGET_COUNTRY: return country_key(target->text + strlen("country:"));
    case TARGET_GROUP: return group_key(slice_of(target->text + strlen("group:")));
    case TARGET_PREFIX: break;
    }
    return prefix_key(slice_of(target->text), ret_digits);
}

static int compare_ranges(const struct rule *a, const struct rule *b)
{
    return a->is_locked != b->is_locked && !a->account[0] && !b->account[0]
               ? (a->is_locked ? 1 : -1)
               : strcmp(a->account, b->account);
}

static int compare_entries(const struct item *a, const struct item *b)
{
    int range = compare_ranges(a->rule, b->rule);
    if (range)
        return range;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (int)a->rule->is_exact - (int)b->rule->is_exact;
}

static int compare_items(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    int entry = compare_entries(a, b);
    if (entry)
        return entry;
    if (rule_is_dated(a->rule) != rule_is_dated(b->rule))
        return rule_is_dated(a->rule) ? -1 : 1;
    return a->rule->starts_at_ms < b->rule->starts_at_ms   ? -1
           : a->rule->starts_at_ms > b->rule->starts_at_ms ? 1
                                                           : 0;
}

struct sizes {
    unsigned entries, accounts;
    size_t text_bytes;
};

/* With NUL, and a byte before it for its length. */
static size_t text_bytes(const char *text)
{
    return strlen(text) + 2;
}

static struct sizes measure(const struct ruleset_owner *owner, const struct item *items, size_t count)
{
    struct sizes sizes = {0, 0, owner->tenant.n + 1 + RULESET_TEXT_STEP};
    const char *source = "";
    for (size_t i = 0; i < count; i++) {
        const struct rule *rule = items[i].rule;
        bool is_new_range = i == 0 || compare_ranges(items[i - 1].rule, rule) != 0;
        sizes.entries += i == 0 || compare_entries(&items[i - 1], &items[i]) != 0;
        if (is_new_range && rule->account[0]) {
            sizes.accounts++;
            sizes.text_bytes += text_bytes(rule->account);
        }
        sizes.text_bytes += text_bytes(rule->target.text) + text_bytes(rule->id);
        if (i == 0 || strcmp(rule->source, source) != 0)
            sizes.text_bytes += text_bytes(rule->source);
        source = rule->source;
        sizes.text_bytes += text_bytes(rule->divert_to);
    }
    return sizes;
}

/* A block being filled. */
struct filling {
    struct ruleset *rs;
    unsigned entries, accounts;
    uint32_t text_used;
    struct rule_range *range;              /* the range that entries are added to */
    uint16_t open[RULE_PREFIX_DIGITS_MAX + 1]; /* entries whose prefix may contain the next one */
    unsigned open_count;
};

static uint32_t fill_text(struct filling *f, const char *text)
{
    char *to = ruleset_texts(f->rs) + f->text_used;
    size_t n = text_bytes(text);
    *to = (char)(n - 1);
    memcpy(to + 1, text, n - 1);
    f->text_used += (uint32_t)n;
    return f->text_used - (uint32_t)(n - 1);
}

static void open_range(struct filling *f, const struct rule *rule)
{
    if (rule->account[0]) {
        struct cold_account *account = &ruleset_accounts(f->rs)[f->accounts++];
        account->name = fill_text(f, rule->account);
        f->range = &account->range;
    } else {
        f->range = rule->is_locked ? &f->rs->locks : &f->rs->wide;
    }
    *f->range = (struct rule_range){(uint16_t)f->entries, 0};
    f->open_count = 0;
}

static void add_entry(struct filling *f, const struct item *item, size_t rule)
{
    const uint64_t *keys = ruleset_keys(f->rs);
    struct fact *facts = ruleset_facts(f->rs), *fact = &facts[f->entries];
    bool is_prefix = item->rule->target.type == TARGET_PREFIX;
    ruleset_keys(f->rs)[f->entries] = item->key;
    while (is_prefix && f->open_count) {
        uint16_t top = f->open[f->open_count - 1];
        if (prefix_contains(keys[top], facts[top].len, item->key))
            break;
        f->open_count--;
    }
    bool has_parent = is_prefix && f->open_count > 0;
    *fact = (struct fact){
        .parent = has_parent ? f->open[f->open_count - 1] : NO_PARENT,
        .rule = (uint16_t)rule,
        .len = (uint8_t)item->digits,
        .flags = item->rule->is_exact ? FACT_EXACT : 0,
    };
    if (is_prefix && !item->rule->is_exact)
        f->open[f->open_count++] = (uint16_t)f->entries;
    f->rs->has_countries |= item->rule->target.type == TARGET_COUNTRY;
    f->rs->has_groups |= item->rule->target.type == TARGET_GROUP;
    f->range->count++;
    f->entries++;
}

static void add_rule(struct filling *f, const struct rule *rule, size_t at, const char *source_before)
{
    struct cold_rule *cold = &ruleset_cold(f->rs)[at];
    cold->starts_at_ms = rule->starts_at_ms;
    cold->expires_at_ms = rule->expires_at_ms;
    cold->target = fill_text(f, rule->target.text);
    cold->id = fill_text(f, rule->id);
    bool is_same = source_before && strcmp(source_before, rule->source) == 0;
    cold->source = is_same ? cold[-1].source : fill_text(f, rule->source);
    cold->divert_to = fill_text(f, rule->divert_to);
    cold->action = (uint8_t)rule->action;
    cold->is_last = true;
    if (rule_is_dated(rule))
        ruleset_facts(f->rs)[f->entries - 1].flags |= FACT_DATED;
}

static struct ruleset *allocate(const struct ruleset_owner *owner, const struct sizes *sizes,
                                size_t count)
{
    size_t texts_at = sizeof(struct ruleset) + sizes->entries * (sizeof(uint64_t) + sizeof(struct fact)) +
                      count * sizeof(struct cold_rule) +
                      sizes->accounts * sizeof(struct cold_account);
    struct ruleset *rs = calloc(1, texts_at + sizes->text_bytes);
    if (!rs)
        return NULL;
    rs->revision = owner->revision;
    rs->texts_at = (uint32_t)texts_at;
    rs->texts_bytes = (uint32_t)sizes->text_bytes;
    rs->entries_count = (uint16_t)sizes->entries;
    rs->rules_count = (uint16_t)count;
    rs->accounts_count = (uint16_t)sizes->accounts;
    rs->tenant_bytes = (uint8_t)owner->tenant.n;
    rs->is_suspended = owner->is_suspended;
    memcpy(rs->outside_line, owner->outside_line.n ? owner->outside_line.p : "", owner->outside_line.n);
    memcpy(ruleset_texts(rs), owner->tenant.n ? owner->tenant.p : "", owner->tenant.n);
    return rs;
}

static struct ruleset *fill(const struct ruleset_owner *owner, const struct item *items, size_t count)
{
    struct sizes sizes = measure(owner, items, count);
    struct filling f = {.rs = allocate(owner, &sizes, count), .text_used = (uint32_t)owner->tenant.n + 1};
    for (size_t i = 0; f.rs && i < count; i++) {
        if (i == 0 || compare_ranges(items[i - 1].rule, items[i].rule) != 0)
            open_range(&f, items[i].rule);
        if (i == 0 || compare_entries(&items[i - 1], &items[i]) != 0)
            add_entry(&f, &items[i], i);
        else
            ruleset_cold(f.rs)[i - 1].is_last = false;
        add_rule(&f, items[i].rule, i, i ? items[i - 1].rule->source : NULL);
    }
    return f.rs;
}

/* What copies them relies on it: ruleset_copy_text(). */
static bool texts_fit(const struct rule *rule)
{
    return strlen(rule->id) < RULE_ID_BYTES && strlen(rule->source) < RULE_SOURCE_BYTES &&
           strlen(rule->divert_to) < RULE_DIVERT_BYTES;
}

int ruleset_new(const struct ruleset_owner *owner, const struct rule *rules, size_t count,
                struct ruleset **ret, struct err *err)
{
    if (count > RULES_PER_TENANT_MAX)
        return err_set(err, ERR_LIMIT, "more than %d rules", RULES_PER_TENANT_MAX);
    if (owner->tenant.n >= TENANT_ID_BYTES || !number_is_outside_line(owner->outside_line))
        return err_set(err, ERR_INVALID, "tenant id or outside line out of bounds");
    for (size_t i = 0; i < count; i++)
        if (!texts_fit(&rules[i]))
            return err_set(err, ERR_INVALID, "id, source or divert_to of a rule out of bounds");
    struct item *items = calloc(count + 1, sizeof *items);
    if (!items)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        items[i].rule = &rules[i];
        items[i].key = target_key(&rules[i].target, &items[i].digits);
    }
    if (count)
        qsort(items, count, sizeof *items, compare_items);
    int rc = 0;
    for (size_t i = 1; i < count && !rc; i++)
        if (rule_collides(items[i - 1].rule, items[i].rule))
            rc = err_set(err, ERR_EXISTS, "rules %s and %s collide at %s", items[i - 1].rule->id,
                         items[i].rule->id, items[i].rule->target.text);
    struct ruleset *rs = rc ? NULL : fill(owner, items, count);
    free(items);
    if (rs)
        *ret = rs;
    return rs ? 0 : rc ? rc : err_set(err, ERR_NOMEM, "out of memory");
}

void ruleset_free(struct ruleset *ruleset)
{
    free(ruleset);
}
