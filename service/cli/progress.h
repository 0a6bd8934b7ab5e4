/*
 * How far a long job is: a bar on a terminal, a line now and then where standard error is a file.
 *
 *     tenant import  [###########             ]  45 %   45,210 lines   12,300/s   0:04 left
 *
 * It writes to standard error, so that results can be piped; with --json it writes nothing. The
 * count is what people care for (lines, calls, accounts); how much of the whole is done may be
 * measured otherwise (bytes of a file). Cheap to call for each line: the clock is read each time,
 * and little is drawn.
 */
#ifndef SEKISHO_CLI_PROGRESS_H
#define SEKISHO_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli;

struct progress {
    const char *what; /* borrows: "tenant import" */
    const char *unit; /* borrows: "lines" */
    uint64_t count, done, total; /* total 0: not known */
    int64_t started_ms, shown_ms; /* clock_mono_ms() */
    uint64_t shown_count;
    double rate; /* a second, smoothed */
    unsigned columns;
    bool is_silent, is_terminal, is_drawn;
};

/* `total` in what progress_set() is told as `done`; 0: not known. */
void progress_begin(struct progress *progress, const struct cli *cli, const char *unit,
                    uint64_t total);

/* `count` in units; `done` of the total (may be the same number). */
void progress_set(struct progress *progress, uint64_t count, uint64_t done);

/* Takes the bar away before something else is written to the terminal; it comes back by itself. */
void progress_clear(struct progress *progress);

/* Shows it a last time and ends the line. Not after progress_clear() where the job failed: the bar
 * then would tell of success. */
void progress_end(struct progress *progress);

enum { PROGRESS_BYTES = 256 };
/* The line as it would be shown at `now_ms`, at most `columns` wide; for tests, too. */
const char *progress_text(const struct progress *progress, int64_t now_ms, unsigned columns,
                          char text[PROGRESS_BYTES]);

#endif
