/*
 * A verdict as text, in the formats of the dial route. Written straight into a buffer: no
 * allocation, no library; FastAGI and the command line use the same words.
 */
#ifndef SEKISHO_WIRE_VERDICT_H
#define SEKISHO_WIRE_VERDICT_H

#include "base/buf.h"
#include "core/verdict.h"

enum { VERDICT_TEXT_BYTES = 2048 }; /* room enough for any verdict in any format */

/* One JSON object, no line end. */
void verdict_to_json(const struct verdict *verdict, struct buf *buf);
/* One word: allow, deny or divert. */
void verdict_to_text(const struct verdict *verdict, struct buf *buf);
/* verdict=deny&reason=rule&number=…: percent-encoded, always all fields in the same order, empty
 * where there is nothing to say, so that no HASH() of a dialplan keeps a field of the call
 * before. */
void verdict_to_form(const struct verdict *verdict, struct buf *buf);

#endif
