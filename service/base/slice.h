/*
 * A run of bytes that belongs to somebody else: pointer and length, not NUL-terminated.
 * A slice borrows; it is valid as long as what it points into.
 */
#ifndef SEKISHO_BASE_SLICE_H
#define SEKISHO_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

#define SLICE_NONE ((struct slice){NULL, 0})
#define SLICE_LIT(text) ((struct slice){"" text, sizeof(text) - 1})
/* for printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) ((int)(s).n), ((s).p ? (s).p : "")

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is_empty(struct slice s)
{
    return s.n == 0;
}

static inline bool slice_equals(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_equals_text(struct slice a, const char *text)
{
    return slice_equals(a, slice_of(text));
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* Only 0-9? Looks at eight bytes at once: each must be 0x3_, and still be so with 6 added. */
static inline bool slice_is_digits(struct slice s)
{
    const uint64_t high = 0xf0f0f0f0f0f0f0f0, threes = 0x3030303030303030, six = 0x0606060606060606;
    uint64_t odd = 0, word;
    for (; s.n >= 8; s.p += 8, s.n -= 8) {
        memcpy(&word, s.p, 8);
        odd |= ((word & high) ^ threes) | (((word + six) & high) ^ threes);
    }
    for (; s.n; s.p++, s.n--)
        odd |= (unsigned char)(*s.p - '0') > 9;
    return odd == 0;
}

#endif
