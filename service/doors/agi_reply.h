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

/* Each variable as text: "" for one that has no value, NULL for one that is not to be set. */
struct agi_answer {
    const char *decision_id, *reason, *rule, *number, *divert, *degraded, *dial, *verdict;
};

/* What a verdict says; borrows from it. */
struct agi_answer agi_answer_of(const struct verdict *verdict);

/* Appends to `out`, an empty buffer of at most AGI_REPLY_BYTES. ERR_INVALID: a value that may not be
 * sent; ERR_LIMIT: too long. The buffer's content is then of no use: nothing of it is to be sent. */
int agi_answer_write(const struct agi_answer *answer, struct buf *out, struct err *err) MUST_CHECK;

#endif
