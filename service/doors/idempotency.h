/*
 * Idempotency-Key: a client that does not know whether its request arrived may send it again.
 *
 * The answer to a change is kept in the same transaction as the change, so there is never one without
 * the other. The same request under the same key then gets the same answer again (status, headers,
 * body) and changes nothing; another request under that key is 422. Refusals are not kept: what was
 * wrong may be put right under the same key.
 *
 * Draft: ietf-wg-httpapi/idempotency. Its key is a quoted string; a bare one is understood too.
 */
#ifndef SEKISHO_DOORS_IDEMPOTENCY_H
#define SEKISHO_DOORS_IDEMPOTENCY_H

#include "doors/http.h"

enum { IDEMPOTENCY_KEY_BYTES_MAX = 255 };

struct idempotency {
    struct slice key; /* empty: the request has none */
    struct slice scope;
    uint64_t fingerprint;
};

/* `tenant` is empty for what belongs to no tenant. ERR_INVALID: empty, too long, unprintable. */
int idempotency_of(const struct request *request, struct slice tenant, struct idempotency *ret,
                   struct err *err) MUST_CHECK;

/* *ret_is_replay: `response` is the kept one, and there is nothing to do. ERR_MISMATCH. */
int idempotency_replay(const struct idempotency *idempotency, struct txn *txn,
                       const struct request *request, struct response *response,
                       bool *ret_is_replay, struct err *err) MUST_CHECK;

/* Keeps `response` for the key, if there is one; its JSON becomes text, so that both are one. */
int idempotency_keep(const struct idempotency *idempotency, struct txn *txn,
                     const struct request *request, struct response *response,
                     struct err *err) MUST_CHECK;

#endif
