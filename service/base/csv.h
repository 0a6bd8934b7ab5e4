/*
 * Comma-separated values (RFC 4180) from memory, a row at a time. Empty lines are passed over, and
 * lines that begin with # before the first row (#7119 is a number, too). A quoted field may hold commas and doubled quotes, but no line break.
 */
#ifndef SEKISHO_BASE_CSV_H
#define SEKISHO_BASE_CSV_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

enum { CSV_FIELDS_MAX = 16, CSV_LINE_BYTES_MAX = 2048 };

struct csv {
    struct slice rest; /* borrowed text not yet read */
    unsigned line;     /* number of the row in `fields`, from 1 */
    unsigned count;
    bool is_before_rows;
    struct slice fields[CSV_FIELDS_MAX]; /* valid until the next row */
    char unquoted[CSV_LINE_BYTES_MAX];
};

void csv_init(struct csv *csv, struct slice text);

/* 1: a row is in `fields`; 0: no more; ERR_INVALID: bad quoting, too long, too many fields. */
int csv_next(struct csv *csv, struct err *err) MUST_CHECK;

#endif
