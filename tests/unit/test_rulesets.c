/* The table of all rulesets: what is published is found, old revisions lose, and readers never see a
 * freed or half-changed ruleset while a writer replaces, adds and removes tenants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "engine/rulesets.h"
#include "random.h"

static struct ruleset *make(const char *tenant, uint64_t revision)
{
    struct ruleset *ruleset;
    struct rule rule = {.id = tenant, .account = "", .divert_to = "", .note = "", .source = "customer"};
    struct ruleset_owner owner = {.tenant = slice_of(tenant), .revision = revision};
    assert_int_equal(target_parse(SLICE_LIT("010"), &rule.target, NULL), 0);
    assert_int_equal(ruleset_new(&owner, &rule, 1, &ruleset, NULL), 0);
    return ruleset;
}

static uint64_t revision_of(const struct rulesets *rulesets, const char *tenant)
{
    rulesets_enter();
    const struct ruleset *found = rulesets_find(rulesets, slice_of(tenant));
    uint64_t revision = found ? ruleset_revision(found) : 0;
    rulesets_leave();
    return revision;
}

static void test_publish_and_remove(void **state)
{
    (void)state;
    struct rulesets *rulesets;
    assert_int_equal(rulesets_new(&rulesets, NULL), 0);
    assert_int_equal(revision_of(rulesets, "acme"), 0);
    assert_int_equal(rulesets_publish(rulesets, make("acme", 5), NULL), 0);
    assert_int_equal(revision_of(rulesets, "acme"), 5);
    assert_int_equal(rulesets_publish(rulesets, make("acme", 4), NULL), 0); /* dropped: older */
    assert_int_equal(revision_of(rulesets, "acme"), 5);
    assert_int_equal(rulesets_publish(rulesets, make("acme", 6), NULL), 0);
    assert_int_equal(revision_of(rulesets, "acme"), 6);
    assert_int_equal(revision_of(rulesets, "acm"), 0);
    assert_int_equal(rulesets_totals(rulesets).tenants, 1);
    rulesets_remove(rulesets, SLICE_LIT("acme"));
    rulesets_remove(rulesets, SLICE_LIT("acme"));
    assert_int_equal(revision_of(rulesets, "acme"), 0);
    assert_int_equal(rulesets_totals(rulesets).tenants, 0);
    assert_int_equal(rulesets_totals(rulesets).rules, 0);
    rulesets_free(rulesets);
}

/* What Redis brings replaces what is older, and nothing else: what was removed stays so. */
static void test_renewal(void **state)
{
    (void)state;
    struct rulesets *rulesets;
    assert_int_equal(rulesets_new(&rulesets, NULL), 0);
    assert_int_equal(rulesets_renew(rulesets, make("acme", 5), 1), RENEWAL_OF_NOBODY);
    assert_int_equal(revision_of(rulesets, "acme"), 0);
    assert_int_equal(rulesets_publish(rulesets, make("acme", 5), NULL), 0);
    assert_int_equal(rulesets_renew(rulesets, make("acme", 5), 1), RENEWAL_IS_OLD);
    assert_int_equal(rulesets_renew(rulesets, make("acme", 4), 1), RENEWAL_IS_OLD);
    assert_int_equal(rulesets_renew(rulesets, make("acme", 6), 1), RENEWED);
    assert_int_equal(revision_of(rulesets, "acme"), 6);
    rulesets_remove(rulesets, SLICE_LIT("acme"));
    assert_int_equal(rulesets_renew(rulesets, make("acme", 7), 1), RENEWAL_OF_NOBODY);
    /* revisions of another history say nothing, nor any while all is loaded again */
    assert_int_equal(rulesets_publish(rulesets, make("zero", 5), NULL), 0);
    rulesets_set_history(rulesets, 1);
    assert_int_equal(rulesets_renew(rulesets, make("zero", 8), 2), RENEWAL_OF_OTHER_HISTORY);
    assert_int_equal(rulesets_renew(rulesets, make("zero", 6), 1), RENEWED);
    rulesets_set_history(rulesets, (uint64_t)HISTORY_NONE);
    assert_int_equal(rulesets_renew(rulesets, make("zero", 9), 1), RENEWAL_OF_OTHER_HISTORY);
    rulesets_set_history(rulesets, 2);
    rulesets_remove(rulesets, SLICE_LIT("zero"));
    /* the platform's: always there */
    assert_int_equal(rulesets_renew(rulesets, make("", 3), 2), RENEWED);
    assert_int_equal(rulesets_renew(rulesets, make("", 2), 2), RENEWAL_IS_OLD);
    assert_int_equal(rulesets_publish(rulesets, make("", 1), NULL), 0);
    assert_int_equal(rulesets_replace(rulesets, make("", 2), NULL), 0);
    rulesets_enter();
    assert_int_equal(ruleset_revision(rulesets_platform(rulesets)), 2);
    rulesets_leave();
    assert_int_equal(rulesets_totals(rulesets).tenants, 0);
    rulesets_free(rulesets);
}

static void test_many_tenants_come_and_go(void **state)
{
    (void)state;
    enum { TENANTS = 3000, STEPS = 30000 };
    static uint64_t expected[TENANTS];
    struct random dice = random_start("rulesets");
    struct rulesets *rulesets;
    char name[16];
    assert_int_equal(rulesets_new(&rulesets, NULL), 0);
    for (unsigned step = 1; step <= STEPS; step++) {
        unsigned tenant = random_below(&dice, TENANTS);
        snprintf(name, sizeof name, "t%u", tenant);
        if (random_below(&dice, 3) == 0) {
            rulesets_remove(rulesets, slice_of(name));
            expected[tenant] = 0;
        } else {
            assert_int_equal(rulesets_publish(rulesets, make(name, step), NULL), 0);
            expected[tenant] = step;
        }
    }
    size_t present = 0;
    for (unsigned tenant = 0; tenant < TENANTS; tenant++) {
        snprintf(name, sizeof name, "t%u", tenant);
        assert_int_equal(revision_of(rulesets, name), expected[tenant]);
        present += expected[tenant] != 0;
    }
    assert_int_equal(rulesets_totals(rulesets).tenants, present);
    rulesets_free(rulesets);
}

enum { SHARED_TENANTS = 40, WRITES = 20000 };

struct race {
    struct rulesets *rulesets;
    atomic_bool stop;
    atomic_ulong reads, wrong;
};

static void *read_all_the_time(void *context)
{
    struct race *race = context;
    uint64_t seen[SHARED_TENANTS] = {0};
    struct random dice = {(uint64_t)(uintptr_t)&seen};
    while (!atomic_load(&race->stop)) {
        char name[16];
        unsigned tenant = random_below(&dice, SHARED_TENANTS);
        snprintf(name, sizeof name, "t%u", tenant);
        rulesets_enter();
        const struct ruleset *found = rulesets_find(race->rulesets, slice_of(name));
        bool is_other = found && !slice_equals_text(ruleset_tenant(found), name);
        bool is_older = found && ruleset_revision(found) < seen[tenant];
        if (found)
            seen[tenant] = ruleset_revision(found);
        rulesets_leave();
        if (is_other || is_older)
            atomic_fetch_add(&race->wrong, 1);
        atomic_fetch_add(&race->reads, 1);
    }
    return NULL;
}

static void test_readers_beside_a_writer(void **state)
{
    (void)state;
    struct race race = {.stop = false};
    pthread_t readers[3];
    struct random dice = random_start("rulesets race");
    assert_int_equal(rulesets_new(&race.rulesets, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, &race), 0);
    for (unsigned write = 1; write <= WRITES; write++) {
        char name[16];
        snprintf(name, sizeof name, "t%u", random_below(&dice, SHARED_TENANTS));
        if (random_below(&dice, 10) == 0)
            rulesets_remove(race.rulesets, slice_of(name));
        else
            assert_int_equal(rulesets_publish(race.rulesets, make(name, write), NULL), 0);
        if (write % 100 == 0) {
            struct numbering *numbering;
            if (write % 5000 == 0 && numbering_builtin(&numbering, NULL) == 0)
                rulesets_set_numbering(race.rulesets, numbering);
            assert_int_equal(rulesets_publish(race.rulesets, make("", write), NULL), 0);
        }
    }
    atomic_store(&race.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(readers[i], NULL);
    assert_true(atomic_load(&race.reads) > 0);
    assert_int_equal(atomic_load(&race.wrong), 0);
    rulesets_free(race.rulesets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish_and_remove),
        cmocka_unit_test(test_renewal),
        cmocka_unit_test(test_many_tenants_come_and_go),
        cmocka_unit_test(test_readers_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
