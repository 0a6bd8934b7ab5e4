/*
 * Everything with which people are told something, built from the options: texts, links, secrets, and the
 * threads that send.
 */
#ifndef SEKISHO_JOBS_NOTIFY_H
#define SEKISHO_JOBS_NOTIFY_H

#include "jobs/notice.h"
#include "jobs/outbox_sender.h"

struct notify_config {
    struct smtp_config smtp; /* url NULL: no mail is sent from here */
    struct networks webhook_allow;
    const char *webhook_secret; /* file, or NULL */
    const char *ca;             /* file, or NULL */
    const char *notices;        /* folder, or NULL */
    const char *contact;        /* whom to ask; NULL: the sender of mails */
    int64_t retry_ms;
    const char *node, *public_url;
};

struct notify {
    struct notify_config config;
    struct answer_keys links;
    struct webhook_config webhook;
    struct notices *notices;
    struct outbox_sender *sender;
};

/* What a start would find out: for --check-config. Names the option. */
int notify_check(const struct notify_config *config, struct err *err) MUST_CHECK;
/* Borrows store and what the config points to. */
int notify_start(const struct notify_config *config, struct store *store,
                 const struct keyring *keyring, struct notify **ret, struct err *err) MUST_CHECK;
void notify_stop(struct notify *notify); /* NULL is fine */

#endif
