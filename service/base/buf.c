#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void buf_add_cut(struct buf *buf, const char *bytes, size_t n)
{
    size_t room = buf->cap - 1 - buf->n;
    buf->overflowed = true;
    memcpy(buf->p + buf->n, bytes, n < room ? n : room);
    buf->n += n < room ? n : room;
    buf->p[buf->n] = '\0';
}

void buf_add_uint(struct buf *buf, unsigned long long value)
{
    char digits[20];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_add(buf, digits + i, sizeof digits - i);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = buf->cap - buf->n;
    int n = vsnprintf(buf->p + buf->n, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room) {
        buf->overflowed = true;
        buf->n = buf->cap - 1;
        buf->p[buf->n] = '\0';
    } else {
        buf->n += (size_t)n;
    }
}

static void add_json_escape(struct buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '"': buf_add(buf, "\\\"", 2); return;
    case '\\': buf_add(buf, "\\\\", 2); return;
    case '\n': buf_add(buf, "\\n", 2); return;
    case '\t': buf_add(buf, "\\t", 2); return;
    case '\r': buf_add(buf, "\\r", 2); return;
    default: {
        char out[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        buf_add(buf, out, sizeof out);
    }
    }
}

static bool is_plain_ascii(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

/* How many bytes at the start are ASCII and need no escape? Eight at a time: most texts are ids. */
static size_t plain_run(struct slice text)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    size_t i = 0;
    for (; i + 8 <= text.n; i += 8) {
        uint64_t word;
        memcpy(&word, text.p + i, 8);
        uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
        uint64_t delete = word ^ ones * 0x7f;
        uint64_t found = word | (word - ones * 0x20) | (quote - ones) | (backslash - ones) |
                         (delete - ones);
        if (found & tops) /* may be a false alarm, never the other way round */
            break;
    }
    while (i < text.n && is_plain_ascii(text.p[i]))
        i++;
    return i;
}

void buf_add_json(struct buf *buf, struct slice text)
{
    buf_add_char(buf, '"');
    size_t plain = 0; /* start of the run not yet copied */
    for (size_t i = plain_run(text); i < text.n;) {
        unsigned char c = (unsigned char)text.p[i];
        size_t len = c < 0x80 ? 1 : utf8_len(text.p + i, text.n - i);
        bool needs_escape = c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
        if (len && !needs_escape) {
            i += len;
            continue;
        }
        buf_add(buf, text.p + plain, i - plain);
        if (len)
            add_json_escape(buf, c);
        else
            buf_add(buf, "\xef\xbf\xbd", 3);
        plain = ++i;
    }
    buf_add(buf, text.p + plain, text.n - plain);
    buf_add_char(buf, '"');
}

void buf_add_form(struct buf *buf, struct slice text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            buf_add_char(buf, (char)c);
        } else {
            char out[3] = {'%', hex[c >> 4], hex[c & 15]};
            buf_add(buf, out, sizeof out);
        }
    }
}
