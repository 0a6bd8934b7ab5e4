/*
 * A message as a signed POST, by the conventions of Standard Webhooks, for which receivers have libraries:
 *
 *     webhook-id         the message's id, the same each time it comes
 *     webhook-timestamp  Unix seconds of this attempt
 *     webhook-signature  v1,base64(HMAC-SHA256(secret, id "." timestamp "." body)), one a secret
 *
 * A tenant's secret is derived from the operator's (--webhook-secret, a file whose first line signs and whose
 * second signs as well while receivers are moved; else from the keyring), so that no tenant can write to
 * another in the operator's name, and none has to be stored.
 */
#ifndef SEKISHO_JOBS_WEBHOOK_H
#define SEKISHO_JOBS_WEBHOOK_H

#include "auth/auth.h"
#include "jobs/delivery.h"
#include "jobs/webhook_target.h"
#include "store/outbox.h"

enum { WEBHOOK_KEYS_MAX = 2, WEBHOOK_SECRET_BYTES = 64, WEBHOOK_SIGNATURE_BYTES = 128 };

struct webhook_keys {
    unsigned count; /* 0: nothing can be sent */
    unsigned char keys[WEBHOOK_KEYS_MAX][32];
};
/* `file` NULL: from the keyring. ERR_INVALID: a line of less than 16 bytes, more than two; as
 * secret_file_read(). */
int webhook_keys_load(const char *file, const struct keyring *keyring, struct webhook_keys *ret,
                      struct err *err) MUST_CHECK;
/* "whsec_…": what the tenant checks signatures with. ERR_UNAVAILABLE: there are no keys. */
int webhook_secret(const struct webhook_keys *keys, struct slice tenant,
                   char out[WEBHOOK_SECRET_BYTES], struct err *err) MUST_CHECK;
/* The value of webhook-signature. */
void webhook_sign(const struct webhook_keys *keys, const struct outbox_message *message,
                  int64_t timestamp_s, char out[WEBHOOK_SIGNATURE_BYTES]);

struct webhook_config {
    struct webhook_keys keys;
    struct networks allowed; /* --webhook-allow */
    const char *ca;          /* PEM file to trust in place of the system's, or NULL */
};

struct webhook; /* of one thread */
/* Borrows all of it; curl_global_init() was called. */
int webhook_new(const struct webhook_config *config, const struct delivery_stop *stop,
                struct webhook **ret, struct err *err) MUST_CHECK;
void webhook_free(struct webhook *webhook);
void webhook_send(struct webhook *webhook, const struct outbox_message *message,
                  struct delivery *ret);

#endif
