/*
 * sekishod: read the configuration, build the world from left to right, run until told to stop, tear it
 * down in reverse.
 *
 *     store ─► rulesets ◄─ feed      keys ─► auth      rulesets, attempts ─► engine ─► the three doors
 *       ▲                │ └─► node
 *       └── receipts ────┼─────┘
 *                        └─► spread ─► cache (Redis) ─► engine; courier: what other nodes edited;
 *                                                               filler: all there is
 */
#include <sodium.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/log.h"
#include "base/version.h"
#include "cache/cache.h"
#include "config.h"
#include "doors/agi.h"
#include "doors/http.h"
#include "doors/sources.h"
#include "engine/attempts.h"
#include "engine/courier.h"
#include "engine/engine.h"
#include "engine/feed.h"
#include "engine/filler.h"
#include "engine/keeper.h"
#include "engine/node.h"
#include "engine/rulesets.h"
#include "jobs/campaigns.h"
#include "jobs/retention.h"
#include "engine/spread.h"
#include "store/store.h"

enum {
    EXIT_CONFIG = 2,
    FILES_WANTED = 16384, /* the connections that the three doors take at most, and the store */
};

/* Everything that lives as long as the daemon; NULL where not built yet. */
struct world {
    struct keyring *keyring;
    struct revocations *revocations;
    struct auth *auth;
    struct store *store;
    struct rulesets *rulesets;
    struct feed *feed;
    struct node *node;
    struct keeper *keeper;
    struct cache *cache; /* NULL also without --redis, like the next three */
    struct courier *courier;
    struct spread *spread;
    struct filler *filler;
    char snapshot[4096];
    unsigned char ruleset_key[KEYRING_DERIVED_BYTES]; /* seals rulesets on disk */
    struct attempts *attempts;
    struct notify *notify;
    struct retention *retention;
    struct campaigns *campaigns;
    struct engine *engine;
    struct metrics *metrics;
    unsigned char cursor_key[KEYRING_DERIVED_BYTES];
    struct app app;
    struct http *dial, *admin;
    struct agi *agi;
};

static int make_state(const char *dir, struct err *err)
{
    if (mkdir(dir, 0700) && errno != EEXIST)
        return err_set(err, ERR_IO, "--state %s: %s", dir, strerror(errno));
    return 0;
}

/* The usual soft limit, 1024 or less, is for programs that select(): one door full of idle connections
 * would leave the others, and the store, without descriptors. */
static void allow_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= FILES_WANTED)
        return;
    files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
    if (setrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur < FILES_WANTED)
        log_warn("few_files", "allowed=%llu wanted=%d", (unsigned long long)files.rlim_cur, FILES_WANTED);
}

/* The numbering data that the configuration names, in force from the next call on. */
static int load_numbering(const struct config *config, struct rulesets *rulesets, struct err *err)
{
    struct numbering *numbering;
    int rc = config->numbering ? numbering_load(config->numbering, &numbering, err)
                               : numbering_builtin(&numbering, err);
    if (rc)
        return err_context(err, "--numbering");
    log_info("numbering", "version=%s date=%s source=%s", numbering_version(numbering),
             numbering_date(numbering), config->numbering ? config->numbering : "builtin");
    rulesets_set_numbering(rulesets, numbering);
    return 0;
}

/* Makes this node known to the others. */
static int join(const struct config *config, struct world *world, struct err *err)
{
    const struct node_config node = {
        .name = config->node,
        .address = config->public_url,
        .key_fingerprint = keyring_fingerprint(world->keyring),
    };
    log_info("node", "name=%s keys=%.12s", node.name, node.key_fingerprint);
    return node_start(&node, world->store, world->rulesets, world->feed, &world->node, err);
}

/* Loads everything, or the snapshot of it while the store is away; keeps both current. */
static int follow_store(const struct config *config, struct world *world, struct err *err)
{
    snprintf(world->snapshot, sizeof world->snapshot, "%s/rulesets.snapshot", config->state);
    keyring_derive(world->keyring, "rulesets", world->ruleset_key);
    struct feed_config feed = {
        .store = world->store,
        .rulesets = world->rulesets,
        .revocations = world->revocations,
        .snapshot = world->snapshot,
        .key = world->ruleset_key,
        .stale_max_ms = config->stale_max_ms,
    };
    int rc = feed_start(&feed, &world->feed, err);
    if (!rc)
        rc = keeper_start(world->rulesets, world->feed, world->snapshot, world->ruleset_key,
                          &world->keeper, err);
    return rc;
}

/* Tells other nodes of changes made here, and hears of theirs. */
static int open_cache(const struct config *config, struct world *world, struct err *err)
{
    struct cache_config cache = {
        .url = config->redis,
        .max_age_ms = config->redis_max_age_ms,
        .heard = courier_heard,
    };
    if (!config->redis)
        return 0;
    int rc = courier_start(world->rulesets, world->feed, &world->courier, err);
    if (rc)
        return rc;
    cache.context = world->courier;
    keyring_derive(world->keyring, "cache", cache.key);
    rc = cache_open(&cache, &world->cache, err);
    sodium_memzero(cache.key, sizeof cache.key);
    rc = rc ? rc : spread_new(world->cache, &world->spread, err);
    if (rc)
        return rc;
    courier_use_cache(world->courier, world->cache);
    feed_use_spread(world->feed, world->spread);
    return filler_start(world->cache, world->spread, world->rulesets, world->feed, &world->filler, err);
}

/* courier_lent_fn */
static void forget_lent(void *engine, const struct slice *tenant)
{
    engine_forget_lent(engine, tenant);
}

/* What a verdict needs. */
static int build_engine(const struct config *config, struct world *world, struct err *err)
{
    int rc = make_state(config->state, err);
    if (!rc)
        rc = keyring_load(config->keys, true, &world->keyring, err);
    if (!rc)
        rc = revocations_new(&world->revocations, err);
    if (!rc)
        rc = auth_new(world->keyring, world->revocations, &world->auth, err);
    if (!rc)
        rc = store_open_later(config->store, (unsigned)config->store_connections, &world->store, err);
    if (!rc)
        rc = rulesets_new(&world->rulesets, err);
    if (!rc)
        rc = load_numbering(config, world->rulesets, err);
    if (!rc)
        rc = follow_store(config, world, err);
    if (!rc)
        rc = open_cache(config, world, err);
    if (!rc)
        rc = join(config, world, err);
    if (!rc)
        rc = attempts_new(world->store, &world->attempts, err);
    if (!rc)
        rc = engine_new(world->rulesets, world->cache, world->attempts, &world->engine, err);
    if (!rc && world->courier)
        courier_on_lent(world->courier, forget_lent, world->engine);
    return rc;
}

/* What runs beside the doors. */
static int start_jobs(const struct config *config, struct world *world, struct err *err)
{
    struct retention_config retention = {.store = world->store,
                                         .attempts_days = (int)config->attempts_days};
    struct campaigns_config campaigns = {
        .store = world->store, .feed = world->feed, .node = config->node};
    int rc = retention_start(&retention, &world->retention, err);
    if (!rc)
        rc = notify_start(&config->notify, world->store, world->keyring, &world->notify, err);
    if (rc)
        return rc;
    campaigns.notices = world->notify->notices;
    return campaigns_start(&campaigns, &world->campaigns, err);
}

static int open_http(const struct config *config, struct world *world, enum door door,
                     struct http **ret, struct err *err)
{
    bool is_dial = door == DOOR_DIAL;
    struct http_config http = {
        .door = door,
        .listen = is_dial ? config->dial_listen : config->admin_listen,
        .threads = is_dial ? config->threads : 0,
        .tls_cert = is_dial ? NULL : config->tls_cert,
        .tls_key = is_dial ? NULL : config->tls_key,
    };
    if (is_dial)
        http.allow = config->dial_allow;
    if (!http.listen.is_off && http_listen(&http, &world->app, ret, err))
        return err_context(err, is_dial ? "dial-listen" : "admin-listen");
    return 0;
}

static int open_doors(const struct config *config, struct world *world, struct err *err)
{
    keyring_derive(world->keyring, "list cursors", world->cursor_key);
    world->app = (struct app){
        .store = world->store,
        .engine = world->engine,
        .rulesets = world->rulesets,
        .feed = world->feed,
        .cache = world->cache,
        .node = world->node,
        .campaigns = world->campaigns,
        .notify = world->notify,
        .auth = world->auth,
        .metrics = world->metrics,
        .cursor_key = world->cursor_key,
        .cdr_map = config->cdr_map,
        .cdr_time_zone = config->cdr_time_zone,
        .problem_base = config->problem_base,
    };
    struct agi_config agi = {
        .listen = config->agi_listen, .allow = config->agi_allow, .metrics = world->metrics};
    if (!agi.listen.is_off && agi_listen(&agi, world->engine, &world->agi, err))
        return err_context(err, "agi-listen");
    int rc = sources_add(world->metrics, world->attempts, world->agi, world->cache, err);
    if (!rc)
        rc = sources_add_jobs(world->metrics, world->retention, world->notify->sender, err);
    if (!rc)
        rc = sources_add_campaigns(world->metrics, world->campaigns, err);
    if (!rc)
        rc = sources_add_redis(world->metrics, world->courier, world->filler, err);
    if (!rc)
        rc = open_http(config, world, DOOR_ADMIN, &world->admin, err);
    if (!rc)
        rc = open_http(config, world, DOOR_DIAL, &world->dial, err);
    return rc;
}

static void tear_down(struct world *world)
{
    if (world->dial)
        http_drain(world->dial);
    if (world->agi)
        agi_drain(world->agi);
    http_stop(world->dial);
    http_stop(world->admin);
    agi_stop(world->agi);
    cache_stop_listening(world->cache); /* it sends the courier, who wakes the feed */
    courier_stop(world->courier);       /* and tells the engine */
    engine_free(world->engine);
    campaigns_stop(world->campaigns);
    notify_stop(world->notify);
    retention_stop(world->retention);
    attempts_stop(world->attempts);
    node_stop(world->node);
    keeper_stop(world->keeper);
    filler_stop(world->filler);
    feed_stop(world->feed);
    spread_free(world->spread);
    cache_close(world->cache);
    metrics_free(world->metrics);
    rulesets_free(world->rulesets);
    store_close(world->store);
    auth_free(world->auth);
    revocations_free(world->revocations);
    keyring_free(world->keyring);
}

/* Waits for signals: TERM and INT end the daemon, HUP reads the numbering data again. */
static void run(const struct config *config, struct world *world, const sigset_t *signals)
{
    for (;;) {
        struct err err = {0};
        char text[LOG_VALUE_BYTES];
        int signal = 0;
        if (sigwait(signals, &signal))
            continue;
        log_info("signal", "name=%s", sigabbrev_np(signal));
        if (signal != SIGHUP)
            return;
        if (load_numbering(config, world->rulesets, &err))
            log_error("numbering_failed", "reason=%s", log_value(slice_of(err.text), text));
    }
}

int main(int argc, char **argv)
{
    struct config config;
    struct err err = {0};
    struct world world = {0};
    int rc = config_load(argc, argv, &config, &err);
    if (rc == CONFIG_DONE)
        return 0;
    if (rc) {
        fprintf(stderr, "sekishod: %s\n", err.text);
        return EXIT_CONFIG;
    }
    /* before any thread starts, so that all of them inherit the mask and only run() sees signals */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(config.log_level);
    allow_files();

    if (sodium_init() < 0)
        rc = err_set(&err, ERR_IO, "no randomness");
    if (!rc)
        rc = build_engine(&config, &world, &err);
    if (!rc)
        rc = start_jobs(&config, &world, &err);
    if (!rc)
        rc = metrics_new(&world.metrics, &err);
    if (!rc)
        rc = open_doors(&config, &world, &err);
    if (!rc) {
        struct rulesets_totals totals = rulesets_totals(world.rulesets);
        log_info("ready", "version=%s tenants=%zu rules=%zu", SEKISHO_VERSION, totals.tenants,
                 totals.rules);
        run(&config, &world, &signals);
    }
    tear_down(&world);
    config_release(&config);
    if (rc)
        fprintf(stderr, "sekishod: %s\n", err.text);
    return rc ? 1 : 0;
}
