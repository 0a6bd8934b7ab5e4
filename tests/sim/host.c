/* A node: the real parts, put together and taken apart as service/main.c does it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/log.h"
#include "cache/cache.h"
#include "engine/courier.h"
#include "engine/engine.h"
#include "engine/feed.h"
#include "engine/filler.h"
#include "engine/keeper.h"
#include "engine/node.h"
#include "engine/rulesets.h"
#include "engine/spread.h"
#include "sim.h"
#include "store/store.h"

struct host {
    char name[16], snapshot[128], kept[128];
    bool is_up, is_cut;
    unsigned busy; /* doors that are */
    struct store *store;
    struct revocations *revocations;
    struct rulesets *rulesets;
    struct feed *feed;
    struct keeper *keeper;
    struct cache *cache;
    struct courier *courier;
    struct spread *spread;
    struct filler *filler;
    struct node *node;
    struct engine *engine;
};

static struct host hosts[HOSTS];
static char folder[64];
static const unsigned char key[CACHE_KEY_BYTES] = "the nodes share one key folder.";

void hosts_init(void)
{
    snprintf(folder, sizeof folder, "%s/sekisho-sim-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder))
        abort();
    for (int i = 0; i < HOSTS; i++) {
        snprintf(hosts[i].name, sizeof hosts[i].name, "node%d", i + 1);
        snprintf(hosts[i].snapshot, sizeof hosts[i].snapshot, "%s/%d", folder, i);
        snprintf(hosts[i].kept, sizeof hosts[i].kept, "%s/%d.kept", folder, i);
    }
}

void hosts_release(void)
{
    for (int i = 0; i < HOSTS; i++) {
        unlink(hosts[i].snapshot);
        unlink(hosts[i].kept);
    }
    rmdir(folder);
}

/* --- life ------------------------------------------------------------------------------------- */

static int open_cache(struct host *host, struct err *err)
{
    struct cache_config config = {.url = "redis://10.0.0.1", .heard = courier_heard,
                                  .max_age_ms = the_sim.cache_age_max_ms};
    if (!the_sim.has_redis)
        return 0;
    int rc = courier_start(host->rulesets, host->feed, &host->courier, err);
    config.context = host->courier;
    memcpy(config.key, key, sizeof config.key);
    rc = rc ? rc : cache_open(&config, &host->cache, err);
    rc = rc ? rc : spread_new(host->cache, &host->spread, err);
    if (rc)
        return rc;
    courier_use_cache(host->courier, host->cache);
    feed_use_spread(host->feed, host->spread);
    return filler_start(host->cache, host->spread, host->rulesets, host->feed, &host->filler, err);
}

static void forget_lent(void *engine, const struct slice *tenant)
{
    engine_forget_lent(engine, tenant);
}

static int build(struct host *host, struct err *err)
{
    struct numbering *numbering;
    int rc = revocations_new(&host->revocations, err);
    rc = rc ? rc : rulesets_new(&host->rulesets, err);
    rc = rc ? rc : numbering_builtin(&numbering, err);
    if (rc)
        return rc;
    rulesets_set_numbering(host->rulesets, numbering);
    const struct feed_config feed = {
        .store = host->store, .rulesets = host->rulesets, .revocations = host->revocations,
        .snapshot = host->snapshot, .key = key, .stale_max_ms = the_sim.stale_max_ms};
    const struct node_config node = {
        .name = host->name, .address = "", .key_fingerprint = "the same everywhere"};
    rc = feed_start(&feed, &host->feed, err);
    rc = rc ? rc : keeper_start(host->rulesets, host->feed, host->snapshot, key, &host->keeper, err);
    rc = rc ? rc : open_cache(host, err);
    rc = rc ? rc : node_start(&node, host->store, host->rulesets, host->feed, &host->node, err);
    rc = rc ? rc : engine_new(host->rulesets, host->cache, NULL, &host->engine, err);
    if (!rc && host->courier)
        courier_on_lent(host->courier, forget_lent, host->engine);
    return rc;
}

static bool is_idle(void *host)
{
    return ((struct host *)host)->busy == 0;
}

static void tear_down(struct host *host)
{
    host->is_up = false;
    fiber_wait(is_idle, host, NEVER_MS);
    cache_stop_listening(host->cache);
    courier_stop(host->courier);
    engine_free(host->engine);
    node_stop(host->node);
    keeper_stop(host->keeper);
    filler_stop(host->filler);
    feed_stop(host->feed);
    spread_free(host->spread);
    cache_close(host->cache);
    rulesets_free(host->rulesets);
    revocations_free(host->revocations);
    fake_store_close(host->store);
    struct host blank = {.name = ""};
    memcpy(blank.name, host->name, sizeof blank.name);
    memcpy(blank.snapshot, host->snapshot, sizeof blank.snapshot);
    memcpy(blank.kept, host->kept, sizeof blank.kept);
    *host = blank;
}

void host_start(int i)
{
    struct host *host = &hosts[i];
    struct err err = {0};
    trace("starts");
    host->store = fake_store_open(i);
    if (build(host, &err)) {
        trace("does not start: %s", err.text);
        host->is_cut = true;
        tear_down(host);
        return;
    }
    host->is_up = true;
    trace("is up");
}

void host_stop(int i, bool is_killed)
{
    struct host *host = &hosts[i];
    trace(is_killed ? "is killed" : "stops");
    if (is_killed) {
        if (link(host->snapshot, host->kept)) /* snapshots are renamed into place: this stays */
            trace("has no snapshot yet");
        host->is_cut = true;
    }
    tear_down(host);
    if (is_killed && rename(host->kept, host->snapshot))
        unlink(host->snapshot);
    trace("is down");
}

void host_snapshot(int i, enum snapshot_fate fate)
{
    struct stat st;
    if (fate == SNAPSHOT_KEPT || stat(hosts[i].snapshot, &st))
        return;
    if (fate == SNAPSHOT_GONE) {
        unlink(hosts[i].snapshot);
        return;
    }
    FILE *file = fopen(hosts[i].snapshot, "r+b");
    long at = (long)chance_below((unsigned)st.st_size);
    if (!file || fseek(file, at, SEEK_SET))
        abort();
    int byte = fgetc(file);
    if (fseek(file, at, SEEK_SET) || fputc(byte ^ 0x10, file) == EOF || fclose(file))
        abort();
}

/* --- what others see of it -------------------------------------------------------------------- */

bool host_is_up(int i)
{
    return hosts[i].is_up;
}

bool host_is_cut(int i)
{
    return hosts[i].is_cut;
}

struct store *host_store(int i)
{
    return hosts[i].store;
}

void host_enter(int i)
{
    hosts[i].busy++;
}

void host_leave(int i)
{
    hosts[i].busy--;
}

void host_call(int i, const struct call *call, struct verdict *ret)
{
    host_enter(i);
    engine_decide(hosts[i].engine, call, ret);
    host_leave(i);
}

static bool is_at_hand(int i, int owner, uint64_t revision)
{
    uint64_t at_hand = host_revision(i, owner);
    return revision == 0 || (at_hand && at_hand >= revision);
}

/* doors/rest_check.c */
bool host_check(int i, int owner, const struct call *call, struct verdict *ret)
{
    struct err err = {0};
    struct explanation explanation;
    bool is_known = is_at_hand(i, owner, call->min_revision);
    host_enter(i);
    if (!is_known)
        is_known = feed_pull(hosts[i].feed, &err) == 0 && is_at_hand(i, owner, call->min_revision);
    if (is_known)
        is_known = engine_explain(hosts[i].engine, call, NULL, 0, false,
                                  owner_wall_ns(i) / 1000000, &explanation, &err) == 0;
    if (is_known)
        *ret = explanation.verdict;
    host_leave(i);
    return is_known;
}

void host_pull(int i)
{
    struct err err = {0};
    if (feed_pull(hosts[i].feed, &err))
        trace("cannot pull: %s", err.text);
}

uint64_t host_revision(int i, int owner)
{
    rulesets_enter();
    const struct ruleset *ruleset = owner == PLATFORM
                                        ? rulesets_platform(hosts[i].rulesets)
                                        : rulesets_find(hosts[i].rulesets, slice_of(owner_id(owner)));
    uint64_t revision = ruleset ? ruleset_revision(ruleset) : 0;
    rulesets_leave();
    return revision;
}

bool host_knows_revoked(int i, const char *jti)
{
    return revocations_has(hosts[i].revocations, slice_of(jti));
}

bool host_wrote(int i, const char *run)
{
    const struct node_row row = {.run = run};
    return hosts[i].node && node_is_self(hosts[i].node, &row);
}

/* --- base/log.h ------------------------------------------------------------------------------- */

void log_set_level(enum log_level most_verbose)
{
    (void)most_verbose;
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)level;
    trace("log: %s %s", event, text);
}

const char *log_value(struct slice text, char out[LOG_VALUE_BYTES])
{
    snprintf(out, LOG_VALUE_BYTES, "\"%.*s\"", SLICE_ARG(text));
    return out;
}

const char *log_number(struct slice number, char out[LOG_VALUE_BYTES])
{
    return log_value(number, out);
}
