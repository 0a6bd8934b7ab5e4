/* A fast 64-bit hash of short names, for our own tables. Not for secrets. */
#ifndef SEKISHO_BASE_HASH_H
#define SEKISHO_BASE_HASH_H

#include <stdint.h>

#include "base/slice.h"

static inline uint64_t hash_mix(uint64_t h)
{
    /* finalizer of MurmurHash3 (Appleby, public domain): every input bit reaches every output bit */
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ULL;
    return h ^ h >> 33;
}

/* 1 to 7 bytes as one word; bytes of short ones may come twice. */
static inline uint64_t hash_tail(const char *p, size_t n)
{
    uint32_t first, last;
    if (n < 4)
        return (uint64_t)(uint8_t)p[0] | (uint64_t)(uint8_t)p[n / 2] << 8 | (uint64_t)(uint8_t)p[n - 1] << 16;
    memcpy(&first, p, 4);
    memcpy(&last, p + n - 4, 4);
    return first | (uint64_t)last << 32;
}

/* As slice_equals(), for short names that are mostly the same: no call. */
static inline bool hash_same_name(struct slice a, struct slice b)
{
    uint64_t left, right;
    if (a.n != b.n)
        return false;
    for (; a.n >= 8; a.p += 8, b.p += 8, a.n -= 8) {
        memcpy(&left, a.p, 8);
        memcpy(&right, b.p, 8);
        if (left != right)
            return false;
    }
    return a.n == 0 || hash_tail(a.p, a.n) == hash_tail(b.p, a.n);
}

static inline uint64_t hash_slice(struct slice s)
{
    uint64_t h = 0x9e3779b97f4a7c15ULL ^ s.n;
    for (; s.n >= 8; s.p += 8, s.n -= 8) {
        uint64_t word;
        memcpy(&word, s.p, 8);
        h = hash_mix(h ^ word);
    }
    return s.n ? hash_mix(h ^ hash_tail(s.p, s.n)) : h;
}

#endif
