#include "engine/node.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/version.h"
#include "engine/feed.h"
#include "engine/node_watch.h"
#include "engine/rulesets.h"

enum {
    BEAT_MS = 1000,
    BEAT_APART_MS = 20, /* at least, however often the feed moves: each is a commit */
    ARENA_BYTES = 1 << 20,
};

struct node {
    struct node_config config;
    struct store *store;
    struct rulesets *rulesets;
    struct feed *feed;
    char run[ULID_BYTES];
    int64_t started_at_ms;

    /* of the heartbeat thread alone, after the first beat */
    bool has_beaten; /* so the row is ours, and we notice when it is not */
    bool has_warned, numbering_differs, clock_differs;
    int last_rc;

    atomic_bool keys_agree; /* seen to; never taken back */
    atomic_bool keys_differ;
    atomic_bool is_name_taken;
    _Atomic int64_t beat_at_ms; /* monotonic; 0: never */

    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool has_moved, is_stopping;
    struct node_watch watch;
};

bool node_name_is_valid(struct slice name)
{
    static const char alnum[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (name.n == 0 || name.n >= NODE_NAME_BYTES || !memchr(alnum, name.p[0], sizeof alnum - 1))
        return false;
    for (size_t i = 1; i < name.n; i++)
        if (!memchr(alnum, name.p[i], sizeof alnum - 1) && !memchr("._-", name.p[i], 3))
            return false;
    return true;
}

bool node_is_self(const struct node *node, const struct node_row *row)
{
    return strcmp(row->run, node->run) == 0;
}

bool node_is_lost(struct node *node, const struct node_row *row)
{
    pthread_mutex_lock(&node->lock);
    bool is_lost = node_watch_is_lost(&node->watch, row, clock_mono_ms());
    pthread_mutex_unlock(&node->lock);
    return is_lost;
}

bool node_keys_agree(const struct node *node)
{
    return !atomic_load(&node->keys_differ);
}

bool node_has_name(const struct node *node)
{
    return !atomic_load(&node->is_name_taken);
}

bool node_has_beaten(const struct node *node)
{
    int64_t beat_at_ms = atomic_load(&node->beat_at_ms);
    return beat_at_ms && clock_mono_ms() - beat_at_ms <= NODE_LOST_MS;
}

/* --- looking at the others ------------------------------------------------------------------ */

/* A living node, found to have the right keys, that has others than we. */
static const struct node_row *find_stranger(struct node *node, const struct node_row *rows,
                                            unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct node_row *row = &rows[i];
        if (row->keys_agree && strcmp(row->name, node->config.name) != 0 &&
            strcmp(row->key_fingerprint, node->config.key_fingerprint) != 0 &&
            !node_is_lost(node, row))
            return row;
    }
    return NULL;
}

static void judge_keys(struct node *node, const struct node_row *rows, unsigned count)
{
    const struct node_row *stranger = find_stranger(node, rows, count);
    bool agreed = atomic_load(&node->keys_agree);
    if (stranger && !node->has_warned)
        log_error("keys_differ",
                  "node=%s keys=%.12s other=%s other_keys=%.12s hint=\"each refuses tokens that "
                  "the other takes: give all nodes the same --keys folder and restart %s\"",
                  node->config.name, node->config.key_fingerprint, stranger->name,
                  stranger->key_fingerprint, agreed ? "those that differ" : "this one");
    if (!stranger && node->has_warned)
        log_info("keys_agree", "node=%s keys=%.12s", node->config.name,
                 node->config.key_fingerprint);
    node->has_warned = stranger != NULL;
    if (!stranger)
        atomic_store(&node->keys_agree, true);
    atomic_store(&node->keys_differ, stranger && !agreed);
}

/*
 * A restored database has rows of runs that are over; such a one is not whom our name belongs to.
 */
static void judge_name(struct node *node, const struct node_row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(rows[i].name, node->config.name) == 0 && !node_is_self(node, &rows[i]) &&
            node_is_lost(node, &rows[i]))
            node->has_beaten = false;
}

/* A node that was killed, seen silent for long by this one. */
static void forget_silent(struct node *node, const struct node_row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pthread_mutex_lock(&node->lock);
        bool is_over = node_watch_is_over(&node->watch, &rows[i], clock_mono_ms());
        pthread_mutex_unlock(&node->lock);
        if (is_over && !node_is_self(node, &rows[i]) && !store_node_forget(node->store, &rows[i], NULL))
            log_info("node_forgotten", "node=%s", rows[i].name);
    }
}

/* Numbers are read by these data on every node: two that differ give two answers to one call. */
static void judge_numbering(struct node *node, const struct node_row *rows, unsigned count)
{
    char data[NUMBERING_FINGERPRINT_BYTES], version[NUMBERING_VERSION_BYTES];
    const struct node_row *other = NULL;
    rulesets_enter();
    snprintf(data, sizeof data, "%s", numbering_fingerprint(rulesets_numbering(node->rulesets)));
    snprintf(version, sizeof version, "%s", numbering_version(rulesets_numbering(node->rulesets)));
    rulesets_leave();
    for (unsigned i = 0; i < count && !other; i++)
        if (strcmp(rows[i].numbering_data, data) != 0 && !node_is_self(node, &rows[i]) &&
            !node_is_lost(node, &rows[i]))
            other = &rows[i];
    if (other && !node->numbering_differs)
        log_warn("numbering_differs",
                 "node=%s numbering=%s data=%s other=%s other_numbering=%s other_data=%s hint=\"give "
                 "all nodes the same --numbering folder, then send them HUP\"",
                 node->config.name, version, data, other->name, other->numbering,
                 other->numbering_data);
    if (!other && node->numbering_differs)
        log_info("numbering_agrees", "node=%s numbering=%s data=%s", node->config.name, version, data);
    node->numbering_differs = other != NULL;
}

/* Rules with dates and tokens are judged by the clock of the node that is asked. Who is right, nobody here
 * knows. */
static void judge_clock(struct node *node, const struct node_row *rows, unsigned count)
{
    const struct node_row *other = NULL;
    int64_t ahead_ms = 0, now_ms = clock_mono_ms();
    pthread_mutex_lock(&node->lock);
    node_watch_compare(&node->watch, clock_now_ms());
    for (unsigned i = 0; i < count && !ahead_ms; i++) {
        other = &rows[i];
        if (!node_is_self(node, other) && !node_watch_is_lost(&node->watch, other, now_ms))
            ahead_ms = node_watch_ahead_ms(&node->watch, other);
    }
    pthread_mutex_unlock(&node->lock);
    if (ahead_ms && !node->clock_differs)
        log_warn("clock_differs",
                 "node=%s other=%s other_ahead_ms=%lld hint=\"one of the two is wrong, and rules with "
                 "dates and tokens count too early or too late there: keep both right by NTP\"",
                 node->config.name, other->name, (long long)ahead_ms);
    if (!ahead_ms && node->clock_differs)
        log_info("clock_agrees", "node=%s", node->config.name);
    node->clock_differs = ahead_ms != 0;
}

static int look(struct node *node, struct err *err)
{
    struct arena arena;
    struct txn *txn;
    struct node_row *rows;
    unsigned count;
    int rc = store_begin(node->store, NULL, &txn, err);
    if (rc)
        return rc;
    arena_init(&arena, ARENA_BYTES);
    rc = store_node_list(txn, 0, &arena, &rows, &count, err);
    store_rollback(txn);
    if (rc == 0) {
        pthread_mutex_lock(&node->lock);
        node_watch_look(&node->watch, rows, count, clock_mono_ms());
        pthread_mutex_unlock(&node->lock);
        judge_keys(node, rows, count);
        judge_name(node, rows, count);
        judge_numbering(node, rows, count);
        judge_clock(node, rows, count);
        forget_silent(node, rows, count);
    }
    arena_release(&arena);
    return rc;
}

/* --- the heartbeat -------------------------------------------------------------------------- */

static int write_beat(struct node *node, struct err *err)
{
    char numbering[NUMBERING_VERSION_BYTES], data[NUMBERING_FINGERPRINT_BYTES];
    char behind[BEHIND_TEXT_BYTES];
    struct node_row row = {
        .name = node->config.name,
        .run = node->run,
        .address = node->config.address,
        .version = SEKISHO_VERSION,
        .key_fingerprint = node->config.key_fingerprint,
        .keys_agree = atomic_load(&node->keys_agree),
        .numbering = numbering,
        .numbering_data = data,
        .behind = behind,
        .feed_history = feed_history(node->feed),
        .feed_complete = feed_complete(node->feed), /* before what follows, which is as new or newer */
        .started_at_ms = node->started_at_ms,
    };
    rulesets_enter();
    row.platform_revision = ruleset_revision(rulesets_platform(node->rulesets));
    snprintf(numbering, sizeof numbering, "%s",
             numbering_version(rulesets_numbering(node->rulesets)));
    snprintf(data, sizeof data, "%s", numbering_fingerprint(rulesets_numbering(node->rulesets)));
    rulesets_leave();
    rulesets_behind_text(node->rulesets, behind);
    return store_node_beat(node->store, &row, !node->has_beaten, err);
}

/* Says what changed, not the same every second. */
static void report(struct node *node, int rc, const struct err *err)
{
    char text[LOG_VALUE_BYTES];
    if (rc == node->last_rc)
        return;
    if (rc == ERR_EXISTS)
        log_error("node_name_taken",
                  "node=%s hint=\"a process that was started later has this name: give each its "
                  "own --node, and restart this one\"",
                  node->config.name);
    else if (rc)
        log_error("heartbeat_failed", "node=%s reason=%s", node->config.name,
                  log_value(slice_of(err->text), text));
    else
        log_info("heartbeat_recovered", "node=%s", node->config.name);
    node->last_rc = rc;
}

static void beat(struct node *node)
{
    struct err err = {0};
    int rc = look(node, &err);
    if (rc == 0)
        rc = write_beat(node, &err);
    if (rc == 0)
        node->has_beaten = true;
    if (rc == 0 || rc == ERR_EXISTS) /* then the store would have taken it */
        atomic_store(&node->beat_at_ms, clock_mono_ms());
    if (rc == 0 || rc == ERR_EXISTS)
        atomic_store(&node->is_name_taken, rc == ERR_EXISTS);
    report(node, rc, &err);
}

/* --- the thread ----------------------------------------------------------------------------- */

/* feed_moved_fn */
static void feed_moved(void *context)
{
    struct node *node = context;
    pthread_mutex_lock(&node->lock);
    node->has_moved = true;
    pthread_cond_signal(&node->wake);
    pthread_mutex_unlock(&node->lock);
}

/* Under the lock: until `ms` are over, or `early` becomes true, or the end. */
static void wait_until(struct node *node, int ms, const bool *early)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!node->is_stopping && !*early)
        if (pthread_cond_timedwait(&node->wake, &node->lock, &until))
            return;
}

static bool wait_for_beat(struct node *node)
{
    pthread_mutex_lock(&node->lock);
    wait_until(node, BEAT_APART_MS, &node->is_stopping);
    wait_until(node, BEAT_MS - BEAT_APART_MS, &node->has_moved);
    node->has_moved = false;
    bool goes_on = !node->is_stopping;
    pthread_mutex_unlock(&node->lock);
    return goes_on;
}

static void *keep_beating(void *context)
{
    struct node *node = context;
    while (wait_for_beat(node))
        beat(node);
    return NULL;
}

static void init_lock(struct node *node)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&node->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&node->lock, NULL);
}

static void node_free(struct node *node)
{
    pthread_cond_destroy(&node->wake);
    pthread_mutex_destroy(&node->lock);
    free(node);
}

int node_start(const struct node_config *config, struct store *store, struct rulesets *rulesets,
               struct feed *feed, struct node **ret, struct err *err)
{
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        return err_set(err, ERR_NOMEM, "out of memory");
    node->config = *config;
    node->store = store;
    node->rulesets = rulesets;
    node->feed = feed;
    node->started_at_ms = clock_now_ms();
    ulid_make(node->started_at_ms, node->run);
    init_lock(node);
    beat(node);
    if (pthread_create(&node->thread, NULL, keep_beating, node)) {
        node_free(node);
        return err_set(err, ERR_UNAVAILABLE, "no thread for the heartbeat");
    }
    feed_on_move(feed, feed_moved, node);
    *ret = node;
    return 0;
}

void node_stop(struct node *node)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    if (!node)
        return;
    feed_on_move(node->feed, NULL, NULL);
    pthread_mutex_lock(&node->lock);
    node->is_stopping = true;
    pthread_cond_signal(&node->wake);
    pthread_mutex_unlock(&node->lock);
    pthread_join(node->thread, NULL);
    if (store_node_leave(node->store, slice_of(node->config.name), slice_of(node->run), &err))
        log_warn("node_stays_listed", "node=%s reason=%s", node->config.name,
                 log_value(slice_of(err.text), text));
    node_free(node);
}
