#include "base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES_MIN = 4096, BLOCK_BYTES_MAX = 1 << 20 };

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *arena, size_t bytes_max)
{
    *arena = (struct arena){.bytes_max = bytes_max};
}

void arena_release(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    arena_init(arena, arena->bytes_max);
}

static struct arena_block *add_block(struct arena *arena, size_t n)
{
    size_t cap = arena->used < BLOCK_BYTES_MIN   ? BLOCK_BYTES_MIN
                 : arena->used > BLOCK_BYTES_MAX ? BLOCK_BYTES_MAX
                                                 : arena->used;
    if (cap < n)
        cap = n;
    if (n > arena->bytes_max || cap > arena->bytes_max - arena->used)
        cap = n;
    if (n > arena->bytes_max || cap > arena->bytes_max - arena->used)
        return NULL;
    struct arena_block *block = calloc(1, sizeof *block + cap);
    if (!block)
        return NULL;
    block->cap = cap;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used += cap;
    return block;
}

void *arena_alloc(struct arena *arena, size_t n)
{
    const size_t align = alignof(max_align_t);
    if (n > arena->bytes_max)
        return NULL;
    n = (n + align - 1) / align * align;
    struct arena_block *block = arena->blocks;
    if (!block || block->cap - block->used < n)
        block = add_block(arena, n);
    if (!block)
        return NULL;
    void *p = block->bytes + block->used;
    block->used += n;
    return p;
}

char *arena_copy(struct arena *arena, struct slice text)
{
    char *copy = arena_alloc(arena, text.n + 1);
    if (copy && text.n)
        memcpy(copy, text.p, text.n);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}
