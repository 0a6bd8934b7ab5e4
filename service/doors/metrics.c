#include "doors/metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    SHARDS = 128,
    SHARED = 0, /* the shard of all threads that came too late for one of their own */
    CACHE_LINE = 64,
    STATUS_CLASSES = 5,
    ACTIONS = 3,
};

/* Upper edges in ns of the decision time: 100 ns, 1 ms and 150 ms, which goals are told in, among
 * them. One more bucket is without end. */
static const struct edge {
    int64_t ns;
    const char *seconds;
} edges[] = {{250, "2.5e-07"},    {500, "5e-07"},      {1000, "1e-06"},     {2500, "2.5e-06"},
             {10000, "1e-05"},    {100000, "0.0001"},  {1000000, "0.001"},  {10000000, "0.01"},
             {150000000, "0.15"}, {1000000000, "1"}};
enum { EDGES = sizeof edges / sizeof *edges };

typedef atomic_uint_fast64_t counter;

struct shard {
    _Alignas(CACHE_LINE) counter verdicts[ACTIONS][REASON_COUNT];
    counter degraded[DEGRADED_COUNT];
    counter decide_buckets[EDGES + 1];
    counter decide_ns;
    counter door_verdicts[DOOR_COUNT];
    counter http[DOOR_COUNT][STATUS_CLASSES];
    /* goes below 0 where another thread saw the beginning; the sum does not */
    counter connections[DOOR_COUNT];
    counter cut_off[DOOR_COUNT], refused[DOOR_COUNT];
};

struct source {
    enum metric_type type;
    const char *name, *help;
    double (*read)(const void *context);
    const void *context;
};

struct metrics {
    struct shard *shards;
    unsigned sources_count;
    struct source sources[METRICS_SOURCES_MAX];
};

const char *door_word(enum door door)
{
    static const char *const words[DOOR_COUNT] = {"dial", "admin", "agi"};
    return words[door];
}

int metrics_new(struct metrics **ret, struct err *err)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    struct shard *shards = aligned_alloc(CACHE_LINE, SHARDS * sizeof *shards);
    if (!metrics || !shards) {
        free(metrics);
        free(shards);
        return err_set(err, ERR_NOMEM, "no memory for metrics");
    }
    memset(shards, 0, SHARDS * sizeof *shards);
    metrics->shards = shards;
    *ret = metrics;
    return 0;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    free(metrics->shards);
    free(metrics);
}

int metrics_add(struct metrics *metrics, enum metric_type type, const char *name, const char *help,
                double (*read)(const void *context), const void *context, struct err *err)
{
    if (metrics->sources_count == METRICS_SOURCES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d metrics", METRICS_SOURCES_MAX);
    metrics->sources[metrics->sources_count++] = (struct source){type, name, help, read, context};
    return 0;
}

/* --- counting ------------------------------------------------------------------------------- */

static struct shard *own_shard(struct metrics *metrics)
{
    static atomic_uint threads;
    static _Thread_local unsigned own; /* 1 + the thread's number */
    if (!own)
        own = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);
    return &metrics->shards[own < SHARDS ? own : SHARED];
}

/* A shard that is one thread's is written by that one alone: no locked instruction is needed. */
static void add(const struct metrics *metrics, const struct shard *shard, counter *at, uint64_t n)
{
    if (shard == &metrics->shards[SHARED])
        atomic_fetch_add_explicit(at, n, memory_order_relaxed);
    else
        atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + n,
                              memory_order_relaxed);
}

static uint64_t get(const counter *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

void metrics_verdict(struct metrics *metrics, enum door door, const struct verdict *verdict,
                     int64_t decide_ns)
{
    struct shard *shard = own_shard(metrics);
    unsigned bucket = 0;
    while (bucket < EDGES && decide_ns > edges[bucket].ns)
        bucket++;
    add(metrics, shard, &shard->verdicts[verdict->action][verdict->reason], 1);
    add(metrics, shard, &shard->door_verdicts[door], 1);
    add(metrics, shard, &shard->decide_buckets[bucket], 1);
    add(metrics, shard, &shard->decide_ns, decide_ns > 0 ? (uint64_t)decide_ns : 0);
    if (verdict->degraded != DEGRADED_NOT)
        add(metrics, shard, &shard->degraded[verdict->degraded], 1);
}

void metrics_http(struct metrics *metrics, enum door door, int status)
{
    struct shard *shard = own_shard(metrics);
    int class = status / 100 - 1;
    if (class >= 0 && class < STATUS_CLASSES)
        add(metrics, shard, &shard->http[door][class], 1);
}

void metrics_connections(struct metrics *metrics, enum door door, int change)
{
    struct shard *shard = own_shard(metrics);
    add(metrics, shard, &shard->connections[door], (uint64_t)(int64_t)change);
}

void metrics_cut_off(struct metrics *metrics, enum door door)
{
    struct shard *shard = own_shard(metrics);
    add(metrics, shard, &shard->cut_off[door], 1);
}

void metrics_refused(struct metrics *metrics, enum door door)
{
    struct shard *shard = own_shard(metrics);
    add(metrics, shard, &shard->refused[door], 1);
}

/* --- telling -------------------------------------------------------------------------------- */

/* The sum over all shards of the counter at `offset` in a shard. */
static uint64_t sum(const struct metrics *metrics, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < SHARDS; i++)
        total += get((const counter *)((const char *)&metrics->shards[i] + offset));
    return total;
}

#define SUM(metrics, member) sum(metrics, offsetof(struct shard, member))
#define SUM_AT(metrics, member, i)                                                                 \
    sum(metrics, offsetof(struct shard, member) + (i) * sizeof(counter))

static void head(struct buf *buf, const char *name, const char *type, const char *help)
{
    buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void render_verdicts(const struct metrics *metrics, struct buf *buf)
{
    head(buf, "sekisho_verdicts_total", "counter", "Verdicts given, by action and reason.");
    for (unsigned action = 0; action < ACTIONS; action++)
        for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
            uint64_t n = SUM_AT(metrics, verdicts, action * REASON_COUNT + reason);
            if (n) /* most pairs cannot happen; they would only be noise */
                buf_printf(buf, "sekisho_verdicts_total{action=\"%s\",reason=\"%s\"} %llu\n",
                           action_word(action), reason_word(reason), (unsigned long long)n);
        }
    head(buf, "sekisho_door_verdicts_total", "counter", "Verdicts given, by door.");
    for (unsigned door = 0; door < DOOR_COUNT; door++)
        if (door != DOOR_ADMIN)
            buf_printf(buf, "sekisho_door_verdicts_total{door=\"%s\"} %llu\n", door_word(door),
                       (unsigned long long)SUM_AT(metrics, door_verdicts, door));
    head(buf, "sekisho_degraded_verdicts_total", "counter",
         "Verdicts that say so: from rules that may be old, or from the floor.");
    for (unsigned degraded = DEGRADED_NOT + 1; degraded < DEGRADED_COUNT; degraded++)
        buf_printf(buf, "sekisho_degraded_verdicts_total{degraded=\"%s\"} %llu\n",
                   degraded_word(degraded), (unsigned long long)SUM_AT(metrics, degraded, degraded));
}

static void render_decide_time(const struct metrics *metrics, struct buf *buf)
{
    uint64_t total = 0;
    head(buf, "sekisho_decide_seconds", "histogram",
         "Time from a parsed question to its verdict, without network and rendering.");
    for (unsigned i = 0; i <= EDGES; i++) {
        total += SUM_AT(metrics, decide_buckets, i);
        buf_printf(buf, "sekisho_decide_seconds_bucket{le=\"%s\"} %llu\n",
                   i < EDGES ? edges[i].seconds : "+Inf", (unsigned long long)total);
    }
    buf_printf(buf, "sekisho_decide_seconds_sum %.9f\nsekisho_decide_seconds_count %llu\n",
               (double)SUM(metrics, decide_ns) / 1e9, (unsigned long long)total);
}

static void render_doors(const struct metrics *metrics, struct buf *buf, const char *name,
                         const char *type, const char *help, size_t offset)
{
    head(buf, name, type, help);
    for (unsigned door = 0; door < DOOR_COUNT; door++)
        buf_printf(buf, "%s{door=\"%s\"} %lld\n", name, door_word(door),
                   (long long)sum(metrics, offset + door * sizeof(counter)));
}

static void render_http(const struct metrics *metrics, struct buf *buf)
{
    head(buf, "sekisho_http_responses_total", "counter",
         "HTTP answers, by door and class of status.");
    for (unsigned door = 0; door < DOOR_COUNT; door++)
        for (unsigned class = 1; door != DOOR_AGI && class < STATUS_CLASSES; class++)
            buf_printf(buf, "sekisho_http_responses_total{door=\"%s\",status=\"%uxx\"} %llu\n",
                       door_word(door), class + 1,
                       (unsigned long long)SUM_AT(metrics, http, door * STATUS_CLASSES + class));
}

void metrics_render(const struct metrics *metrics, struct buf *buf)
{
    render_verdicts(metrics, buf);
    render_decide_time(metrics, buf);
    render_http(metrics, buf);
    render_doors(metrics, buf, "sekisho_connections", "gauge", "Open connections, by door.",
                 offsetof(struct shard, connections));
    render_doors(metrics, buf, "sekisho_connections_cut_off_total", "counter",
                 "Connections ended because they took too long, by door.",
                 offsetof(struct shard, cut_off));
    render_doors(metrics, buf, "sekisho_connections_refused_total", "counter",
                 "Connections refused because of their address, by door.",
                 offsetof(struct shard, refused));
    for (unsigned i = 0; i < metrics->sources_count; i++) {
        const struct source *source = &metrics->sources[i];
        head(buf, source->name, source->type == METRIC_COUNTER ? "counter" : "gauge", source->help);
        buf_printf(buf, "%s %.15g\n", source->name, source->read(source->context));
    }
}
