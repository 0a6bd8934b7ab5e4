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

/* Are the eight bytes at `p` digits? Each must be 0x3_, and still be so with 6 added. 0: they are. */
static inline uint64_t not_digits8(const char *p)
{
    const uint64_t high = 0xf0f0f0f0f0f0f0f0, threes = 0x3030303030303030, six = 0x0606060606060606;
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return ((word & high) ^ threes) | (((word + six) & high) ^ threes);
}

static inline bool slice_is_digits(struct slice s)
{
    uint64_t odd = 0;
    if (s.n >= 8) /* the last eight first: a word at the end that overlaps the one before it */
        odd = not_digits8(s.p + s.n - 8);
    else
        for (size_t i = 0; i < s.n; i++)
            odd |= (unsigned char)(s.p[i] - '0') > 9;
    for (; s.n > 8; s.p += 8, s.n -= 8)
        odd |= not_digits8(s.p);
    return odd == 0;
}

#endif
