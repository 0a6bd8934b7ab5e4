/*
 * Memory of one request: handed out in small pieces, given back all at once.
 *
 * An arena belongs to one thread. It has a hard limit, so that one request cannot eat the machine;
 * past it arena_alloc() returns NULL like any allocator. Not for the dial path, which allocates
 * nothing.
 */
#ifndef SEKISHO_BASE_ARENA_H
#define SEKISHO_BASE_ARENA_H

#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used;      /* bytes taken from malloc */
    size_t bytes_max; /* the limit on `used` */
};

void arena_init(struct arena *arena, size_t bytes_max);
void arena_release(struct arena *arena);

/* `n` zeroed bytes aligned for any type, valid until arena_release(); NULL when out of memory or over
 * the limit. Grows what it takes from malloc with the total, so that many small pieces are cheap. */
void *arena_alloc(struct arena *arena, size_t n) MUST_CHECK;

/* Copies `text`, NUL-terminated. NULL when there is no memory. */
char *arena_copy(struct arena *arena, struct slice text) MUST_CHECK;
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

#endif
