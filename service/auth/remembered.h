/*
 * Tokens that were verified, so that a call costs a look-up and not a signature. For auth/ only.
 *
 * A table of fixed size: SETS sets of WAYS slots. Tags are a keyed hash of the token's last bytes (its
 * signature), side by side so that one cache line answers for a set; the slot behind a tag holds the
 * whole token, and a hit is only what is equal byte for byte, so no collision of hashes can grant
 * anything. (A digest instead of the token was measured: 500 ns of hashing for a usual token, against
 * 20 ns for comparing it.)
 *
 *     tags  [set] | t0 t1 t2 … |          slot | sequence | sizes | token … | credential … |
 *                        └─────────────────►
 *
 * Readers take no lock: a slot is read under its sequence number (odd while it is written), and what
 * changed meanwhile is a miss. Every shared word is atomic, with acquire and release on each, because
 * a fence would be cheaper nowhere that we run and is invisible to the thread sanitizer. Writers
 * exclude each other; one who would wait does not remember.
 *
 * The table is 17 MB of addresses, of which memory is what is in use; it is left out of core dumps.
 * It remembers what the token said when it was verified: expiry and revocation are the caller's, at
 * every hit.
 */
#ifndef SEKISHO_AUTH_REMEMBERED_H
#define SEKISHO_AUTH_REMEMBERED_H

#include "auth/auth.h"

struct remembered;

struct remembered *remembered_new(void); /* NULL when out of memory */
void remembered_free(struct remembered *remembered);

/* true: *ret is the token's credential, maybe expired. false: *ret may hold garbage. */
bool remembered_find(const struct remembered *remembered, struct slice token,
                     struct credential *ret);

/* May do nothing: when another thread writes, or token and tenants are longer than a slot. Overwrites
 * an expired slot of the set, else one by turns. */
void remembered_add(struct remembered *remembered, struct slice token,
                    const struct credential *credential, int64_t now_ms);

#endif
