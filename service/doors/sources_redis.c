#include "doors/sources.h"

#include "doors/metrics.h"
#include "engine/courier.h"
#include "engine/filler.h"

#define READ_COURIER(field)                                                                        \
    static double courier_##field(const void *courier)                                             \
    {                                                                                              \
        return (double)courier_totals(courier).field;                                              \
    }
READ_COURIER(renewed)
READ_COURIER(dropped)

#define READ_FILLER(field)                                                                         \
    static double filler_##field(const void *filler)                                               \
    {                                                                                              \
        return (double)filler_totals(filler).field;                                                \
    }
READ_FILLER(is_on_duty)
READ_FILLER(is_full)
READ_FILLER(tenants)
READ_FILLER(rounds)

int sources_add_redis(struct metrics *metrics, const struct courier *courier,
                      const struct filler *filler, struct err *err)
{
    const struct {
        enum metric_type type;
        const char *name, *help;
        double (*read)(const void *);
        const void *context;
    } rows[] = {
        {METRIC_COUNTER, "sekisho_redis_renewed_total",
         "Edits of other nodes that were put in force from Redis, before the store was read.",
         courier_renewed, courier},
        {METRIC_COUNTER, "sekisho_redis_dropped_total",
         "Edits that Redis told of and that were left to the store, because many came at once.",
         courier_dropped, courier},
        {METRIC_GAUGE, "sekisho_redis_filler",
         "1 on the node that keeps Redis full of all tenants, else 0.", filler_is_on_duty, filler},
        {METRIC_GAUGE, "sekisho_redis_full",
         "1 while Redis has the rules of every tenant, else 0.", filler_is_full, filler},
        {METRIC_GAUGE, "sekisho_redis_filled_tenants",
         "Tenants that the latest round of this node has put into Redis so far.", filler_tenants,
         filler},
        {METRIC_COUNTER, "sekisho_redis_fills_total",
         "Rounds in which this node put all tenants into Redis.", filler_rounds, filler},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !rc; i++)
        if (rows[i].context)
            rc = metrics_add(metrics, rows[i].type, rows[i].name, rows[i].help, rows[i].read,
                             rows[i].context, err);
    return rc;
}
