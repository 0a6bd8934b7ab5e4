/*
 * A big file of lines, cut into requests: NDJSON, or CSV with its header before every piece.
 *
 *     file ─► [header]  piece 1: 1000 records or 1 MB ─► request
 *             [header]  piece 2                       ─► request …
 *
 * Memory is constant, whatever the file. A piece is the file's own bytes (only what is beyond the
 * limit of a line is left out), so the line that the answer names is found in the file by counting.
 */
#ifndef SEKISHO_CLI_CUTTER_H
#define SEKISHO_CLI_CUTTER_H

#include "base/csv.h"
#include "wire/bulk.h"

enum { CUT_RECORDS = 1000, CUT_BYTES = 1 << 20 };

struct cutter {
    int fd;
    enum bulk_format format;
    uint64_t bytes_taken; /* of the file, by the pieces so far */
    struct slice piece;   /* the last one, with its header */
    unsigned records;     /* in it */

    unsigned piece_line;   /* of the file: where it begins */
    unsigned header_lines;
    size_t header_bytes;
    bool is_end;
    char *buffer; /* bytes that were read; csv.rest is what is left of them */
    char *text;   /* the piece */
    size_t text_n;
    struct csv csv; /* of NDJSON only `rest` and `next_line` are used */
};

/* `path` may be "-". `format` NULL: by the first character. ERR_IO; ERR_INVALID: UTF-16, no
 * header. */
int cutter_open(struct cutter *cutter, const char *path, const enum bulk_format *format,
                struct err *err) MUST_CHECK;
void cutter_close(struct cutter *cutter);

/* Bytes of the file, 0 when it is none. */
uint64_t cutter_file_bytes(const struct cutter *cutter);

/* 1: the next piece of records that begin behind line `after`; 0: no more; ERR_IO. */
int cutter_next(struct cutter *cutter, unsigned after, struct err *err) MUST_CHECK;

/* The line of the file that is line `line` of the piece. */
static inline unsigned cutter_line(const struct cutter *cutter, unsigned line)
{
    return cutter->piece_line + line - cutter->header_lines - 1;
}

#endif
