/* What the engine reads: all policies, one policy, the change feed, revisions. */
#include "suite.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/clock.h"

static const struct slice acme = {"acme", 4};

/* --- policies --------------------------------------------------------------------------------- */

/* Writes each owner it is given as a line: "acme 3 0 active: deny 010, allow 0101@1001". */
struct seen {
    char text[8192];
    struct buf out;
    unsigned owners;
    int stop_with; /* returned at the second owner */
};

static int see(void *context, const struct tenant *tenant, const struct rule *rules, size_t count,
               struct err *err)
{
    struct seen *seen = context;
    if (++seen->owners == 2 && seen->stop_with)
        return err_set(err, seen->stop_with, "enough");
    buf_printf(&seen->out, "%s%s %llu %s%s:", seen->out.n ? "; " : "",
               tenant->id[0] ? tenant->id : "-", (unsigned long long)tenant->revision,
               tenant->outside_line, tenant->status == TENANT_SUSPENDED ? "!" : "");
    for (size_t i = 0; i < count; i++)
        buf_printf(&seen->out, "%s%s %s%s%s%s", i ? ", " : " ", action_word(rules[i].action),
                   rules[i].target.text, rules[i].is_exact ? "=" : "",
                   rules[i].account[0] ? "@" : "", rules[i].account);
    return 0;
}

static struct seen *new_seen(struct suite *suite)
{
    struct seen *seen = arena_alloc(&suite->arena, sizeof *seen);
    assert_non_null(seen);
    seen->out = BUF_OVER(seen->text);
    return seen;
}

static const char *each_text(struct suite *suite, struct feed_position *ret_position)
{
    struct seen *seen = new_seen(suite);
    OK(store_policy_each(suite->store, see, seen, ret_position, &err));
    assert_false(seen->out.overflowed);
    return seen->text;
}

static const char *one_text(struct suite *suite, const char *tenant)
{
    struct seen *seen = new_seen(suite);
    OK(store_policy_one(suite->store, slice_of(tenant), see, seen, &err));
    struct seen *first = new_seen(suite), *also = new_seen(suite), *none = new_seen(suite);
    struct txn *txn = begin_read(suite); /* several by one look see the same */
    OK(store_policy_in(txn, SLICE_NONE, see, first, &err));
    OK(store_policy_in(txn, slice_of(tenant), see, also, &err));
    FAILS(suite, ERR_NOT_FOUND, store_policy_in(txn, SLICE_LIT("nosuch"), see, none, &err));
    store_rollback(txn);
    assert_string_equal(also->text, seen->text);
    assert_int_equal(none->owners, 0);
    return seen->text;
}

/* From the beginning. */
static const char *whole_feed(struct suite *suite)
{
    struct feed_position position = {0};
    return feed_text(suite, &position, 100);
}

static void a_new_store_has_the_platform(void **state)
{
    struct suite *suite = *state;
    assert_string_equal(each_text(suite, NULL), "- 1 :");
    assert_string_equal(one_text(suite, ""), "- 1 :");
}

static void fill(struct suite *suite)
{
    struct tenant tenant = a_tenant("beta", "open");
    struct rule of_account = a_rule("allow country:US"), exact = a_rule("allow 0312345678");
    struct rule platform = a_rule("deny group:high-risk");
    tenant.status = TENANT_SUSPENDED;
    tenant.outside_line = "0*";
    put_tenant(suite, "zeta", NULL);
    put_tenant(suite, "gone", NULL);
    put_tenant(suite, "acme", NULL);
    put_account(suite, "acme", "1001");
    of_account.account = "1001";
    add_rule(suite, "acme", &of_account);
    exact.is_exact = true;
    add_rule(suite, "acme", &exact);
    struct txn *txn = begin_write(suite);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    commit(txn);
    add_rule(suite, "", &platform);
    delete_tenant(suite, "gone");
}

static void every_owner_comes_once_in_order_with_its_rules(void **state)
{
    struct suite *suite = *state;
    fill(suite);
    assert_string_equal(each_text(suite, NULL),
                        "- 2 : deny group:high-risk; "
                        "acme 4 : deny 010, allow country:US@1001, allow 0312345678=; "
                        "beta 1 0*!:; zeta 1 : deny 010");
}

static void one_owner(void **state)
{
    struct suite *suite = *state;
    struct seen *seen = new_seen(suite);
    struct store *store = suite->store;
    fill(suite);
    assert_string_equal(one_text(suite, "acme"),
                        "acme 4 : deny 010, allow country:US@1001, allow 0312345678=");
    assert_string_equal(one_text(suite, "beta"), "beta 1 0*!:");
    assert_string_equal(one_text(suite, ""), "- 2 : deny group:high-risk");
    FAILS(suite, ERR_NOT_FOUND, store_policy_one(store, SLICE_LIT("gone"), see, seen, &err));
    FAILS(suite, ERR_NOT_FOUND, store_policy_one(store, SLICE_LIT("never"), see, seen, &err));
    FAILS(suite, ERR_NOT_FOUND, store_policy_one(store, SLICE_LIT("\xff"), see, seen, &err));
    assert_int_equal(seen->owners, 0);
}

static int check_fields(void *context, const struct tenant *tenant, const struct rule *rules,
                        size_t count, struct err *err)
{
    (void)err;
    const struct rule *wanted = context;
    if (!tenant->id[0])
        return 0;
    assert_int_equal(count, 1);
    assert_string_equal(rules[0].id, wanted->id);
    assert_int_equal(rules[0].target.type, TARGET_COUNTRY);
    assert_string_equal(rules[0].divert_to, "voicemail");
    assert_string_equal(rules[0].source, "guard");
    assert_true(rules[0].starts_at_ms == wanted->starts_at_ms);
    assert_true(rules[0].expires_at_ms == wanted->expires_at_ms);
    assert_int_equal(rules[0].version, 2);
    return 0;
}

static void rules_carry_what_is_needed_to_compile_and_name_them(void **state)
{
    struct suite *suite = *state;
    struct rule rule = a_rule("divert country:KP");
    rule.source = "guard";
    rule.starts_at_ms = 5;
    rule.expires_at_ms = INT64_C(4102444800000);
    put_tenant(suite, "acme", "open");
    rule.id = add_rule(suite, "acme", &rule);
    OK(store_policy_each(suite->store, check_fields, &rule, NULL, &err));
    OK(store_policy_one(suite->store, acme, check_fields, &rule, &err));
}

static void a_callback_can_end_the_walk(void **state)
{
    struct suite *suite = *state;
    struct seen *seen = new_seen(suite);
    struct feed_position position = {.seq = 99};
    fill(suite);
    seen->stop_with = ERR_NOMEM;
    FAILS(suite, ERR_NOMEM, store_policy_each(suite->store, see, seen, &position, &err));
    assert_int_equal(seen->owners, 2);
    assert_int_equal(position.seq, 99);
    assert_string_equal(suite->err.text, "enough");
    assert_string_equal(one_text(suite, "zeta"), "zeta 1 : deny 010"); /* nothing was left open */
}

static int change_while_walking(void *context, const struct tenant *tenant,
                                const struct rule *rules, size_t count, struct err *err)
{
    struct suite *suite = context;
    (void)rules;
    (void)err;
    if (!tenant->id[0])
        delete_tenant(suite, "zeta"); /* committed while the walk is on its way */
    else if (strcmp(tenant->id, "zeta") == 0)
        assert_int_equal(count, 1);
    return 0;
}

static void the_walk_sees_one_moment(void **state)
{
    struct suite *suite = *state;
    struct feed_position position;
    fill(suite);
    OK(store_policy_each(suite->store, change_while_walking, suite, &position, &err));
    assert_null(strstr(each_text(suite, NULL), "zeta"));
    assert_string_equal(feed_text(suite, &position, 10), "tenant zeta 2"); /* what it did not see */
}

static void many_owners_and_a_large_one(void **state)
{
    struct suite *suite = *state;
    struct seen seen = {.owners = 10}; /* past the second, and its text may overflow */
    char id[RULE_ID_BYTES], text[40];
    struct txn *txn = begin_write(suite);
    seen.out = BUF_OVER(seen.text);
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "t%05d", i);
        struct tenant tenant = a_tenant(text, i % 3 ? "standard" : "open");
        OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "deny 09%05d", i);
        struct rule rule = a_rule(text);
        OK(store_rule_create(txn, SLICE_LIT("t00007"), &rule, id, &err));
    }
    commit(txn);
    struct feed_position position = {0};
    struct feed_row *rows;
    unsigned count, sum = 0;
    OK(store_policy_each(suite->store, see, &seen, NULL, &err));
    assert_int_equal(seen.owners, 10 + 3001);
    do { /* a row for each of them in one commit, in pages */
        OK(store_feed_since(suite->store, &position, 700, &suite->arena, &rows, &count, &err));
        sum += count;
    } while (count == 700);
    assert_int_equal(sum, 3000);
}

/* --- feed ------------------------------------------------------------------------------------- */

static void revoke(struct suite *suite, const char *jti)
{
    struct revocation revocation = {.jti = jti, .note = ""};
    struct txn *txn = begin_write(suite);
    OK(store_revocation_put(txn, &revocation, NULL, &err));
    commit(txn);
}

static void a_follower_sees_each_commit_once(void **state)
{
    struct suite *suite = *state;
    struct feed_position position, other;
    struct rule rule = a_rule("deny 0101876");
    each_text(suite, &position);
    assert_string_equal(feed_text(suite, &position, 10), "");
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    assert_string_equal(feed_text(suite, &position, 10), "tenant acme 1; tenant beta 1");
    assert_string_equal(feed_text(suite, &position, 10), "");
    each_text(suite, &other); /* begins here */
    add_rule(suite, "", &rule);
    revoke(suite, "01TOKEN");
    assert_string_equal(feed_text(suite, &position, 10), "platform  2; token 01TOKEN 0");
    assert_string_equal(feed_text(suite, &other, 10), "platform  2; token 01TOKEN 0");
    assert_string_equal(feed_text(suite, &position, 10), "");
    assert_string_equal(whole_feed(suite),
                        "tenant acme 1; tenant beta 1; platform  2; token 01TOKEN 0");
}

static void a_follower_reads_in_pages(void **state)
{
    struct suite *suite = *state;
    struct feed_position position;
    struct tenant b = a_tenant("b", NULL), c = a_tenant("c", NULL), d = a_tenant("d", NULL);
    each_text(suite, &position);
    put_tenant(suite, "a", NULL);
    struct txn *txn = begin_write(suite); /* pages end within a commit, too */
    OK(store_tenant_put(txn, &b, NULL, NULL, &err));
    OK(store_tenant_put(txn, &c, NULL, NULL, &err));
    OK(store_tenant_put(txn, &d, NULL, NULL, &err));
    commit(txn);
    assert_string_equal(feed_text(suite, &position, 2), "tenant a 1; tenant b 1");
    put_tenant(suite, "e", NULL);
    put_account(suite, "a", "1001"); /* behind the follower, so it comes again */
    assert_string_equal(feed_text(suite, &position, 2), "tenant c 1; tenant d 1");
    assert_string_equal(feed_text(suite, &position, 2), "tenant e 1; tenant a 2");
    assert_string_equal(feed_text(suite, &position, 2), ""); /* the end of the round, */
    assert_string_equal(feed_text(suite, &position, 9), "tenant e 1; tenant a 2"); /* begun before these */
    assert_string_equal(feed_text(suite, &position, 9), "");
}

static void a_follower_is_told_of_a_tenant_once(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    put_account(suite, "acme", "1001");
    put_account(suite, "acme", "1002");
    assert_string_equal(whole_feed(suite), "tenant beta 1; tenant acme 3");
    delete_tenant(suite, "beta");
    assert_string_equal(whole_feed(suite), "tenant acme 3; tenant beta 2");
}

static void a_commit_of_many_tenants_has_a_row_for_each(void **state)
{
    struct suite *suite = *state;
    struct tenant acme_ = a_tenant("acme", NULL), beta = a_tenant("beta", NULL);
    struct account account = an_account("acme", "1001");
    struct txn *txn = begin_write(suite);
    OK(store_tenant_put(txn, &beta, NULL, NULL, &err));
    OK(store_tenant_put(txn, &acme_, NULL, NULL, &err));
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    assert_true(commit(txn) > 0);
    assert_string_equal(whole_feed(suite), "tenant beta 1; tenant acme 1");
}

static void what_changes_nothing_has_no_row(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", NULL);
    struct txn *txn = begin_write(suite);
    struct tenant tenant = a_tenant("beta", NULL);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    store_rollback(txn);
    txn = begin_write(suite);
    assert_int_equal(commit(txn), 0);
    txn = begin_read(suite);
    assert_int_equal(commit(txn), 0);
    assert_string_equal(whole_feed(suite), "tenant acme 1");
}

/*
 * Two transactions, the one that began later commits first, and a follower looks in between: it must
 * learn of both. (Where writers take turns the first one's commit comes first, and it must all the same.)
 */
static void commits_out_of_order_are_not_missed(void **state)
{
    struct suite *suite = *state;
    struct feed_position position;
    struct tenant early = a_tenant("early", NULL), late = a_tenant("late", NULL);
    bool take_turns = strncmp(suite->url, "sqlite:", 7) == 0; /* numbers that cross: test_postgres.c */
    each_text(suite, &position);
    struct txn *first = begin_write(suite);
    OK(store_tenant_put(first, &early, NULL, NULL, &err));
    if (take_turns)
        commit(first);
    struct txn *second = begin_write(suite);
    OK(store_tenant_put(second, &late, NULL, NULL, &err));
    commit(second);
    const char *seen = feed_text(suite, &position, 10);
    assert_non_null(strstr(seen, "tenant late 1"));
    assert_int_equal(strstr(seen, "tenant early 1") != NULL, take_turns);
    if (!take_turns) {
        commit(first);
        assert_non_null(strstr(feed_text(suite, &position, 10), "tenant early 1"));
    }
    assert_string_equal(feed_text(suite, &position, 10), "");
    put_tenant(suite, "next", NULL);
    assert_string_equal(feed_text(suite, &position, 10), "tenant next 1");
}

static void another_history_is_noticed(void **state)
{
    struct suite *suite = *state;
    struct feed_position position;
    struct feed_row *rows;
    unsigned count;
    put_tenant(suite, "acme", NULL);
    each_text(suite, &position);
    struct feed_position taken_over = position, restored = position;
    taken_over.history++;
    restored.seq += 1000000;
    FAILS(suite, ERR_STALE, store_feed_since(suite->store, &taken_over, 10, &suite->arena, &rows,
                                             &count, &err));
    FAILS(suite, ERR_STALE, store_feed_since(suite->store, &restored, 10, &suite->arena, &rows,
                                             &count, &err));
    assert_string_equal(feed_text(suite, &position, 10), "");
}

static void *interrupt_soon(void *context)
{
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    store_feed_interrupt(context);
    return NULL;
}

static void waiting_ends_with_the_time_or_when_wanted_back(void **state)
{
    struct suite *suite = *state;
    pthread_t thread;
    store_feed_wait(suite->store, 0); /* the first one may connect, and say that it did */
    int64_t start_ms = clock_mono_ms();
    store_feed_wait(suite->store, 100);
    assert_in_range(clock_mono_ms() - start_ms, 95, 5000);
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, suite->store), 0);
    start_ms = clock_mono_ms();
    store_feed_wait(suite->store, 60000);
    assert_in_range(clock_mono_ms() - start_ms, 0, 20000);
    pthread_join(thread, NULL);
}

/* --- revisions -------------------------------------------------------------------------------- */

static void a_revision_grows_once_a_commit_and_versions_are_it(void **state)
{
    struct suite *suite = *state;
    struct tenant tenant = a_tenant("acme", NULL);
    struct account account = an_account("acme", "1001");
    struct rule rule = a_rule("deny 0990");
    char id[RULE_ID_BYTES];
    uint64_t seen = 0;
    put_tenant(suite, "acme", NULL);
    struct txn *txn = begin_write(suite);
    tenant.name = "x";
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    OK(store_rule_create(txn, acme, &rule, id, &err));
    OK(store_revision(txn, acme, &seen, &err));
    assert_int_equal(seen, 2); /* the writer sees the revision it is making */
    assert_int_equal(revision(suite, "acme"), 1);
    commit(txn);
    assert_int_equal(revision(suite, "acme"), 2);
    assert_int_equal(get_tenant(suite, "acme").version, 2);
    assert_int_equal(get_rule(suite, "acme", id).version, 2);
    assert_int_equal(revision(suite, "never"), 0);
    assert_int_equal(revision(suite, "not a slug"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_new_store_has_the_platform),
        STORE_TEST(every_owner_comes_once_in_order_with_its_rules),
        STORE_TEST(one_owner),
        STORE_TEST(rules_carry_what_is_needed_to_compile_and_name_them),
        STORE_TEST(a_callback_can_end_the_walk),
        STORE_TEST(the_walk_sees_one_moment),
        STORE_TEST(many_owners_and_a_large_one),
        STORE_TEST(a_follower_sees_each_commit_once),
        STORE_TEST(a_follower_reads_in_pages),
        STORE_TEST(a_follower_is_told_of_a_tenant_once),
        STORE_TEST(a_commit_of_many_tenants_has_a_row_for_each),
        STORE_TEST(what_changes_nothing_has_no_row),
        STORE_TEST(commits_out_of_order_are_not_missed),
        STORE_TEST(another_history_is_noticed),
        STORE_TEST(waiting_ends_with_the_time_or_when_wanted_back),
        STORE_TEST(a_revision_grows_once_a_commit_and_versions_are_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
