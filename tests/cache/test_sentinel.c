/* Three Sentinels, a master and its replica: the master is found, and after its death the new
 * one. */
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "cache/redis_connect.h"
#include "node.h"

enum { SENTINELS = 3, PLENTY_MS = 10000 };

/* either may have to follow the other */
#define AS_REPLICA "masteruser replica\nmasterauth secret-replica\n"

static struct redis_server master, replica, sentinels[SENTINELS];
static char url[256];

static int start(void **state)
{
    char more[256];
    (void)state;
    redis_server_start(&master, AS_REPLICA "repl-diskless-sync-delay 0\n");
    snprintf(more, sizeof more, AS_REPLICA "replicaof 127.0.0.1 %u\n", master.port);
    redis_server_start(&replica, more);
    for (int i = 0; i < SENTINELS; i++)
        redis_server_start_sentinel(&sentinels[i], &master, 2);
    snprintf(url, sizeof url,
             "redis+sentinel://sekisho:secret-sekisho@127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/main",
             sentinels[0].port, sentinels[1].port, sentinels[2].port);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < SENTINELS; i++)
        redis_server_end(&sentinels[i]);
    redis_server_end(&replica);
    redis_server_end(&master);
    return 0;
}

/* A number that INFO or SENTINEL tells of the world, from the first Sentinel's view. */
static unsigned known(const char *word)
{
    unsigned count = 0;
    redisReply *reply = redis_server_ask(&sentinels[0], "SENTINEL MASTER main");
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        if (strcmp(reply->element[i]->str, word) == 0)
            count = (unsigned)strtoul(reply->element[i + 1]->str, NULL, 10);
    freeReplyObject(reply);
    return count;
}

static int find(const char *text, struct redis_place *place, struct err *err)
{
    struct redis_url parsed;
    struct redis_link *link = NULL;
    assert_int_equal(redis_url_parse(text, &parsed, err), 0);
    int rc = redis_find(&parsed, PLENTY_MS, place, &link, err);
    redis_link_close(link);
    return rc;
}

static void a_master_that_no_sentinel_knows(void **state)
{
    struct redis_place place;
    struct err err = {0};
    char text[256];
    (void)state;
    snprintf(text, sizeof text, "redis+sentinel://127.0.0.1:%u/other", sentinels[0].port);
    assert_int_equal(find(text, &place, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "knows no master \"other\""));
    snprintf(text, sizeof text, "redis+sentinel://127.0.0.1:%u/main", master.port);
    err = (struct err){0};
    assert_int_equal(find(text, &place, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "--redis: Sentinel 127.0.0.1:"));
    assert_non_null(strstr(err.text, "is not a Sentinel"));
}

/* A frozen Sentinel costs its share of time, then the next is asked. */
static void a_sentinel_that_says_nothing_is_passed_over(void **state)
{
    struct redis_place place;
    struct err err = {0};
    (void)state;
    redis_server_signal(&sentinels[0], SIGSTOP);
    int64_t started_ms = clock_mono_ms();
    int rc = find(url, &place, &err);
    int64_t took_ms = clock_mono_ms() - started_ms;
    redis_server_signal(&sentinels[0], SIGCONT);
    assert_int_equal(rc, 0);
    assert_in_range(took_ms, REDIS_SENTINEL_MS - 1, 5 * REDIS_SENTINEL_MS);
}

static void the_new_master_is_found(void **state)
{
    struct node node;
    struct ruleset *ruleset;
    (void)state;
    node_listen(&node, url);
    node_put(&node, "acme", 1);
    WAIT_FOR(known("num-slaves") == 1 && known("num-other-sentinels") == SENTINELS - 1);
    redis_server_kill(&master);
    WAIT_FOR(!cache_is_listening(node.cache));
    unsigned changes = atomic_load(&node.changes);
    WAIT_FOR(cache_is_listening(node.cache));
    assert_true(atomic_load(&node.changes) > changes);
    node_put(&node, "acme", 2);
    OK(node_get(&node, "acme", PLENTY_MS, &ruleset, &err));
    assert_int_equal(ruleset_revision(ruleset), 2);
    ruleset_free(ruleset);
    assert_int_equal(cache_totals(node.cache).reconnects, 1);

    redisReply *role = redis_server_ask(&replica, "ROLE");
    assert_string_equal(role->element[0]->str, "master");
    freeReplyObject(role);
    node_close(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_master_that_no_sentinel_knows),
        cmocka_unit_test(a_sentinel_that_says_nothing_is_passed_over),
        cmocka_unit_test(the_new_master_is_found),
    };
    return cmocka_run_group_tests(tests, start, end);
}
