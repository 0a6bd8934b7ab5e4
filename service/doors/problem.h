/*
 * Errors of the HTTP API: problem documents of RFC 9457, from one table.
 *
 *     {"type":"<base>not_found","title":"Not found","status":404,"detail":"…","code":"not_found",
 *      "request_id":"…","errors":[{"pointer":"/prefix","detail":"…"}]}
 *
 * api/errors.md says what each code means and what to do; tests/lint/errors.py compares it with
 * the table. What libmicrohttpd answers by itself (a request it cannot parse) is HTML and not
 * from here.
 */
#ifndef SEKISHO_DOORS_PROBLEM_H
#define SEKISHO_DOORS_PROBLEM_H

#include "base/buf.h"
#include "base/err.h"

enum problem {
    PROBLEM_BAD_REQUEST,
    PROBLEM_INVALID,
    PROBLEM_INVALID_TOKEN,
    PROBLEM_FORBIDDEN,
    PROBLEM_NOT_FOUND,
    PROBLEM_WRONG_METHOD,
    PROBLEM_EXISTS,
    PROBLEM_IDEMPOTENCY_BUSY,
    PROBLEM_WRONG_STATE,
    PROBLEM_LENGTH_REQUIRED,
    PROBLEM_STALE,
    PROBLEM_BODY_TOO_LARGE,
    PROBLEM_URI_TOO_LONG,
    PROBLEM_UNSUPPORTED_MEDIA_TYPE,
    PROBLEM_LIMIT,
    PROBLEM_IDEMPOTENCY_MISMATCH,
    PROBLEM_MATCH_REQUIRED,
    PROBLEM_HEADER_TOO_LARGE,
    PROBLEM_INTERNAL,
    PROBLEM_METHOD_UNKNOWN,
    PROBLEM_UNAVAILABLE,
    PROBLEM_CROWDED,
    PROBLEM_OUTCOME_UNKNOWN,
    PROBLEM_COUNT
};

struct problem_facts {
    int status;
    const char *code, *title;
};
const struct problem_facts *problem_facts(enum problem problem);

/* The problem for an ERR_* code. */
enum problem problem_of(int err_code);

/*
 * Appends the document. `err` may be NULL; its text becomes the detail, and with a field also the
 * only member of errors[]. What went wrong inside (internal, unavailable) is not told to the
 * client: the caller logs it with the request id.
 */
void problem_render(enum problem problem, const char *base, const char *request_id,
                    const struct err *err, struct buf *buf);

#endif
