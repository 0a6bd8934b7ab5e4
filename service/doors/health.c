#include "doors/health.h"

#include "base/buf.h"
#include "cache/cache.h"
#include "engine/feed.h"
#include "engine/node.h"
#include "engine/rulesets.h"

enum {
    FEED_AGE_MAX_MS = 30000,
    METRICS_BYTES_MAX = 256 * 1024,
};

static int answer_text(struct request *request, struct response *response, const struct buf *buf)
{
    char *copy = arena_copy(request->arena, buf_slice(buf));
    if (!copy)
        return ERR_NOMEM;
    response->text = slice_of(copy);
    response->content_type = "text/plain; charset=utf-8";
    return 0;
}

int health_live(struct app *app, struct request *request, struct response *response,
                struct err *err)
{
    (void)app, (void)request, (void)err;
    response->text = SLICE_LIT("ok\n");
    response->content_type = "text/plain; charset=utf-8";
    return 0;
}

/* --- readiness ------------------------------------------------------------------------------ */

/* From wherever: the store, a snapshot, Redis. With none there is only the floor, which a PBX has, too. */
static bool has_rulesets(const struct app *app)
{
    rulesets_enter();
    bool has = rulesets_numbering(app->rulesets) != NULL;
    rulesets_leave();
    return has && !trusted_is_blank(rulesets_trusted(app->rulesets));
}

static bool does_redis_answer(const struct app *app)
{
    return !app->cache || cache_is_listening(app->cache);
}

static bool is_feed_fresh(const struct app *app)
{
    long age_ms = app->feed ? feed_age_ms(app->feed) : -1;
    return age_ms >= 0 && age_ms <= FEED_AGE_MAX_MS;
}

/* The dial door's threads must not wait for a store; what the change feed saw last will do. */
static bool does_store_answer(const struct app *app, enum door door)
{
    enum { FEED_MISSED_MS = 5000 };
    if (door == DOOR_DIAL)
        return app->feed && feed_age_ms(app->feed) <= FEED_MISSED_MS;
    return store_ping(app->store, NULL) == 0;
}

int health_ready(struct app *app, struct request *request, struct response *response,
                 struct err *err)
{
    (void)err;
    bool store_counts = request->door != DOOR_DIAL;
    const struct check {
        const char *name;
        bool is_ok, counts;
    } checks[] = {
        {"rulesets", has_rulesets(app), true},
        {"not_draining", !atomic_load(&app->is_draining), true},
        {"store", does_store_answer(app, request->door), store_counts},
        {"writes", !app->node || node_has_beaten(app->node), store_counts},
        {"feed", is_feed_fresh(app), store_counts},
        {"keys", !app->node || node_keys_agree(app->node), true},
        {"name", !app->node || node_has_name(app->node), true},
        {"redis", does_redis_answer(app), false},
    };
    char text[512];
    struct buf buf = BUF_OVER(text);
    bool is_ready = true, is_verbose = request_query(request, "verbose").p != NULL;

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        const struct check *check = &checks[i];
        is_ready = is_ready && (check->is_ok || !check->counts);
        if (is_verbose)
            buf_printf(&buf, "[%c] %s%s\n", check->is_ok ? '+' : '-', check->name,
                       check->is_ok ? "" : check->counts ? " failed" : " failed, does not count");
    }
    buf_add_text(&buf, is_ready ? "ready\n" : "not ready\n");
    response->status = is_ready ? 200 : 503;
    return answer_text(request, response, &buf);
}

/* --- for Prometheus and for people ---------------------------------------------------------- */

static void add_gauge(struct buf *buf, const char *name, const char *help, double value)
{
    buf_printf(buf, "# HELP %s %s\n# TYPE %s gauge\n%s %.15g\n", name, help, name, name, value);
}

static void add_rulesets(const struct app *app, struct buf *buf)
{
    struct rulesets_totals totals = rulesets_totals(app->rulesets);
    add_gauge(buf, "sekisho_rulesets", "Tenants whose rules are in memory.",
              (double)totals.tenants);
    add_gauge(buf, "sekisho_rulesets_behind",
              "Tenants, and the platform, whose latest rules could not be put in force.",
              rulesets_behind_count(app->rulesets));
    add_gauge(buf, "sekisho_rung",
              "Of the ladder: 0 rules are current, 1 they may be old, 2 only the floor answers.",
              trusted_now(rulesets_trusted(app->rulesets), instant_now()));
    add_gauge(buf, "sekisho_ruleset_rules", "Rules in memory.", (double)totals.rules);
    add_gauge(buf, "sekisho_ruleset_hot_bytes", "Memory that deciding looks at.",
              (double)totals.bytes_hot);
    add_gauge(buf, "sekisho_ruleset_cold_bytes", "Memory for ids, dates and sources of rules.",
              (double)totals.bytes_cold);
}

int health_metrics(struct app *app, struct request *request, struct response *response,
                   struct err *err)
{
    char *text = arena_alloc(request->arena, METRICS_BYTES_MAX);
    if (!text)
        return err_set(err, ERR_NOMEM, "no memory for metrics");
    struct buf buf = {text, 0, METRICS_BYTES_MAX, false};
    metrics_render(app->metrics, &buf);
    add_rulesets(app, &buf);
    if (app->feed)
        add_gauge(&buf, "sekisho_feed_age_seconds", "Since the change feed was last read.",
                  (double)feed_age_ms(app->feed) / 1000);
    add_gauge(&buf, "sekisho_draining", "Whether the end of the process was asked for.",
              atomic_load(&app->is_draining));
    if (buf.overflowed)
        return err_set(err, ERR_LIMIT, "more than %d bytes of metrics", METRICS_BYTES_MAX);
    response->text = buf_slice(&buf);
    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    return 0;
}
