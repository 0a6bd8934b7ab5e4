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

static inline uint64_t hash_slice(struct slice s)
{
    uint64_t h = 0x9e3779b97f4a7c15ULL ^ s.n;
    for (; s.n >= 8; s.p += 8, s.n -= 8) {
        uint64_t word;
        memcpy(&word, s.p, 8);
        h = hash_mix(h ^ word);
    }
    if (s.n) {
        uint64_t word = 0;
        memcpy(&word, s.p, s.n);
        h = hash_mix(h ^ word);
    }
    return h;
}

#endif
