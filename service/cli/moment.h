/*
 * A moment as people write it on a command line, as the API wants it (RFC 3339):
 *
 *     2026-12-01T09:00:00+09:00    as it is
 *     2026-12-01, 2026-12-01 09:00  in the time zone of the one who types
 *     7d, 12h, 30m                 from now on
 *     never, always                no date
 */
#ifndef SEKISHO_CLI_MOMENT_H
#define SEKISHO_CLI_MOMENT_H

#include <stdint.h>

#include "base/err.h"

/* *ret_ms is 0 for no date. ERR_INVALID says what is expected. */
int moment_parse(const char *text, int64_t now_ms, int64_t *ret_ms, struct err *err) MUST_CHECK;

#endif
