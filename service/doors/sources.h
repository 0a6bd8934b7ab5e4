/* Numbers that other parts count for themselves, made visible in /metrics. */
#ifndef SEKISHO_DOORS_SOURCES_H
#define SEKISHO_DOORS_SOURCES_H

#include "base/err.h"

struct agi;
struct attempts;
struct cache;
struct campaigns;
struct courier;
struct filler;
struct metrics;
struct outbox_sender;
struct retention;

/* Before the listeners start. Borrows all while metrics are read; `agi` and `cache` may be NULL. */
int sources_add(struct metrics *metrics, const struct attempts *attempts, const struct agi *agi,
                const struct cache *cache, struct err *err) MUST_CHECK;
/* The same for what runs beside the doors. */
int sources_add_jobs(struct metrics *metrics, const struct retention *retention,
                     const struct outbox_sender *sender, struct err *err) MUST_CHECK;
int sources_add_campaigns(struct metrics *metrics, const struct campaigns *campaigns,
                          struct err *err) MUST_CHECK;

/* Of what goes through Redis; both may be NULL. */
int sources_add_redis(struct metrics *metrics, const struct courier *courier,
                      const struct filler *filler, struct err *err) MUST_CHECK;

#endif
