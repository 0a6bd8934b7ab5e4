/*
 * The record of issued tokens, beside the keys: DIR/issued.ndjson, one JSON object a line, mode 0600.
 * Never the token: with its jti it can be found and revoked, not used.
 *
 *     {"jti":"01J…","role":"pbx","tenants":["acme"],"subject":"tokyo-1","issued_at":"2026-…Z","expires_at":"2027-…Z"}
 *
 * tenants is null for a token that has all, subject is null for one that has none.
 */
#ifndef SEKISHO_AUTH_ISSUED_H
#define SEKISHO_AUTH_ISSUED_H

#include <jansson.h>

#include "auth/auth.h"

/* One record as JSON, returned new; NULL when out of memory. */
json_t *issued_record(const struct credential *credential);

/* Appends it and waits until it is on disk, so that no token goes out that is not on record. Several
 * processes may append at once. */
int issued_append(const char *dir, const struct credential *credential, struct err *err) MUST_CHECK;

/* All records, oldest first, as an array, returned new; empty when there is no file yet. Lines that are
 * no record (half written when the disk was full) are left out and counted. */
int issued_read(const char *dir, json_t **ret, unsigned *ret_unreadable, struct err *err) MUST_CHECK;

#endif
