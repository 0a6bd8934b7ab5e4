/*
 * Comma-separated values (RFC 4180), a record at a time, from memory or from a stream.
 *
 * A quoted field may hold commas, doubled quotes and line breaks. Empty lines are passed over, and
 * lines that begin with # before the first record (#7119 is a number, too), or everywhere if asked
 * for.
 *
 * Files are torn and badly quoted, and one bad record must not swallow the rest of the file: where
 * the quotes do not fit, the record is refused and only its FIRST line is passed over. So after an
 * error csv_next() goes on, and each line of a file is either in a record or in an error.
 *
 *     from a stream:  csv_init(&csv, SLICE_NONE); csv.is_open = true;
 *                     csv_next() == 0:  what is left in csv.rest is no whole record yet: put more
 *                     bytes behind it, csv_refill(); at the end of the file is_open = false and
 *                     once more. Have room for more than CSV_RECORD_BYTES_MAX + 1 bytes.
 */
#ifndef SEKISHO_BASE_CSV_H
#define SEKISHO_BASE_CSV_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { CSV_FIELDS_MAX = 64, CSV_RECORD_BYTES_MAX = 16 * 1024 };

struct csv {
    struct slice rest;      /* borrowed text not yet read */
    unsigned line;          /* number of the first line of the record in `fields`, from 1 */
    unsigned next_line;     /* of the first line of `rest`; from 1 */
    unsigned count;
    char separator;         /* ',' unless the caller says otherwise */
    bool is_open;           /* more text may follow `rest` */
    bool has_comments;      /* lines that begin with # are none, everywhere */
    bool is_before_records;
    bool is_skipping;       /* the rest of a line that is too long has not come yet */
    struct slice record;    /* as it stands in the text, without its line end */
    struct slice fields[CSV_FIELDS_MAX]; /* valid until the next record */
    char unquoted[CSV_RECORD_BYTES_MAX];
};

void csv_init(struct csv *csv, struct slice text);

/* `text` begins with what was left in csv->rest. */
static inline void csv_refill(struct csv *csv, struct slice text)
{
    csv->rest = text;
}

/* 1: a record is in `fields`; 0: no more, or with is_open no whole one; ERR_INVALID: bad quoting,
 * too long, too many fields, of the record at csv->line. */
int csv_next(struct csv *csv, struct err *err) MUST_CHECK;

/* --- writing ---------------------------------------------------------------------------------- */

/*
 * Appends a field, quoted where it must be. A text that a spreadsheet would take for a formula (it
 * begins with = + - @ or the like, full-width ones too) gets an apostrophe before it, as does one
 * that begins with an apostrophe itself; csv_plain() takes it off again.
 */
void csv_add(struct buf *buf, struct slice field);

/* A field as it was before csv_add(). */
struct slice csv_plain(struct slice field);

#endif
