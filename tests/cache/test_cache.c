/* Two nodes and a Redis: what one puts the other gets and hears of; what nobody of them put is
 * not believed. */
#include <sodium.h>
#include <unistd.h>

#include "cache/batch.h"
#include "cache/envelope.h"
#include "node.h"

enum { IN_TIME_MS = 10000 }; /* where time is not what is tested */

static struct redis_server server;

static int start(void **state)
{
    (void)state;
    redis_server_start(&server, "");
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_server_end(&server);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    redis_server_do(&server, "FLUSHALL");
    return 0;
}

/* The key of the only ruleset in Redis. */
static void find_key(char key[64])
{
    redisReply *keys = redis_server_ask(&server, "KEYS sk:rules:*");
    assert_int_equal(keys->elements, 1);
    snprintf(key, 64, "%s", keys->element[0]->str);
    freeReplyObject(keys);
}

static void is_not_believed(struct node *node, const char *tenant)
{
    struct ruleset *ruleset = NULL;
    struct err err = {0};
    uint64_t poisoned = cache_totals(node->cache).poisoned;
    assert_int_equal(node_get(node, tenant, IN_TIME_MS, &ruleset, &err), ERR_NOT_FOUND);
    assert_null(ruleset);
    assert_non_null(strstr(err.text, "not believed"));
    assert_int_equal(cache_totals(node->cache).poisoned, poisoned + 1);
}

static void what_one_node_puts_another_gets(void **state)
{
    struct node writer, reader;
    struct ruleset *ruleset;
    (void)state;
    node_open(&writer, server.url, 0);
    node_open(&reader, server.url, 0);
    assert_int_equal(node_get(&reader, "acme", IN_TIME_MS, &ruleset, NULL), ERR_NOT_FOUND);
    node_put(&writer, "acme", 7);
    node_put(&writer, "", 3); /* the platform's */
    OK(node_get(&reader, "acme", IN_TIME_MS, &ruleset, &err));
    assert_int_equal(ruleset_revision(ruleset), 7);
    assert_true(slice_equals_text(ruleset_tenant(ruleset), "acme"));
    ruleset_free(ruleset);
    OK(node_get(&reader, "", IN_TIME_MS, &ruleset, &err));
    assert_int_equal(ruleset_revision(ruleset), 3);
    ruleset_free(ruleset);
    OK(cache_remove(writer.cache, SLICE_LIT("acme"), &err));
    assert_int_equal(node_get(&reader, "acme", IN_TIME_MS, &ruleset, NULL), ERR_NOT_FOUND);

    struct cache_totals totals = cache_totals(reader.cache);
    assert_int_equal(totals.hits, 2);
    assert_int_equal(totals.misses, 2);
    assert_int_equal(totals.errors + totals.poisoned + totals.puts, 0);
    assert_int_equal(cache_totals(writer.cache).puts, 2);
    node_close(&writer);
    node_close(&reader);
}

static void names_are_hashed_and_values_expire(void **state)
{
    struct node node;
    char key[64];
    (void)state;
    node_open(&node, server.url, 5000);
    node_put(&node, "acme", 1);
    find_key(key);
    assert_int_equal(strspn(key + strlen("sk:rules:"), "0123456789abcdef"), 32);
    redisReply *left = redis_server_ask(&server, "PTTL %s", key);
    assert_in_range(left->integer, 1, 5000);
    freeReplyObject(left);
    node_close(&node);
}

static void a_put_is_heard_by_every_node(void **state)
{
    struct node writer, reader;
    struct ruleset *ruleset;
    uint64_t history;
    (void)state;
    node_listen(&writer, server.url);
    node_listen(&reader, server.url);
    uint64_t before = cache_totals(reader.cache).invalidations;
    node_put(&writer, "acme", 8);
    WAIT_FOR(atomic_load(&reader.changes) == 1);
    WAIT_FOR(atomic_load(&writer.changes) == 1);
    /* what is told leads to the ruleset, whose it is stands in it */
    OK(cache_get_named(reader.cache, &reader.edited, clock_mono_ms() + IN_TIME_MS, &ruleset,
                       &history, &err));
    assert_true(slice_equals_text(ruleset_tenant(ruleset), "acme"));
    assert_int_equal(ruleset_revision(ruleset), 8);
    ruleset_free(ruleset);
    OK(cache_remove(writer.cache, SLICE_LIT("acme"), &err));
    WAIT_FOR(atomic_load(&reader.changes) == 2);
    assert_int_equal(cache_totals(reader.cache).invalidations, before + 2);
    assert_int_equal(cache_get_named(reader.cache, &reader.edited, clock_mono_ms() + IN_TIME_MS,
                                     &ruleset, &history, NULL), ERR_NOT_FOUND);
    /* a key that is not ours is not heard of */
    redis_server_do(&server, "SET other:key 1");
    redis_server_do(&server, "FLUSHALL");
    WAIT_FOR(atomic_load(&reader.changes) == 3);
    assert_int_equal(cache_totals(reader.cache).flushes, 1);
    assert_int_equal(cache_totals(reader.cache).invalidations, before + 2);
    assert_int_equal(cache_totals(reader.cache).reconnects, 0);
    node_close(&writer);
    node_close(&reader);
}

/* Many in one round trip; aloud all nodes are told of each, quietly of none. */
static void a_batch_goes_aloud_or_quietly(void **state)
{
    struct node writer, reader;
    struct batch *batch;
    char name[16];
    (void)state;
    node_listen(&writer, server.url);
    node_listen(&reader, server.url);
    OK(batch_new(writer.cache, &batch, &err));
    for (unsigned i = 0; i < BATCH_MAX; i++) {
        assert_false(batch_is_full(batch));
        snprintf(name, sizeof name, "quiet-%u", i);
        struct ruleset *ruleset = small_ruleset(name, 1);
        OK(batch_put(batch, ruleset, 0, false, &err));
        ruleset_free(ruleset);
    }
    assert_true(batch_is_full(batch));
    assert_int_equal(batch_remove(batch, SLICE_LIT("one-more"), true, NULL), ERR_LIMIT);
    OK(batch_send(batch, clock_mono_ms() + IN_TIME_MS, &err));
    assert_int_equal(batch_count(batch), 0);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "loud-%u", i);
        struct ruleset *ruleset = small_ruleset(name, 2);
        OK(batch_put(batch, ruleset, 0, true, &err));
        ruleset_free(ruleset);
    }
    OK(batch_send(batch, clock_mono_ms() + IN_TIME_MS, &err));
    WAIT_FOR(atomic_load(&reader.changes) == 3);
    struct ruleset *ruleset;
    OK(node_get(&reader, "quiet-63", IN_TIME_MS, &ruleset, &err));
    ruleset_free(ruleset);
    OK(node_get(&reader, "loud-2", IN_TIME_MS, &ruleset, &err));
    assert_int_equal(ruleset_revision(ruleset), 2);
    ruleset_free(ruleset);
    assert_int_equal(cache_totals(writer.cache).puts, BATCH_MAX + 3);
    assert_int_equal(atomic_load(&reader.changes), 3);
    batch_free(batch);
    node_close(&writer);
    node_close(&reader);
}

static void notes_are_left_once_and_end(void **state)
{
    struct node one, two;
    char text[CACHE_NOTE_BYTES];
    bool is_put;
    (void)state;
    node_open(&one, server.url, 0);
    node_open(&two, server.url, 0);
    OK(cache_note_get(one.cache, "duty", text, &err));
    assert_string_equal(text, "");
    OK(cache_note_put(one.cache, "duty", "tokyo-1", 60000, true, &is_put, &err));
    assert_true(is_put);
    OK(cache_note_put(two.cache, "duty", "osaka-1", 60000, true, &is_put, &err));
    assert_false(is_put);
    OK(cache_note_get(two.cache, "duty", text, &err));
    assert_string_equal(text, "tokyo-1");
    OK(cache_note_put(two.cache, "duty", "osaka-1", 1, false, &is_put, &err));
    assert_true(is_put);
    WAIT_FOR(cache_note_get(one.cache, "duty", text, NULL) == 0 && !*text);
    OK(cache_note_put(one.cache, "duty", "tokyo-1", 60000, true, NULL, &err));
    OK(cache_note_remove(two.cache, "duty", &err));
    OK(cache_note_get(one.cache, "duty", text, &err));
    assert_string_equal(text, "");
    node_close(&one);
    node_close(&two);
}

static void canaries_alone_change_nothing(void **state)
{
    struct node one, two;
    (void)state;
    node_listen(&one, server.url);
    node_listen(&two, server.url);
    usleep(2500 * 1000); /* some beats of both */
    assert_true(cache_is_listening(one.cache) && cache_is_listening(two.cache));
    assert_int_equal(atomic_load(&one.changes) + atomic_load(&two.changes), 0);
    node_close(&one);
    node_close(&two);
}

/* Another tenant's ruleset under this tenant's key: sealed well, but not what was asked for. */
static void a_foreign_ruleset_is_not_believed(void **state)
{
    struct node node;
    char key[64];
    (void)state;
    node_open(&node, server.url, 0);
    node_put(&node, "acme", 1);
    find_key(key);
    redis_server_do(&server, "DEL %s", key);
    node_put(&node, "evil", 1);
    char foreign[64];
    find_key(foreign);
    redis_server_do(&server, "RENAME %s %s", foreign, key);
    is_not_believed(&node, "acme");
    node_close(&node);
}

static void what_nobody_sealed_is_not_believed(void **state)
{
    struct node node;
    char key[64];
    (void)state;
    node_open(&node, server.url, 0);
    node_put(&node, "acme", 1);
    find_key(key);
    redisReply *value = redis_server_ask(&server, "GET %s", key);

    redis_server_do(&server, "SET %s %b", key, value->str, value->len - 1);
    is_not_believed(&node, "acme");
    redis_server_do(&server, "SET %s %b", key, value->str, (size_t)20);
    is_not_believed(&node, "acme");
    redis_server_do(&server, "SET %s %s", key, "");
    is_not_believed(&node, "acme");
    redis_server_do(&server, "SET %s %s", key, "allow everything");
    is_not_believed(&node, "acme");
    value->str[value->len / 2] ^= 1;
    redis_server_do(&server, "SET %s %b", key, value->str, value->len);
    is_not_believed(&node, "acme");

    value->str[value->len / 2] ^= 1;
    redis_server_do(&server, "SET %s %b", key, value->str, value->len);
    struct ruleset *ruleset;
    OK(node_get(&node, "acme", IN_TIME_MS, &ruleset, &err));
    ruleset_free(ruleset);
    freeReplyObject(value);
    node_close(&node);
}

/* Seals what node_put() would, but at another time and in another layout. */
static void plant(const char *key, int64_t sealed_at_ms, uint32_t layout)
{
    struct ruleset *ruleset = small_ruleset("acme", 1);
    size_t n = envelope_bytes(ruleset);
    unsigned char *sealed = malloc(n);
    envelope_seal(ruleset, node_key, (struct envelope_mark){sealed_at_ms, 0}, sealed);
    memcpy(sealed + 4, &layout, sizeof layout);
    crypto_generichash(sealed + n - ENVELOPE_MAC_BYTES, ENVELOPE_MAC_BYTES, sealed,
                       n - ENVELOPE_MAC_BYTES, node_key, sizeof node_key);
    redis_server_do(&server, "SET %s %b", key, sealed, n);
    free(sealed);
    ruleset_free(ruleset);
}

static void replayed_ones_are_too_old_or_of_another_layout(void **state)
{
    struct node node;
    struct ruleset *ruleset = NULL;
    char key[64];
    const int64_t max_age_ms = 60000, now_ms = clock_now_ms();
    (void)state;
    node_open(&node, server.url, max_age_ms);
    node_put(&node, "acme", 1);
    find_key(key);
    plant(key, now_ms - max_age_ms - 1, RULESET_LAYOUT);
    assert_int_equal(node_get(&node, "acme", IN_TIME_MS, &ruleset, NULL), ERR_NOT_FOUND);
    plant(key, now_ms + 3600 * 1000, RULESET_LAYOUT); /* would live longer than it may */
    assert_int_equal(node_get(&node, "acme", IN_TIME_MS, &ruleset, NULL), ERR_NOT_FOUND);
    plant(key, now_ms, RULESET_LAYOUT - 1);
    assert_int_equal(node_get(&node, "acme", IN_TIME_MS, &ruleset, NULL), ERR_NOT_FOUND);
    assert_int_equal(cache_totals(node.cache).misses, 3);
    assert_null(ruleset);
    plant(key, now_ms, RULESET_LAYOUT); /* it was the time and the layout, then */
    OK(node_get(&node, "acme", IN_TIME_MS, &ruleset, &err));
    ruleset_free(ruleset);
    node_close(&node);
}

static void a_url_that_is_none_is_refused(void **state)
{
    struct cache *cache = NULL;
    struct cache_config config = {.url = "http://127.0.0.1"};
    struct err err = {0};
    (void)state;
    assert_int_equal(cache_open(&config, &cache, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "--redis"));
    assert_null(cache);
}

/* The permissions that an attacker with sekisho's password has. */
static void the_user_may_do_no_more_than_it_needs(void **state)
{
    static const char *const refused[] = {
        "FLUSHALL", "CONFIG GET dir", "EVAL return 0 0", "KEYS *", "GET other", "SET other 1",
        "RENAME sk:a sk:b", "SUBSCRIBE news", "PUBLISH __redis__:invalidate x", "ACL LIST",
        "CLIENT LIST", "CLIENT KILL ID 1", "RESTORE sk:a 0 x", "REPLICAOF NO ONE",
    };
    (void)state;
    redisContext *context = redisConnect("127.0.0.1", (int)server.port);
    redisReply *reply = redisCommand(context, "AUTH sekisho secret-sekisho");
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        reply = redisCommand(context, refused[i]);
        if (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "NOPERM", 6) != 0)
            fail_msg("%s: %s", refused[i], reply->str);
        freeReplyObject(reply);
    }
    redisFree(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_one_node_puts_another_gets, empty),
        cmocka_unit_test_setup(names_are_hashed_and_values_expire, empty),
        cmocka_unit_test_setup(a_put_is_heard_by_every_node, empty),
        cmocka_unit_test_setup(a_batch_goes_aloud_or_quietly, empty),
        cmocka_unit_test_setup(notes_are_left_once_and_end, empty),
        cmocka_unit_test_setup(canaries_alone_change_nothing, empty),
        cmocka_unit_test_setup(a_foreign_ruleset_is_not_believed, empty),
        cmocka_unit_test_setup(what_nobody_sealed_is_not_believed, empty),
        cmocka_unit_test_setup(replayed_ones_are_too_old_or_of_another_layout, empty),
        cmocka_unit_test(a_url_that_is_none_is_refused),
        cmocka_unit_test(the_user_may_do_no_more_than_it_needs),
    };
    return cmocka_run_group_tests(tests, start, end);
}
