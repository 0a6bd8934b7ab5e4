/*
 * Sends what lies in the outbox: threads that claim a few messages, deliver each and say how it ended.
 *
 *     outbox ─ claim ─► smtp.h (one thread) ──────┐
 *            ─ claim ─► webhook.h (some threads) ─┴─► done, later, never ─ settle ─► outbox
 *
 * Every node sends; the claim keeps them apart. "Later" is twice as late each time, with some chance in
 * it so that what failed together does not come back together, and ends after OUTBOX_ATTEMPTS_MAX attempts.
 */
#ifndef SEKISHO_JOBS_OUTBOX_SENDER_H
#define SEKISHO_JOBS_OUTBOX_SENDER_H

#include "jobs/smtp.h"
#include "jobs/webhook.h"

enum { OUTBOX_ATTEMPTS_MAX = 30 }; /* about two days, when the first pause is half a minute */

struct outbox_sender;

struct outbox_sender_config {
    struct store *store;
    const char *node;               /* this node's name */
    const struct smtp_config *smtp; /* NULL: this node sends no mail */
    const struct webhook_config *webhook;
    int64_t retry_ms; /* the first pause */
};

/* Borrows all of it. curl_global_init() was called. */
int outbox_sender_start(const struct outbox_sender_config *config, struct outbox_sender **ret,
                        struct err *err) MUST_CHECK;
/* What is under way may end within DELIVERY_STOP_MS; what is claimed beyond it is given back. NULL is
 * fine. */
void outbox_sender_stop(struct outbox_sender *sender);

struct outbox_totals {
    uint64_t sent, failed, given_up; /* attempts of this node that ended so */
    uint64_t waiting;                /* in the outbox, of all nodes, up to ten seconds ago */
};
struct outbox_totals outbox_sender_totals(const struct outbox_sender *sender); /* any thread */

/* How long to wait after the attempt of that number (from 1) failed. */
int64_t outbox_pause_ms(int64_t retry_ms, unsigned attempts);

#endif
