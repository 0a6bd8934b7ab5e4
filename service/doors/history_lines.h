/* What is known of an account's or tenant's calls abroad (store/history.h), as JSON and as CSV. */
#ifndef SEKISHO_DOORS_HISTORY_LINES_H
#define SEKISHO_DOORS_HISTORY_LINES_H

#include <jansson.h>

#include "base/buf.h"
#include "store/history.h"

enum {
    GAPS_SHOWN_MAX = 20, /* the latest */
    DAY_TEXT_BYTES = 12,
};

/* "2026-11-30", of Japan. Returns `text`. */
const char *day_text(int32_t day, char text[DAY_TEXT_BYTES]);

/* [{"from":"2026-11-01","to":"2026-11-03"}]: the latest GAPS_SHOWN_MAX. Returns new; NULL: out of memory. */
json_t *gaps_write(const struct day_range *gaps, unsigned count);

/* A line; that of a whole tenant has "accounts" in place of "account". Returns new, as the next. */
json_t *history_write(const struct account_history *history);
json_t *countries_write(const struct country_calls *countries, unsigned count);

/* The first line of a CSV file, and a line of it. Both kinds of lines have the same columns. */
void history_csv_head(struct buf *out);
void history_csv_line(struct buf *out, const struct account_history *history);

#endif
