#include "cli/progress.h"

#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/cli.h"

enum { BAR_EVERY_MS = 200, LINE_EVERY_MS = 10000, BAR_COLUMNS = 24, COLUMNS_MIN = 20 };

void progress_begin(struct progress *progress, const struct cli *cli, const char *unit,
                    uint64_t total)
{
    struct winsize size;
    int64_t now_ms = clock_mono_ms();
    *progress = (struct progress){.what = cli->command,
                                  .unit = unit,
                                  .total = total,
                                  .started_ms = now_ms,
                                  .shown_ms = now_ms,
                                  .is_silent = cli->common->is_json,
                                  .is_terminal = isatty(STDERR_FILENO),
                                  .columns = 80};
    if (progress->is_terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        progress->columns = size.ws_col < COLUMNS_MIN ? COLUMNS_MIN : size.ws_col;
}

/* --- the line --------------------------------------------------------------------------------- */

/* 1234567 as 1,234,567 */
static void add_number(struct buf *buf, uint64_t value)
{
    char text[NUMBER_BYTES];
    buf_add_text(buf, output_number(value, text));
}

static void add_time(struct buf *buf, double seconds)
{
    uint64_t s = seconds < 360000 ? (uint64_t)(seconds + 0.5) : 360000; /* 100 hours are "long" */
    if (s >= 3600)
        buf_printf(buf, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
    else
        buf_printf(buf, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

static void add_share(struct buf *buf, double share, unsigned bar)
{
    if (bar) {
        buf_add_text(buf, "  [");
        for (unsigned i = 0; i < bar; i++)
            buf_add_char(buf, i < share * bar ? '#' : ' ');
        buf_add_char(buf, ']');
    }
    buf_printf(buf, " %3u %%", (unsigned)(share * 100));
}

const char *progress_text(const struct progress *progress, int64_t now_ms, unsigned columns,
                          char text[PROGRESS_BYTES])
{
    struct buf buf = {text, 0, PROGRESS_BYTES, false};
    double seconds = (double)(now_ms - progress->started_ms) / 1000;
    double rate = progress->rate > 0 ? progress->rate
                  : seconds > 0      ? (double)progress->count / seconds
                                     : 0;
    double share = progress->total ? (double)progress->done / (double)progress->total : 0;
    text[0] = '\0';
    buf_add_text(&buf, progress->what);
    if (progress->total)
        add_share(&buf, share > 1 ? 1 : share,
                  columns >= 60 + BAR_COLUMNS ? BAR_COLUMNS : columns >= 70 ? 10 : 0);
    buf_add_text(&buf, "  ");
    add_number(&buf, progress->count);
    buf_printf(&buf, " %s", progress->unit);
    if (seconds >= 1) {
        buf_add_text(&buf, "  ");
        add_number(&buf, (uint64_t)rate);
        buf_add_text(&buf, "/s  ");
        /* by what is done of the whole, at the speed since the start */
        bool is_left = progress->done && progress->done < progress->total;
        add_time(&buf, is_left ? seconds * (1 - share) / share : seconds);
        if (is_left)
            buf_add_text(&buf, " left");
    }
    if (buf.n > columns)
        text[columns] = '\0';
    return text;
}

/* --- showing it ------------------------------------------------------------------------------- */

static void measure(struct progress *progress, int64_t now_ms)
{
    double seconds = (double)(now_ms - progress->shown_ms) / 1000;
    if (seconds <= 0)
        return;
    double latest = (double)(progress->count - progress->shown_count) / seconds;
    progress->rate = progress->rate > 0 ? 0.8 * progress->rate + 0.2 * latest : latest;
    progress->shown_count = progress->count;
    progress->shown_ms = now_ms;
}

static void show(struct progress *progress, int64_t now_ms)
{
    char text[PROGRESS_BYTES];
    if (progress->is_terminal) /* back to the start, the text, and away with what stood behind it */
        fprintf(stderr, "\r%s\033[K", progress_text(progress, now_ms, progress->columns - 1, text));
    else
        fprintf(stderr, "%s\n", progress_text(progress, now_ms, 70 - 1, text));
    fflush(stderr);
    progress->is_drawn = true;
}

void progress_set(struct progress *progress, uint64_t count, uint64_t done)
{
    progress->count = count;
    progress->done = done;
    if (progress->is_silent)
        return;
    int64_t now_ms = clock_mono_ms();
    if (now_ms - progress->shown_ms < (progress->is_terminal ? BAR_EVERY_MS : LINE_EVERY_MS))
        return;
    measure(progress, now_ms);
    show(progress, now_ms);
}

void progress_clear(struct progress *progress)
{
    if (progress->is_drawn && progress->is_terminal)
        fputs("\r\033[K", stderr);
    progress->is_drawn = false;
}

void progress_end(struct progress *progress)
{
    if (progress->is_silent || !progress->is_drawn)
        return; /* over before there was anything to show */
    progress->rate = 0; /* the whole job's, at the end */
    show(progress, clock_mono_ms());
    if (progress->is_terminal)
        fputc('\n', stderr);
    progress->is_drawn = false;
}
