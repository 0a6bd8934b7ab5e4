/*
 * Call records out of a text, one at a time: CSV by a layout, or NDJSON with the fields' names.
 *
 * The text may be the start of more (is_open): then a record that is not whole yet is left, and
 * cdr_reader_consumed() says where to go on with more bytes. Memory is one record's.
 */
#ifndef SEKISHO_JOBS_CDR_READER_H
#define SEKISHO_JOBS_CDR_READER_H

#include <jansson.h>

#include "jobs/cdr_layout.h"

enum { CDR_LINE_BYTES_MAX = 64 * 1024 };

enum cdr_format { CDR_CSV, CDR_NDJSON };

struct cdr_reader {
    enum cdr_format format;
    const struct cdr_layout *layout; /* borrows; of CSV */
    struct slice text;
    bool is_open;
    size_t at;     /* NDJSON: not yet read */
    unsigned line; /* NDJSON: of the next one */
    json_t *object; /* holds the fields of the record at hand */
    char numbers[CDR_FIELDS][24];
    char detail[64]; /* why the last record was refused */
    struct csv csv;
};

void cdr_reader_init(struct cdr_reader *reader, enum cdr_format format,
                     const struct cdr_layout *layout, struct slice text, bool is_open);
void cdr_reader_release(struct cdr_reader *reader);

/* 1: a record is in *ret; with *ret_reason other than CDR_TAKEN its fields are none, and where it stands
 * is. 0: no more, or no whole one. Lines that name columns are passed over. */
int cdr_reader_next(struct cdr_reader *reader, struct cdr *ret, enum cdr_reason *ret_reason);

/* Bytes and lines that need not come again. */
size_t cdr_reader_consumed(const struct cdr_reader *reader);
unsigned cdr_reader_lines(const struct cdr_reader *reader);

#endif
