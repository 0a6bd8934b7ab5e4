/* Writes the snapshot now and then, and once more at the end. */
#ifndef SEKISHO_ENGINE_KEEPER_H
#define SEKISHO_ENGINE_KEEPER_H

#include "base/err.h"

struct keeper;
struct feed;
struct rulesets;

/* Borrows all. Every minute when something was changed; a snapshot that takes long to write is written
 * less often, so that it costs at most a twentieth of one processor. */
int keeper_start(const struct rulesets *rulesets, const struct feed *feed, const char *path,
                 const unsigned char *key, struct keeper **ret, struct err *err) MUST_CHECK;
void keeper_stop(struct keeper *keeper); /* before feed_stop(); NULL is fine */

#endif
