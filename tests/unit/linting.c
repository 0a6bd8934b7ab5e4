#include "linting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

struct numbering *numbering;

void add(struct world *world, const char *text)
{
    char words[3][64] = {"", "", ""};
    struct err err = {0};
    bool is_lock = strncmp(text, "lock ", 5) == 0;
    int count = sscanf(text, "%63s %63s %63s", words[0], words[1], words[2]);
    unsigned at = world->count;
    struct rule rule = {.id = "", .account = "", .divert_to = "", .note = "", .source = "customer"};
    assert_int_equal(action_of(slice_of(words[count - 2]), &rule.action), 0);
    assert_int_equal(target_parse(slice_of(words[count - 1]), &rule.target, &err), 0);
    if (is_lock) {
        rule.is_locked = true;
        world->locks[world->locks_count++] = rule;
        return;
    }
    snprintf(world->ids[at], sizeof world->ids[at], "R%03u", at);
    snprintf(world->accounts[at], sizeof world->accounts[at], "%s", count == 3 ? words[0] : "");
    rule.id = world->ids[at];
    rule.account = world->accounts[at];
    world->rules[world->count++] = rule;
}

void compile(const struct world *world, struct ruleset **platform, struct ruleset **tenant)
{
    struct err err = {0};
    struct ruleset_owner owner = {.tenant = SLICE_LIT("acme")}, nobody = {.revision = 0};
    assert_int_equal(ruleset_new(&nobody, world->locks, world->locks_count, platform, &err), 0);
    assert_int_equal(ruleset_new(&owner, world->rules, world->count, tenant, &err), 0);
}

void run(struct world *world)
{
    struct ruleset *platform, *tenant;
    struct err err = {0};
    compile(world, &platform, &tenant);
    const struct lint_input input = {
        .numbering = numbering,
        .platform = platform,
        .tenant = tenant,
        .rules = world->rules,
        .count = world->count,
        .hits = world->history_days ? world->hits : NULL,
        .history_days = world->history_days,
        .now_ms = NOW_MS,
    };
    arena_init(&world->arena, 16 << 20);
    assert_int_equal(lint_run(&input, &world->arena, &world->findings, &world->found, &err), 0);
    ruleset_free(platform);
    ruleset_free(tenant);
}

struct world *world_of(const char *const *lines)
{
    struct world *world = calloc(1, sizeof *world);
    for (; *lines; lines++)
        add(world, *lines);
    return world;
}

void end(struct world *world)
{
    arena_release(&world->arena);
    free(world);
}

const struct lint_finding *find(const struct world *world, enum lint_code code)
{
    for (unsigned i = 0; i < world->found; i++)
        if (world->findings[i].code == code)
            return &world->findings[i];
    return NULL;
}

enum action dial(const struct world *world, const char *account, const char *number)
{
    struct ruleset *platform, *tenant;
    struct folded folded;
    struct verdict verdict;
    compile(world, &platform, &tenant);
    struct policy policy = {numbering, platform, tenant};
    assert_int_equal(number_fold(slice_of(number), &folded), 0);
    number_read(numbering, &folded, "", &verdict.number, NULL);
    policy_judge(&policy, slice_of(account), &verdict.number, NOW_MS, &verdict, NULL);
    ruleset_free(platform);
    ruleset_free(tenant);
    return verdict.action;
}

/* The findings' rules are borrowed from the world, so they are taken over first. */
void apply(struct world *world, const struct lint_finding *finding)
{
    struct lint_fix fix = finding->fix;
    unsigned subject = (unsigned)(finding->rule - world->rules), kept = 0;
    if (fix.expires_at_ms)
        world->rules[subject].expires_at_ms = fix.expires_at_ms;
    for (unsigned i = 0; i < world->count; i++) {
        bool is_removed = false;
        for (unsigned j = 0; j < fix.remove_count; j++)
            is_removed |= strcmp(fix.remove[j], world->rules[i].id) == 0;
        if (!is_removed)
            world->rules[kept++] = world->rules[i];
    }
    world->count = kept;
    for (unsigned i = 0; i < fix.add_count; i++) {
        assert_true(world->count < RULES_MAX);
        struct rule rule = fix.add[i];
        snprintf(world->ids[world->count + 20], sizeof world->ids[0], "S%03u", i);
        rule.id = world->ids[world->count + 20];
        world->rules[world->count++] = rule;
    }
}

int load_numbering(void **state)
{
    (void)state;
    return numbering_builtin(&numbering, NULL);
}

int unload_numbering(void **state)
{
    (void)state;
    numbering_free(numbering);
    return 0;
}
