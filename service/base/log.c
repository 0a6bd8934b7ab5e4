#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

static atomic_int verbosity = LOG_INFO;

void log_set_level(enum log_level most_verbose)
{
    atomic_store_explicit(&verbosity, (int)most_verbose, memory_order_relaxed);
}

static void add_sanitized(struct buf *line, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            buf_printf(line, "\\x%02x", c);
        else
            buf_add_char(line, (char)c);
    }
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const words[] = {"error", "warn", "info", "debug"};
    if ((int)level > atomic_load_explicit(&verbosity, memory_order_relaxed))
        return;
    char text[1024], out[2048], when[CLOCK_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);

    struct buf line = BUF_OVER(out);
    buf_printf(&line, "%s %s %s", clock_format(clock_now_ms(), when), words[level], event);
    if (text[0])
        buf_add_char(&line, ' ');
    add_sanitized(&line, text);
    if (line.n == line.cap - 1)
        line.n--;
    out[line.n++] = '\n';
    /* one write, so that lines of different threads do not mix; nothing can be done if it fails */
    if (write(STDERR_FILENO, out, line.n) < 0)
        return;
}

const char *log_value(struct slice text, char out[LOG_VALUE_BYTES])
{
    struct buf value = {out, 0, LOG_VALUE_BYTES - 2, false};
    buf_add_char(&value, '"');
    for (size_t i = 0; i < text.n && value.n < LOG_VALUE_BYTES - 8; i++) {
        char c = text.p[i];
        if (c == '"' || c == '\\')
            buf_add_char(&value, '\\');
        buf_add_char(&value, c ? c : '?');
    }
    value.cap = LOG_VALUE_BYTES;
    buf_add_char(&value, '"');
    return out;
}

const char *log_number(struct slice number, char out[LOG_VALUE_BYTES])
{
    enum { HEAD = 4, TAIL = 2 };
    struct buf masked = {out, 0, LOG_VALUE_BYTES, false};
    for (size_t i = 0; i < number.n; i++) {
        bool shown = number.n > HEAD + TAIL && (i < HEAD || i + TAIL >= number.n);
        char c = number.p[i];
        bool dialable = (c >= '0' && c <= '9') || c == '*' || c == '#';
        buf_add_char(&masked, shown && dialable ? c : 'x');
    }
    return out;
}
