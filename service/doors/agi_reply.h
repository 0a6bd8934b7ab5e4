/*
 * A verdict as AGI commands: one line `SET VARIABLE NAME "value"` for each variable of the contract.
 *
 * The verdict itself comes last. Asterisk runs what it received, line by line, also half a line when
 * the connection ends there; so a cut answer has no SEKISHO_VERDICT and the dialplan takes it for none.
 *
 * Asterisk splits a command into words itself (res/res_agi.c, parse_args): a quote or backslash that
 * is not escaped would move the rest of a value into other words. Values are therefore checked
 * against what each may hold, and escaped all the same. Pure.
 */
#ifndef SEKISHO_DOORS_AGI_REPLY_H
#define SEKISHO_DOORS_AGI_REPLY_H

#include "base/buf.h"
#include "base/err.h"
#include "core/verdict.h"

/* Asterisk before 2025-07 reads a line into 2048 bytes; the whole answer stays below. */
enum { AGI_REPLY_BYTES = 2000 };

/* Appends to `out`, an empty buffer of at most AGI_REPLY_BYTES. ERR_INVALID: a value that may not be
 * sent; ERR_LIMIT: too long. The buffer's content is then of no use: nothing of it is to be sent. */
int agi_reply_write(const struct verdict *verdict, struct buf *out, struct err *err) MUST_CHECK;

/* `SET VARIABLE name "value"` and a line break; false, with nothing written, when the value holds a
 * control character. For values that come from elsewhere, as in `sekisho agi`. */
bool agi_reply_set(struct buf *out, const char *name, struct slice value) MUST_CHECK;

#endif
