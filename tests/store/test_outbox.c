/* The outbox: a message is added once, has one sender at a time, and is never lost. */
#include "suite.h"

#include "base/clock.h"
#include "store/outbox.h"
#include "store/txn.h" /* to make rows older than they are */

static const int64_t minute_ms = INT64_C(60000);
static const struct outbox_claimer one = {"node-1", "R1"}, other = {"node-2", "R2"};

static struct outbox_message a_message(const char *tenant, const char *key)
{
    return (struct outbox_message){.tenant = tenant,
                                   .key = key,
                                   .channel = OUTBOX_MAIL,
                                   .address = "info@example.com",
                                   .locale = "ja",
                                   .subject = "国際発信の停止について",
                                   .body = "本文\n二行目\n",
                                   .about = "campaign:01KAKM3Z5Q8H4V0XJ6S2M9C7RT"};
}

static bool add(struct suite *suite, const struct outbox_message *message)
{
    bool is_added = false;
    struct txn *txn = begin_write(suite);
    OK(outbox_add(txn, message, &is_added, &err));
    commit(txn);
    return is_added;
}

static void add_one(struct suite *suite, const char *key)
{
    struct outbox_message message = a_message("acme", key);
    assert_true(add(suite, &message));
}

static unsigned claim(struct suite *suite, const struct outbox_claimer *who, unsigned limit,
                      struct outbox_message **ret)
{
    unsigned count = 99;
    OK(outbox_claim(suite->store, who, OUTBOX_MAIL, limit, minute_ms, &suite->arena, ret, &count,
                    &err));
    return count;
}

static struct outbox_message *claim_one(struct suite *suite, const struct outbox_claimer *who)
{
    struct outbox_message *messages = NULL;
    assert_int_equal(claim(suite, who, 1, &messages), 1);
    return messages;
}

static unsigned list(struct suite *suite, struct outbox_filter filter, struct outbox_message **ret)
{
    unsigned count = 0;
    struct txn *txn = begin_read(suite);
    OK(outbox_list(txn, &filter, ALL_ROWS, &suite->arena, ret, &count, &err));
    store_rollback(txn);
    return count;
}

static struct outbox_message only(struct suite *suite)
{
    struct outbox_message *messages;
    assert_int_equal(list(suite, (struct outbox_filter){.state = -1}, &messages), 1);
    return messages[0];
}

static void settle(struct suite *suite, const struct outbox_message *message,
                   enum outbox_state state, int64_t due_at_ms, const char *why)
{
    OK(outbox_settle(suite->store, &one, message, state, due_at_ms, why, &err));
}

/* As if everything had happened `ms` earlier. */
static void age(struct suite *suite, int64_t ms)
{
    struct txn *txn = begin_write(suite);
    OK(txn_scope_everybody(txn, &err));
    OK(txn_exec(txn,
                "UPDATE outbox SET due_at_ms = due_at_ms - $1, updated_at_ms = updated_at_ms - $1",
                SQL_VALUES(sql_int(ms)), &err));
    commit(txn);
}

/* --- adding --------------------------------------------------------------------------------- */

static void a_message_is_kept_as_it_was_given(void **state)
{
    struct suite *suite = *state;
    int64_t before_ms = clock_now_ms();
    add_one(suite, "k1");
    suite_reopen(suite);
    struct outbox_message kept = only(suite);
    assert_string_equal(kept.tenant, "acme");
    assert_string_equal(kept.key, "k1");
    assert_true(ulid_is_valid(slice_of(kept.id)));
    assert_true(kept.channel == OUTBOX_MAIL && kept.state == OUTBOX_WAITING);
    assert_string_equal(kept.address, "info@example.com");
    assert_string_equal(kept.locale, "ja");
    assert_string_equal(kept.subject, "国際発信の停止について");
    assert_string_equal(kept.body, "本文\n二行目\n");
    assert_string_equal(kept.about, "campaign:01KAKM3Z5Q8H4V0XJ6S2M9C7RT");
    assert_string_equal(kept.last_error, "");
    assert_true(kept.attempts == 0 && kept.due_at_ms >= before_ms);
}

static void the_same_key_adds_nothing(void **state)
{
    struct suite *suite = *state;
    struct outbox_message again = a_message("acme", "k1"), elsewhere = a_message("beta", "k1");
    add_one(suite, "k1");
    again.body = "another text";
    assert_false(add(suite, &again));
    assert_string_equal(only(suite).body, "本文\n二行目\n");
    assert_true(add(suite, &elsewhere));
}

static void what_is_rolled_back_is_not_told(void **state)
{
    struct suite *suite = *state;
    struct outbox_message message = a_message("acme", "k1"), *messages;
    struct txn *txn = begin_write(suite);
    OK(outbox_add(txn, &message, NULL, &err));
    store_rollback(txn);
    assert_int_equal(list(suite, (struct outbox_filter){.state = -1}, &messages), 0);
}

static void refuse(struct suite *suite, int code, struct outbox_message message)
{
    struct txn *txn = begin_write(suite);
    FAILS(suite, code, outbox_add(txn, &message, NULL, &err));
    commit(txn); /* the transaction goes on */
}

static void addresses_are_looked_at(void **state)
{
    static const char *const bad_mails[] = {
        "", "info", "@example.com", "info@", "a@b@example.com", "a b@example.com", "-f@example.com",
        "a@example.com\r\nRCPT TO:<b@example.com>", "a@example.com\n", "<a@example.com>",
        "a@example.com,b@example.com", "\"a b\"@example.com", "a@exa_mple.com", "あ@example.com",
        "a@[127.0.0.1]"};
    static const char *const bad_urls[] = {"", "ftp://example.com/", "javascript:alert(1)",
                                           "//example.com/", "https://example.com/a b",
                                           "https://example.com/\r\nX: y", "https://例え.jp/"};
    struct suite *suite = *state;
    for (unsigned i = 0; i < sizeof bad_mails / sizeof *bad_mails; i++) {
        struct outbox_message message = a_message("acme", "k1");
        message.address = bad_mails[i];
        refuse(suite, ERR_INVALID, message);
    }
    for (unsigned i = 0; i < sizeof bad_urls / sizeof *bad_urls; i++) {
        struct outbox_message message = a_message("acme", "k1");
        message.channel = OUTBOX_WEBHOOK;
        message.address = bad_urls[i];
        refuse(suite, ERR_INVALID, message);
    }
    assert_null(outbox_address_fault(OUTBOX_MAIL, SLICE_LIT("o'brien+call.010@mail.example.co.jp")));
    assert_null(outbox_address_fault(OUTBOX_WEBHOOK, SLICE_LIT("https://example.com:8443/in?x=1")));
}

static void texts_have_limits_and_no_control_characters(void **state)
{
    struct suite *suite = *state;
    char *long_text = arena_alloc(&suite->arena, OUTBOX_BODY_BYTES_MAX + 2);
    struct outbox_message message = a_message("acme", "k1");
    assert_non_null(long_text);
    memset(long_text, 'a', OUTBOX_BODY_BYTES_MAX + 1);
    message.body = long_text;
    refuse(suite, ERR_LIMIT, message);
    long_text[OUTBOX_BODY_BYTES_MAX] = '\0';
    assert_true(add(suite, &message));

    message = a_message("acme", "k2");
    message.subject = "Hello\r\nBcc: all@example.com";
    refuse(suite, ERR_INVALID, message);
    message = a_message("acme", "k2");
    message.body = "a\rb";
    refuse(suite, ERR_INVALID, message);
    message = a_message("acme", "k2");
    message.subject = "\xff";
    refuse(suite, ERR_INVALID, message);
    message = a_message("No Tenant", "k2");
    refuse(suite, ERR_INVALID, message);
    message = a_message("acme", "");
    refuse(suite, ERR_INVALID, message);
}

static void a_tenant_cannot_fill_the_outbox(void **state)
{
    struct suite *suite = *state;
    char key[16];
    struct outbox_message message = a_message("acme", key), others = a_message("beta", "k");
    struct txn *txn = begin_write(suite);
    for (int i = 0; i < OUTBOX_OPEN_MAX; i++) {
        snprintf(key, sizeof key, "k%d", i);
        OK(outbox_add(txn, &message, NULL, &err));
    }
    snprintf(key, sizeof key, "more");
    FAILS(suite, ERR_LIMIT, outbox_add(txn, &message, NULL, &err));
    OK(outbox_add(txn, &others, NULL, &err));
    commit(txn);
}

/* --- sending -------------------------------------------------------------------------------- */

static void a_claim_is_one_nodes(void **state)
{
    struct suite *suite = *state;
    struct outbox_message *messages;
    for (int i = 0; i < 3; i++)
        add_one(suite, (const char *[]){"a", "b", "c"}[i]);
    assert_int_equal(claim(suite, &one, 2, &messages), 2);
    assert_true(messages[0].state == OUTBOX_SENDING && messages[0].attempts == 1);
    assert_string_equal(messages[0].body, "本文\n二行目\n");
    assert_int_equal(claim(suite, &other, 5, &messages), 1);
    assert_int_equal(claim(suite, &other, 5, &messages), 0);
}

static void channels_have_their_own_senders(void **state)
{
    struct suite *suite = *state;
    unsigned count;
    struct outbox_message *messages, message = a_message("acme", "k1");
    message.channel = OUTBOX_WEBHOOK;
    message.address = "https://example.com/hook";
    assert_true(add(suite, &message));
    assert_int_equal(claim(suite, &one, 5, &messages), 0);
    OK(outbox_claim(suite->store, &one, OUTBOX_WEBHOOK, 5, minute_ms, &suite->arena, &messages,
                    &count, &err));
    assert_int_equal(count, 1);
    assert_true(messages[0].channel == OUTBOX_WEBHOOK);
}

static void what_was_sent_is_not_sent_again(void **state)
{
    struct suite *suite = *state;
    struct outbox_message *messages;
    add_one(suite, "k1");
    settle(suite, claim_one(suite, &one), OUTBOX_SENT, 0, "");
    age(suite, 60 * minute_ms);
    assert_int_equal(claim(suite, &one, 5, &messages), 0);
    assert_true(only(suite).state == OUTBOX_SENT);
}

static void what_failed_waits_for_its_time(void **state)
{
    struct suite *suite = *state;
    struct outbox_message *messages;
    add_one(suite, "k1");
    const char *id = only(suite).id;
    settle(suite, claim_one(suite, &one), OUTBOX_WAITING, clock_now_ms() + minute_ms,
           "450 try later");
    assert_string_equal(only(suite).last_error, "450 try later");
    assert_int_equal(claim(suite, &one, 5, &messages), 0);
    age(suite, 2 * minute_ms);
    messages = claim_one(suite, &other);
    assert_int_equal(messages->attempts, 2);
    assert_string_equal(messages->id, id);
    OK(outbox_settle(suite->store, &other, messages, OUTBOX_GIVEN_UP, 0, "550 no such user", &err));
    age(suite, 2 * minute_ms);
    assert_int_equal(claim(suite, &one, 5, &messages), 0);
    assert_true(only(suite).state == OUTBOX_GIVEN_UP);
}

static void who_slept_through_the_lease_settles_nothing(void **state)
{
    struct suite *suite = *state;
    add_one(suite, "k1");
    struct outbox_message *slow = claim_one(suite, &one), *quick;
    age(suite, 2 * minute_ms);
    quick = claim_one(suite, &other);
    assert_string_equal(quick->id, slow->id);
    FAILS(suite, ERR_STALE,
          outbox_settle(suite->store, &one, slow, OUTBOX_WAITING, 0, "late", &err));
    OK(outbox_settle(suite->store, &other, quick, OUTBOX_SENT, 0, "", &err));
    FAILS(suite, ERR_STALE,
          outbox_settle(suite->store, &one, slow, OUTBOX_WAITING, 0, "late", &err));
    assert_true(only(suite).state == OUTBOX_SENT);
}

static void a_node_that_starts_again_takes_up_its_claims(void **state)
{
    struct suite *suite = *state;
    const struct outbox_claimer again = {"node-1", "R3"}, likewise = {"node-10", "R4"};
    struct outbox_message *messages;
    add_one(suite, "k1");
    claim_one(suite, &one);
    OK(outbox_release(suite->store, &one, &err)); /* its own run's: not left behind */
    OK(outbox_release(suite->store, &likewise, &err));
    assert_int_equal(claim(suite, &again, 5, &messages), 0);
    OK(outbox_release(suite->store, &again, &err));
    assert_int_equal(claim_one(suite, &again)->attempts, 2);
}

static void errors_are_cut_between_characters(void **state)
{
    struct suite *suite = *state;
    char why[2 * OUTBOX_ERROR_BYTES_MAX];
    for (size_t i = 0; i + 3 < sizeof why; i += 3)
        memcpy(why + i, "失", 4);
    memmove(why + 1, why, sizeof why - 4);
    why[0] = 'x';
    why[sizeof why - 5] = '\0';
    add_one(suite, "k1");
    settle(suite, claim_one(suite, &one), OUTBOX_GIVEN_UP, 0, why);
    assert_in_range(strlen(only(suite).last_error), OUTBOX_ERROR_BYTES_MAX - 3,
                    OUTBOX_ERROR_BYTES_MAX);
}

/* --- keeping -------------------------------------------------------------------------------- */

static void old_ones_go_but_never_those_that_wait(void **state)
{
    struct suite *suite = *state;
    unsigned removed = 0;
    add_one(suite, "sent");
    settle(suite, claim_one(suite, &one), OUTBOX_SENT, 0, "");
    add_one(suite, "given up");
    settle(suite, claim_one(suite, &one), OUTBOX_GIVEN_UP, 0, "no");
    add_one(suite, "waiting");
    OK(outbox_purge(suite->store, clock_now_ms() - minute_ms, 10, &removed, &err));
    assert_int_equal(removed, 0);
    age(suite, 2 * minute_ms);
    OK(outbox_purge(suite->store, clock_now_ms() - minute_ms, 1, &removed, &err));
    assert_int_equal(removed, 1);
    OK(outbox_purge(suite->store, clock_now_ms() - minute_ms, 10, &removed, &err));
    assert_int_equal(removed, 1);
    assert_string_equal(only(suite).key, "waiting");
}

static void a_deleted_tenant_is_told_nothing(void **state)
{
    struct suite *suite = *state;
    struct outbox_message *messages;
    put_tenant(suite, "acme", NULL);
    add_one(suite, "k1");
    delete_tenant(suite, "acme");
    assert_int_equal(claim(suite, &one, 5, &messages), 0);
    struct outbox_message kept = only(suite);
    assert_true(kept.state == OUTBOX_GIVEN_UP);
    assert_string_equal(kept.last_error, "the tenant was deleted");
}

static void people_can_have_it_tried_again(void **state)
{
    struct suite *suite = *state;
    add_one(suite, "k1");
    struct outbox_message *message = claim_one(suite, &one);
    struct txn *txn = begin_write(suite);
    OK(outbox_retry(txn, slice_of(message->id), &err)); /* somebody is at it */
    commit(txn);
    assert_true(only(suite).state == OUTBOX_SENDING);
    assert_int_equal(audit_count(suite), 0);
    settle(suite, message, OUTBOX_GIVEN_UP, 0, "no");

    txn = begin_write(suite);
    OK(outbox_retry(txn, slice_of(message->id), &err));
    FAILS(suite, ERR_NOT_FOUND, outbox_retry(txn, SLICE_LIT("nothing"), &err));
    FAILS(suite, ERR_NOT_FOUND,
          outbox_retry(txn, SLICE_LIT("01KAKM3Z5Q8H4V0XJ6S2M9C7RT"), &err));
    commit(txn);
    assert_true(only(suite).state == OUTBOX_WAITING && only(suite).attempts == 0);
    assert_string_equal(last_audit(suite).action, "outbox.retry");
    assert_string_equal(last_audit(suite).object, message->id);
    assert_string_equal(claim_one(suite, &one)->id, message->id);
}

static void lists_are_by_tenant_state_and_matter(void **state)
{
    struct suite *suite = *state;
    struct outbox_message *messages, message = a_message("beta", "k1");
    struct outbox_counts counts;
    add_one(suite, "k1");
    settle(suite, claim_one(suite, &one), OUTBOX_SENT, 0, "");
    add_one(suite, "k2");
    message.about = "campaign:other";
    assert_true(add(suite, &message));

    struct slice about = slice_of(a_message("acme", "").about);
    assert_int_equal(list(suite, (struct outbox_filter){.state = -1}, &messages), 3);
    assert_string_equal(messages[2].tenant, "beta");
    assert_int_equal(list(suite, (struct outbox_filter){.state = OUTBOX_SENT}, &messages), 1);
    assert_int_equal(list(suite, (struct outbox_filter){SLICE_LIT("acme"), SLICE_NONE, -1}, &messages),
                     2);
    assert_int_equal(list(suite, (struct outbox_filter){SLICE_LIT("acme"), SLICE_NONE, OUTBOX_WAITING},
                          &messages), 1);
    assert_int_equal(list(suite, (struct outbox_filter){SLICE_NONE, about, -1}, &messages), 2);
    assert_int_equal(list(suite, (struct outbox_filter){SLICE_LIT("beta"), about, -1}, &messages), 0);
    assert_int_equal(list(suite, (struct outbox_filter){SLICE_NONE, about, OUTBOX_SENT}, &messages), 1);

    struct txn *txn = begin_read(suite);
    OK(outbox_get(txn, slice_of(messages[0].id), &suite->arena, &message, &err));
    assert_string_equal(message.key, "k1");
    FAILS(suite, ERR_NOT_FOUND, outbox_get(txn, SLICE_LIT("x"), &suite->arena, &message, &err));
    OK(outbox_count(txn, about, &counts, &err));
    assert_true(counts.of[OUTBOX_SENT] == 1 && counts.of[OUTBOX_WAITING] == 1);
    OK(outbox_count(txn, SLICE_NONE, &counts, &err));
    assert_true(counts.of[OUTBOX_SENT] == 0 && counts.of[OUTBOX_WAITING] == 2);
    store_rollback(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_message_is_kept_as_it_was_given),
        STORE_TEST(the_same_key_adds_nothing),
        STORE_TEST(what_is_rolled_back_is_not_told),
        STORE_TEST(addresses_are_looked_at),
        STORE_TEST(texts_have_limits_and_no_control_characters),
        STORE_TEST(a_tenant_cannot_fill_the_outbox),
        STORE_TEST(a_claim_is_one_nodes),
        STORE_TEST(channels_have_their_own_senders),
        STORE_TEST(what_was_sent_is_not_sent_again),
        STORE_TEST(what_failed_waits_for_its_time),
        STORE_TEST(who_slept_through_the_lease_settles_nothing),
        STORE_TEST(a_node_that_starts_again_takes_up_its_claims),
        STORE_TEST(errors_are_cut_between_characters),
        STORE_TEST(old_ones_go_but_never_those_that_wait),
        STORE_TEST(a_deleted_tenant_is_told_nothing),
        STORE_TEST(people_can_have_it_tried_again),
        STORE_TEST(lists_are_by_tenant_state_and_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
