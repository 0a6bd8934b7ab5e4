/*
 * What the node counts, and how Prometheus reads it (text exposition format 0.0.4).
 *
 * A verdict may not wait for a counter: each thread adds to a shard of its own, on cache lines
 * that no other thread writes, and only a reader of /metrics sums the shards up. No label carries
 * a tenant, an account or a number (fewer than ten values a label, and secrecy of
 * communications).
 */
#ifndef SEKISHO_DOORS_METRICS_H
#define SEKISHO_DOORS_METRICS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/verdict.h"

struct metrics;

enum door { DOOR_DIAL, DOOR_ADMIN, DOOR_AGI, DOOR_COUNT };
const char *door_word(enum door door);

int metrics_new(struct metrics **ret, struct err *err) MUST_CHECK;
void metrics_free(struct metrics *metrics);

/* One decision and the time engine_decide() took. Any thread, as all below; waits for nobody. */
void metrics_verdict(struct metrics *metrics, enum door door, const struct verdict *verdict,
                     int64_t decide_ns);
/* One HTTP answer, also of the gate. */
void metrics_http(struct metrics *metrics, enum door door, int status);
/* A connection came (+1) or went (-1). */
void metrics_connections(struct metrics *metrics, enum door door, int change);
/* A connection cut off because it took too long, or refused because of its address. */
void metrics_cut_off(struct metrics *metrics, enum door door);
void metrics_refused(struct metrics *metrics, enum door door);

/*
 * A number that another part keeps and that is read when somebody asks: name with prefix and unit
 * ("sekisho_attempts_dropped_total"), one line of help. Strings are borrowed. `read` is called
 * from any thread. Before the listeners start only. ERR_LIMIT: more than METRICS_SOURCES_MAX.
 */
enum { METRICS_SOURCES_MAX = 128 };
enum metric_type { METRIC_COUNTER, METRIC_GAUGE };
int metrics_add(struct metrics *metrics, enum metric_type type, const char *name, const char *help,
                double (*read)(const void *context), const void *context,
                struct err *err) MUST_CHECK;

/* Appends everything counted so far in exposition format. */
void metrics_render(const struct metrics *metrics, struct buf *buf);

#endif
