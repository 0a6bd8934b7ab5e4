/*
 * Which column of a CSV file is which field.
 *
 *     master[+uniqueid][+userfield][+new]     Asterisk's cdr_csv: 16 columns, then what cdr.conf adds
 *     columns:accountcode,src,dst,,start      any other, column by column; an empty name is passed over
 *     header                                  the first line names the columns
 *
 * cdr_csv writes no header, and 17 columns may be one with loguniqueid or one with loguserfield, as 20 may
 * be. So a sample is looked at: what in the 17th column looks like an id of a channel ("1767225600.42",
 * "pbx1-1767225600.42"), tells; and whoever asks is told why.
 *
 * Ids of channels begin with the second (UTC) in which the channel was made. So they also tell in which
 * time zone the times were written: local ones, or UTC with `usegmtime`.
 */
#ifndef SEKISHO_JOBS_CDR_LAYOUT_H
#define SEKISHO_JOBS_CDR_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/csv.h"
#include "jobs/cdr.h"

enum { CDR_LAYOUT_BYTES = 512 };

struct cdr_layout {
    unsigned columns;
    int8_t field_of[CSV_FIELDS_MAX]; /* enum cdr_field, or -1 */
    bool has_header;                 /* the first record is one, and to be passed over */
    char text[CDR_LAYOUT_BYTES];     /* as it is written */
};

/* ERR_INVALID. */
int cdr_layout_parse(struct slice text, struct cdr_layout *ret, struct err *err) MUST_CHECK;

struct cdr_detected {
    struct cdr_layout layout;
    char why[256];
    unsigned records, fitting;  /* looked at, and of them with times and dispositions in their places */
    bool has_offset;
    int32_t offset_s;           /* of the times' zone, east of UTC; only with has_offset */
    unsigned offset_records;    /* that agree about it */
};

/* From the start of a file, which may end within a record. ERR_INVALID: nothing fits. */
int cdr_layout_detect(struct slice sample, struct cdr_detected *ret, struct err *err) MUST_CHECK;
/* Only the zone, for a layout that is known. */
void cdr_zone_detect(struct slice sample, struct cdr_detected *detected);

/* "2026-11-30 21:00:00" (a fraction is cut off, a T may stand between) as seconds since 1970 as if it were
 * UTC; false when it is none. */
bool cdr_time_parse(struct slice text, int64_t *ret_s);
/* The second in "1767225600.42" or "name-1767225600.42". */
bool cdr_uniqueid_time(struct slice text, int64_t *ret_s);

#endif
