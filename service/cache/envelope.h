/*
 * A ruleset outside of the program: in Redis, or in the snapshot on disk. Sealed, so that what comes
 * back is what a node of this cluster put there, for this tenant, in this program's layout.
 *
 *     "SKR2" | layout u32 | sealed_at_ms i64 | history u64 | image bytes u32 | image | MAC 32 bytes
 *                                                                        (keyed BLAKE2b)
 *
 * The MAC covers all before it; the image carries tenant and revision. Numbers are of the host: the
 * layout number tells other hosts and other versions of the program apart.
 */
#ifndef SEKISHO_CACHE_ENVELOPE_H
#define SEKISHO_CACHE_ENVELOPE_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/ruleset.h"

/* What is not of the ruleset itself. */
struct envelope_mark {
    int64_t sealed_at_ms;
    uint64_t history; /* of the store that its revision counts in (store.h, feed_position_history) */
};

enum { ENVELOPE_HEAD_BYTES = 28, ENVELOPE_MAC_BYTES = 32, ENVELOPE_KEY_BYTES = 32 };

/* Bytes that a sealed ruleset takes. */
size_t envelope_bytes(const struct ruleset *ruleset);

/* Writes envelope_bytes() to `out`. */
void envelope_seal(const struct ruleset *ruleset, const unsigned char key[ENVELOPE_KEY_BYTES],
                   struct envelope_mark mark, unsigned char *out);

/*
 * Checks and opens; *ret is returned new. With `tenant` not NULL also that it is that tenant's.
 * ERR_INVALID: changed, of another key, of another tenant, or damaged. ERR_VERSION: another layout.
 */
int envelope_open(struct slice sealed, const unsigned char key[ENVELOPE_KEY_BYTES],
                  const struct slice *tenant, struct envelope_mark *ret_mark,
                  struct ruleset **ret, struct err *err) MUST_CHECK;

#endif
