/*
 * All rulesets in one file, so that a node that restarts while store and cache are both away still
 * answers by the last rules it knew (design section 7).
 *
 *     head: magic, layout, known_at_ms, how many, MAC | each: length u32, envelope | …
 *
 * Written beside the old one and renamed; read whole before any of it is used. A file that is cut,
 * damaged, of another key or layout, or older than allowed is refused as a whole.
 */
#ifndef SEKISHO_ENGINE_SNAPSHOT_H
#define SEKISHO_ENGINE_SNAPSHOT_H

#include <stdint.h>

#include "base/err.h"
#include "cache/envelope.h"

struct rulesets;

/* `known_at_ms`: the moment of which the rulesets are the truth. ERR_IO, ERR_NOMEM. */
int snapshot_write(const struct rulesets *rulesets, const char *path,
                   const unsigned char key[ENVELOPE_KEY_BYTES], int64_t known_at_ms,
                   struct err *err) MUST_CHECK;

/* Publishes what is in the file. ERR_NOT_FOUND: there is none. ERR_INVALID, ERR_VERSION: refused, the
 * text says why; nothing was published. `oldest_ms`: the earliest known_at_ms that is allowed. */
int snapshot_load(struct rulesets *rulesets, const char *path,
                  const unsigned char key[ENVELOPE_KEY_BYTES], int64_t oldest_ms,
                  int64_t *ret_known_at_ms, struct err *err) MUST_CHECK;

#endif
