/* Who counts as told: to whom a notice was sent, not for whom one was written. */
#include "campaign_suite.h"

#include "base/clock.h"
#include "store/outbox.h"

static const struct outbox_claimer node = {"here", "1"};

/* One mail to each tenant but beta, which has no address. */
static int tell(void *context, struct txn *txn, const struct campaign *campaign, const char *tenant,
                const char *const *accounts, unsigned count, bool *ret_is_told, struct err *err)
{
    char about[OUTBOX_ABOUT_BYTES_MAX + 1];
    (void)context, (void)accounts, (void)count;
    *ret_is_told = strcmp(tenant, "beta") != 0;
    if (!*ret_is_told)
        return 0;
    snprintf(about, sizeof about, "campaign:%s", campaign->id);
    const struct outbox_message message = {.tenant = tenant, .key = about, .channel = OUTBOX_MAIL,
                                           .address = "info@example.com", .locale = "en",
                                           .subject = "010", .body = "x", .about = about};
    return outbox_add(txn, &message, NULL, err);
}

static const char *make_told(struct suite *suite)
{
    static const char *const tenants[] = {"acme", "beta", "ceta", "deta"};
    struct campaign_batch batch = {.count = 1};
    struct planned list[5];
    for (unsigned i = 0; i < 4; i++) {
        put_tenant(suite, tenants[i], "open");
        put_account(suite, tenants[i], "1");
        list[i ? i + 1 : 0] = planned(tenants[i], "1");
    }
    put_account(suite, "acme", "2");
    list[1] = planned("acme", "2");
    const char *id = make_plan(suite, CAMPAIGN_OF_ACCOUNTS, list, 5);
    order_campaign(suite, id, CAMPAIGN_NOTIFY);
    struct campaign_run run = take_campaign(suite, run_a);
    while (batch.count)
        OK(store_campaign_notify(suite->store, &run, tell, NULL, &batch, &err));
    OK(store_campaign_finish(suite->store, &run, &err));
    return id;
}

/* To acme it is sent, of ceta it is given up, to deta it still waits. */
static void deliver(struct suite *suite)
{
    struct outbox_message *list;
    unsigned count;
    OK(outbox_claim(suite->store, &node, OUTBOX_MAIL, 10, 60000, &suite->arena, &list, &count,
                    &err));
    assert_int_equal(count, 3);
    for (unsigned i = 0; i < count; i++) {
        enum outbox_state state = strcmp(list[i].tenant, "acme") == 0   ? OUTBOX_SENT
                                  : strcmp(list[i].tenant, "ceta") == 0 ? OUTBOX_GIVEN_UP
                                                                        : OUTBOX_WAITING;
        OK(outbox_settle(suite->store, &node, &list[i], state, clock_now_ms() + 60000, "", &err));
    }
}

static unsigned apply_calmly(struct suite *suite, const char *id, unsigned limit)
{
    const struct campaign_order calm = {.verb = CAMPAIGN_APPLY};
    struct campaign_batch batch = {.count = 1};
    unsigned done = 0;
    struct txn *txn = begin_write(suite);
    OK(store_campaign_order(txn, slice_of(id), &calm, &err));
    commit(txn);
    struct campaign_run run = take_campaign(suite, run_a);
    while (batch.count) {
        OK(store_campaign_apply(suite->store, &run, limit, &batch, &err));
        done += batch.done;
    }
    OK(store_campaign_finish(suite->store, &run, &err));
    return done;
}

static void applied_to_acme_only(struct suite *suite, unsigned limit)
{
    const char *id = make_told(suite);
    deliver(suite);
    assert_int_equal(apply_calmly(suite, id, limit), 2);
    IS(suite, id, "acme", "1", MEMBER_APPLIED, MEMBER_NEVER);
    IS(suite, id, "acme", "2", MEMBER_APPLIED, MEMBER_NEVER);
    IS(suite, id, "beta", "1", MEMBER_SKIPPED, MEMBER_NOT_TOLD);
    IS(suite, id, "ceta", "1", MEMBER_SKIPPED, MEMBER_NOT_TOLD);
    IS(suite, id, "deta", "1", MEMBER_SKIPPED, MEMBER_NOT_TOLD);
    check_counts(suite, id);
    assert_int_equal(work_at(suite, id, CAMPAIGN_APPLY, limit), 3); /* by force */
    assert_string_equal(rules_text(suite, "ceta"), "deny 010@1");
    check_counts(suite, id);
}

static void who_was_sent_a_notice_is_told(void **state)
{
    applied_to_acme_only(*state, 100);
}

static void also_in_small_batches(void **state)
{
    applied_to_acme_only(*state, 1);
}

static void nobody_is_told_before_anything_is_sent(void **state)
{
    struct suite *suite = *state;
    const char *id = make_told(suite);
    assert_int_equal(apply_calmly(suite, id, 100), 0);
    IS(suite, id, "acme", "1", MEMBER_SKIPPED, MEMBER_NOT_TOLD);
    check_counts(suite, id);
}

/* A message about another campaign tells nothing of this one. */
static void each_campaign_tells_for_itself(void **state)
{
    struct suite *suite = *state;
    make_told(suite);
    deliver(suite);
    const char *second = make_told(suite);
    assert_int_equal(apply_calmly(suite, second, 100), 0);
}

/* However long the grace period is: what was sent is known when its date comes, and goes afterwards. */
static void what_was_sent_is_kept_until_it_is_applied(void **state)
{
    struct suite *suite = *state;
    unsigned removed = 1;
    const char *id = make_told(suite);
    deliver(suite);
    OK(outbox_purge(suite->store, clock_now_ms() + 60000, 10, &removed, &err));
    assert_int_equal(removed, 0);
    assert_int_equal(apply_calmly(suite, id, 100), 2);
    OK(outbox_purge(suite->store, clock_now_ms() + 60000, 10, &removed, &err));
    assert_int_equal(removed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(who_was_sent_a_notice_is_told),
        STORE_TEST(also_in_small_batches),
        STORE_TEST(nobody_is_told_before_anything_is_sent),
        STORE_TEST(each_campaign_tells_for_itself),
        STORE_TEST(what_was_sent_is_kept_until_it_is_applied),
    };
    return cmocka_run_group_tests_name("store campaigns, who was told", tests, NULL, NULL);
}
