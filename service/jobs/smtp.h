/*
 * Mail to a relay by SMTP (libcurl). One relay, which knows the rest of the world; a connection is kept
 * while there is more to send.
 *
 * TLS is required unless the relay is on this machine, or the operator says that it may do without.
 */
#ifndef SEKISHO_JOBS_SMTP_H
#define SEKISHO_JOBS_SMTP_H

#include "base/err.h"
#include "jobs/delivery.h"
#include "jobs/mail.h"

struct smtp_config {
    const char *url;           /* "smtp://mail.example.jp:587", "smtps://…" */
    const char *user;          /* NULL: no login */
    const char *password_file; /* read again for each message, so that it may change */
    const char *ca;            /* PEM file to trust in place of the system's, or NULL */
    const char *from;          /* for mailbox_parse() */
    enum smtp_starttls { STARTTLS_AUTO, STARTTLS_REQUIRED, STARTTLS_OFF } starttls;
};

/* What can be seen without asking the relay. ERR_INVALID, ERR_IO; names the option. */
int smtp_check(const struct smtp_config *config, struct err *err) MUST_CHECK;

struct smtp; /* of one thread */
/* Borrows all of it; curl_global_init() was called. */
int smtp_new(const struct smtp_config *config, const struct delivery_stop *stop, struct smtp **ret,
             struct err *err) MUST_CHECK;
void smtp_free(struct smtp *smtp);
void smtp_send(struct smtp *smtp, const struct outbox_message *message, struct delivery *ret);

#endif
