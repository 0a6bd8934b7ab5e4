/*
 * The target of a request: its path, left as it came, and its query, taken apart and
 * percent-decoded.
 *
 * We do not use what libmicrohttpd makes of it: it decodes the path before it is split, so that %2F
 * becomes a separator and %00 the end, and it takes the first of two parameters of the same name.
 */
#ifndef SEKISHO_DOORS_URI_H
#define SEKISHO_DOORS_URI_H

#include "base/err.h"
#include "base/slice.h"

enum { URI_PARAMS_MAX = 16 };

struct uri {
    struct slice path; /* raw */
    unsigned params_count;
    struct uri_param {
        struct slice name, value;
    } params[URI_PARAMS_MAX];
};

/*
 * Splits `text` (of `n` bytes; writes into it; *ret borrows it). In the query + is a space,
 * except at the start of a value before a digit: there it is the plus of "+81 3 …" that was not
 * encoded, and a space would mean nothing. ERR_INVALID: control characters, %00 or a broken
 * escape anywhere, no leading slash, a parameter twice or without name; ERR_LIMIT: too many
 * parameters.
 */
int uri_split(char *text, size_t n, struct uri *ret, struct err *err) MUST_CHECK;

/* The value of a parameter; p == NULL when it is absent. */
struct slice uri_param(const struct uri *uri, const char *name);

/* Decodes the escapes of one path segment into `out` (room for `segment.n` bytes); escapes are
 * known to be whole from uri_split(). */
struct slice uri_decode_segment(struct slice segment, char *out);

#endif
