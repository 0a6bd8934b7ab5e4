/*
 * Many objects in one text: NDJSON, one JSON object a line, or CSV with a header line. Both are
 * read as JSON objects, one at a time, so that what takes them need not know which it was.
 *
 *     {"tenant":"acme","name":"Acme K.K."}          tenant,name
 *                                                   acme,Acme K.K.
 *
 * A line that cannot be read is refused by itself, and the next one is read as ever. Of CSV every
 * cell is a text; an empty one is left out. Blank lines count as lines, but are none to read.
 */
#ifndef SEKISHO_WIRE_BULK_H
#define SEKISHO_WIRE_BULK_H

#include <jansson.h>

#include "base/charset.h"
#include "base/csv.h"

enum { BULK_LINE_BYTES_MAX = 64 * 1024 };

struct bulk {
    enum bulk_format { BULK_NDJSON, BULK_CSV } format;
    unsigned line;     /* of the object read last, from 1 */
    struct slice rest; /* NDJSON: not yet read */
    unsigned next_line;
    const char *columns[CSV_FIELDS_MAX]; /* CSV: what each column is */
    unsigned columns_count;
    struct recoder recoder;
    struct csv csv;
    char text[3 * CSV_RECORD_BYTES_MAX];
};

/*
 * Borrows `text`. `columns` are the names that a header may have, ends with NULL. ERR_INVALID: no
 * header, a column that is not among them or is there twice, UTF-16. Release it, also after an
 * error.
 */
int bulk_init(struct bulk *bulk, enum bulk_format format, struct slice text, enum charset charset,
              const char *const *columns, struct err *err) MUST_CHECK;
void bulk_release(struct bulk *bulk);

/* 1: an object in *ret, returned new; 0: no more; ERR_INVALID: line bulk->line is none, go on. */
int bulk_next(struct bulk *bulk, json_t **ret, struct err *err) MUST_CHECK;

#endif
