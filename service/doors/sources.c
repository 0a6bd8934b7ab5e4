#include "doors/sources.h"

#include "cache/cache.h"
#include "doors/agi.h"
#include "doors/metrics.h"
#include "engine/attempts.h"
#include "jobs/campaigns.h"
#include "jobs/outbox_sender.h"
#include "jobs/retention.h"

#define READ_ATTEMPTS(field)                                                                       \
    static double attempts_##field(const void *attempts)                                           \
    {                                                                                              \
        return (double)attempts_totals(attempts).field;                                            \
    }
READ_ATTEMPTS(recorded)
READ_ATTEMPTS(dropped)
READ_ATTEMPTS(written)

#define READ_AGI(field)                                                                            \
    static double agi_##field(const void *agi)                                                     \
    {                                                                                              \
        return (double)agi_counters(agi).field;                                                    \
    }
READ_AGI(connections)
READ_AGI(answered)
READ_AGI(refused_address)
READ_AGI(refused_full)
READ_AGI(bad_environments)
READ_AGI(timeouts)
READ_AGI(cut_short)
READ_AGI(failed)
READ_AGI(open)

#define READ_CACHE(field)                                                                          \
    static double cache_##field(const void *cache)                                                 \
    {                                                                                              \
        return (double)cache_totals(cache).field;                                                  \
    }
READ_CACHE(hits)
READ_CACHE(misses)
READ_CACHE(poisoned)
READ_CACHE(errors)
READ_CACHE(puts)
READ_CACHE(invalidations)
READ_CACHE(flushes)
READ_CACHE(reconnects)

static double cache_listening(const void *cache)
{
    return cache_is_listening(cache);
}

int sources_add(struct metrics *metrics, const struct attempts *attempts, const struct agi *agi,
                const struct cache *cache, struct err *err)
{
    const struct {
        enum metric_type type;
        const char *name, *help;
        double (*read)(const void *);
        const void *context;
    } rows[] = {
        {METRIC_COUNTER, "sekisho_attempts_recorded_total", "Decisions handed to the recorder.",
         attempts_recorded, attempts},
        {METRIC_COUNTER, "sekisho_attempts_dropped_total",
         "Decisions that were not recorded because the queue was full.", attempts_dropped, attempts},
        {METRIC_COUNTER, "sekisho_attempts_written_total", "Decisions that are in the store.",
         attempts_written, attempts},
        {METRIC_COUNTER, "sekisho_agi_connections_total", "FastAGI connections accepted.",
         agi_connections, agi},
        {METRIC_COUNTER, "sekisho_agi_answered_total", "FastAGI sessions that got a verdict.",
         agi_answered, agi},
        {METRIC_COUNTER, "sekisho_agi_refused_address_total",
         "FastAGI connections from addresses that are not allowed.", agi_refused_address, agi},
        {METRIC_COUNTER, "sekisho_agi_refused_full_total",
         "FastAGI connections closed because no session was free.", agi_refused_full, agi},
        {METRIC_COUNTER, "sekisho_agi_bad_environments_total",
         "FastAGI requests that no Asterisk would send.", agi_bad_environments, agi},
        {METRIC_COUNTER, "sekisho_agi_timeouts_total", "FastAGI sessions that took too long.",
         agi_timeouts, agi},
        {METRIC_COUNTER, "sekisho_agi_cut_short_total", "FastAGI clients that left before they asked.",
         agi_cut_short, agi},
        {METRIC_COUNTER, "sekisho_agi_failed_total", "FastAGI answers that could not be sent.",
         agi_failed, agi},
        {METRIC_GAUGE, "sekisho_agi_sessions", "FastAGI sessions open now.", agi_open, agi},
        {METRIC_COUNTER, "sekisho_redis_hits_total", "Rulesets that Redis had.", cache_hits, cache},
        {METRIC_COUNTER, "sekisho_redis_misses_total",
         "Rulesets that Redis did not have, or only too old or of another version.", cache_misses,
         cache},
        {METRIC_COUNTER, "sekisho_redis_poisoned_total",
         "Rulesets from Redis that no node of this cluster had put there for this tenant.",
         cache_poisoned, cache},
        {METRIC_COUNTER, "sekisho_redis_errors_total", "Questions that Redis did not answer in time.",
         cache_errors, cache},
        {METRIC_COUNTER, "sekisho_redis_puts_total", "Rulesets put into Redis.", cache_puts, cache},
        {METRIC_COUNTER, "sekisho_redis_invalidations_total",
         "Changes of rulesets in Redis that were heard of, own ones too.", cache_invalidations, cache},
        {METRIC_COUNTER, "sekisho_redis_flushes_total", "Times that Redis was emptied.", cache_flushes,
         cache},
        {METRIC_COUNTER, "sekisho_redis_reconnects_total",
         "Times that Redis was listened to again after it was lost.", cache_reconnects, cache},
        {METRIC_GAUGE, "sekisho_redis_listening",
         "1 while changes in Redis are heard without a gap, else 0.", cache_listening, cache},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !rc; i++)
        if (rows[i].context)
            rc = metrics_add(metrics, rows[i].type, rows[i].name, rows[i].help, rows[i].read,
                             rows[i].context, err);
    return rc;
}

#define READ_RETENTION(field)                                                                      \
    static double retention_##field(const void *retention)                                         \
    {                                                                                              \
        return (double)retention_totals(retention).field;                                          \
    }
READ_RETENTION(calls)
READ_RETENTION(attempts)
READ_RETENTION(errors)

#define READ_OUTBOX(field)                                                                         \
    static double outbox_##field(const void *sender)                                               \
    {                                                                                              \
        return (double)outbox_sender_totals(sender).field;                                         \
    }
READ_OUTBOX(sent)
READ_OUTBOX(failed)
READ_OUTBOX(given_up)
READ_OUTBOX(waiting)

static int add_outbox(struct metrics *metrics, const struct outbox_sender *sender, struct err *err)
{
    int rc = metrics_add(metrics, METRIC_COUNTER, "sekisho_messages_sent_total",
                         "Mails and webhooks that were delivered from here.", outbox_sent, sender,
                         err);
    if (!rc)
        rc = metrics_add(metrics, METRIC_COUNTER, "sekisho_messages_failed_total",
                         "Attempts to deliver that failed and are tried again.", outbox_failed,
                         sender, err);
    if (!rc)
        rc = metrics_add(metrics, METRIC_COUNTER, "sekisho_messages_given_up_total",
                         "Mails and webhooks that were given up here.", outbox_given_up, sender,
                         err);
    if (!rc)
        rc = metrics_add(metrics, METRIC_GAUGE, "sekisho_messages_waiting",
                         "Messages in the outbox that are yet to be delivered, by any node.",
                         outbox_waiting, sender, err);
    return rc;
}

int sources_add_jobs(struct metrics *metrics, const struct retention *retention,
                     const struct outbox_sender *sender, struct err *err)
{
    int rc = metrics_add(metrics, METRIC_COUNTER, "sekisho_retention_calls_removed_total",
                         "Call records that were too old and left only their sums.",
                         retention_calls, retention, err);
    if (!rc)
        rc = metrics_add(metrics, METRIC_COUNTER, "sekisho_retention_attempts_removed_total",
                         "Attempts that were too old.", retention_attempts, retention, err);
    if (!rc)
        rc = metrics_add(metrics, METRIC_COUNTER, "sekisho_retention_errors_total",
                         "Times that removing what is too old failed; it is tried again.",
                         retention_errors, retention, err);
    if (!rc)
        rc = add_outbox(metrics, sender, err);
    return rc;
}

#define READ_CAMPAIGNS(field)                                                                      \
    static double campaigns_##field(const void *campaigns)                                         \
    {                                                                                              \
        return (double)campaigns_totals(campaigns).field;                                          \
    }
READ_CAMPAIGNS(planned)
READ_CAMPAIGNS(told)
READ_CAMPAIGNS(applied)
READ_CAMPAIGNS(undone)
READ_CAMPAIGNS(failures)
READ_CAMPAIGNS(working)

int sources_add_campaigns(struct metrics *metrics, const struct campaigns *campaigns,
                          struct err *err)
{
    static const struct {
        enum metric_type type;
        const char *name, *help;
        double (*read)(const void *context);
    } rows[] = {
        {METRIC_COUNTER, "sekisho_campaign_planned_total",
         "Accounts looked at for plans of campaigns, on this node.", campaigns_planned},
        {METRIC_COUNTER, "sekisho_campaign_told_total",
         "Accounts whose tenants this node put a notice into the outbox for.", campaigns_told},
        {METRIC_COUNTER, "sekisho_campaign_applied_total",
         "Accounts that this node applied a campaign to.", campaigns_applied},
        {METRIC_COUNTER, "sekisho_campaign_undone_total",
         "Accounts that this node undid a campaign for.", campaigns_undone},
        {METRIC_COUNTER, "sekisho_campaign_failures_total",
         "Batches of campaigns that failed on this node; they are tried again.",
         campaigns_failures},
        {METRIC_GAUGE, "sekisho_campaigns_working", "Campaigns that this node works at.",
         campaigns_working},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !rc; i++)
        rc = metrics_add(metrics, rows[i].type, rows[i].name, rows[i].help, rows[i].read, campaigns,
                         err);
    return rc;
}
