/*
 * Text built up in memory of the caller, with a hard end: no allocation, no overrun.
 *
 * What does not fit is dropped and remembered in `overflowed`, so that a writer appends freely and
 * asks once at the end. The text is always NUL-terminated. A buffer that overflowed must not be
 * sent out: half an answer is worse than an error.
 */
#ifndef SEKISHO_BASE_BUF_H
#define SEKISHO_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

struct buf {
    char *p;
    size_t n;   /* bytes written, without the NUL */
    size_t cap; /* bytes of room, with the NUL; at least 1 */
    bool overflowed;
};

/* A buffer over `array` (an array, not a pointer). */
#define BUF_OVER(array) ((struct buf){(array), 0, sizeof(array), false})

/* Inline, because most of a verdict is literals: their copies then are a few moves each. */
/* What does not fit; for buf_add(). */
void buf_add_cut(struct buf *buf, const char *bytes, size_t n);

static inline void buf_add(struct buf *buf, const char *bytes, size_t n)
{
    if (n >= buf->cap - buf->n) {
        buf_add_cut(buf, bytes, n);
        return;
    }
    if (n) /* an empty slice may have no address */
        memcpy(buf->p + buf->n, bytes, n);
    buf->n += n;
    buf->p[buf->n] = '\0';
}

static inline void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

static inline void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_add_uint(struct buf *buf, unsigned long long value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* `text` as a JSON string with its quotes (RFC 8259 section 7); bytes that are no UTF-8 become
 * U+FFFD. */
void buf_add_json(struct buf *buf, struct slice text);

/* `text` percent-encoded for a form value (RFC 3986 unreserved characters stay). */
void buf_add_form(struct buf *buf, struct slice text);

static inline struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->p, buf->n};
}

#endif
