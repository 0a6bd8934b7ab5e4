/*
 * Who waits for which tenant: a bound on how many connections of the pool one tenant can hold up.
 *
 * Writers of one tenant wait for its row, each with a connection in its hands. When somebody holds
 * that row for long (a forgotten transaction in psql, a hung node) they would soon have all of
 * them, and nobody else could write or read. So only a share of the pool may wait for one tenant;
 * and once somebody waited in vain, only one at a time, and not for long, until one got through.
 */
#ifndef SEKISHO_STORE_PG_QUEUE_H
#define SEKISHO_STORE_PG_QUEUE_H

#include "base/err.h"
#include "base/slice.h"

struct pg_queue;

int pg_queue_new(struct pg_queue **ret, struct err *err) MUST_CHECK;
void pg_queue_free(struct pg_queue *queue);

/* Before waiting for the tenant; at most `waiting_max` do. ERR_CROWDED: too many do already. *ret_is_stuck: lately
 * somebody waited in vain. */
int pg_queue_enter(struct pg_queue *queue, struct slice tenant, unsigned waiting_max,
                   bool *ret_is_stuck, struct err *err) MUST_CHECK;
/* After it; `in_vain`: the time was up before it could be had. */
void pg_queue_leave(struct pg_queue *queue, struct slice tenant, bool in_vain);

#endif
