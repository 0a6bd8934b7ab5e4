#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

/* A rule with room for its texts. */
struct world_rule {
    char id[RULE_ID_BYTES];
};

static void must(bool succeeded, const char *what)
{
    if (!succeeded) {
        fprintf(stderr, "bench: %s failed\n", what);
        exit(1);
    }
}

unsigned world_name(unsigned tenant, char ret[WORLD_NAME_BYTES])
{
    char digits[WORLD_NAME_BYTES];
    unsigned n = 0, len = 1;
    do
        digits[n++] = (char)('0' + tenant % 10);
    while (tenant /= 10);
    ret[0] = 't';
    while (n)
        ret[len++] = digits[--n];
    ret[len] = '\0';
    return len;
}

static int compare_targets(const void *a, const void *b)
{
    return strcmp(((const struct rule *)a)->target.text, ((const struct rule *)b)->target.text);
}

/* Four of five abroad: a calling code with perhaps an area; else a prefix within Japan. */
static void random_target(struct random *dice, struct target *ret)
{
    bool is_abroad = random_below(dice, 5) != 0;
    unsigned n = is_abroad ? 3 : 1, more = 1 + random_below(dice, is_abroad ? 7 : 5);
    ret->type = TARGET_PREFIX;
    memcpy(ret->text, "010", 4);
    for (unsigned i = 0; i < more; i++)
        ret->text[n++] = (char)('1' + random_below(dice, 9));
    ret->text[n] = '\0';
}

struct rule *world_rules(struct random *dice, unsigned count)
{
    struct rule *rules = calloc(count, sizeof *rules + sizeof(struct world_rule));
    must(rules || count == 0, "calloc");
    struct world_rule *texts = (struct world_rule *)(rules + count);
    unsigned distinct = 0;
    while (distinct < count) {
        for (unsigned i = distinct; i < count; i++) {
            if (i == 0)
                rules[i].target = (struct target){TARGET_PREFIX, "010"};
            else
                random_target(dice, &rules[i].target);
            rules[i].action = i == 0 || random_below(dice, 3) ? ACTION_DENY : ACTION_ALLOW;
        }
        qsort(rules, count, sizeof *rules, compare_targets);
        distinct = 0;
        for (unsigned i = 0; i < count; i++)
            if (i == 0 || compare_targets(&rules[distinct - 1], &rules[i]) != 0)
                rules[distinct++] = rules[i];
    }
    for (unsigned i = 0; i < count; i++) {
        snprintf(texts[i].id, sizeof texts[i].id, "01JD%014llX%08X",
                 (unsigned long long)random_next(dice) >> 8, i);
        rules[i].id = texts[i].id;
        rules[i].account = rules[i].divert_to = rules[i].note = "";
        rules[i].source = i == 0 ? "onboarding" : "customer";
    }
    return rules;
}

struct rulesets *world_new(unsigned tenants, unsigned rules_count)
{
    enum { VARIETY = 1000 }; /* sets of rules; making new ones for each tenant would take minutes */
    struct random dice = {rules_count};
    struct rule *sets[VARIETY];
    unsigned sets_count = tenants < VARIETY ? tenants : VARIETY;
    struct rulesets *rulesets;
    struct numbering *numbering;
    must(rulesets_new(&rulesets, NULL) == 0, "rulesets_new");
    must(numbering_builtin(&numbering, NULL) == 0, "numbering_builtin");
    rulesets_set_numbering(rulesets, numbering);
    trusted_set_bounds(rulesets_trusted(rulesets), INT64_MAX, INT64_MAX); /* no store is read meanwhile */
    trusted_set(rulesets_trusted(rulesets), instant_now(), true);
    for (unsigned i = 0; i < sets_count; i++)
        sets[i] = world_rules(&dice, rules_count);
    for (unsigned i = 0; i < tenants; i++) {
        char name[WORLD_NAME_BYTES];
        struct ruleset_owner owner = {.tenant = {name, world_name(i, name)}, .revision = 1};
        struct ruleset *ruleset;
        must(ruleset_new(&owner, sets[i % sets_count], rules_count, &ruleset, NULL) == 0,
             "ruleset_new");
        must(rulesets_publish(rulesets, ruleset, NULL) == 0, "rulesets_publish");
    }
    for (unsigned i = 0; i < sets_count; i++)
        free(sets[i]);
    return rulesets;
}
