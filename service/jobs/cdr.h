/*
 * One call record of a PBX, as its fields stand in the file: a line of Asterisk's Master.csv, of NDJSON,
 * or a row of a table. Whatever came in, from here on it is this.
 *
 *     bytes ─► cdr_reader (cdr_layout says which column is what) ─► struct cdr
 *           ─► cdr_map (whose call, which number) ─► struct call_record ─► store_calls_add()
 *
 * The names of the fields are Asterisk's (include/asterisk/cdr.h); `account` is ours, for whoever makes
 * records himself. Fields that are not there are empty.
 */
#ifndef SEKISHO_JOBS_CDR_H
#define SEKISHO_JOBS_CDR_H

#include "base/err.h"
#include "base/slice.h"

enum cdr_field {
    CDR_ACCOUNTCODE,
    CDR_SRC,
    CDR_DST,
    CDR_DCONTEXT,
    CDR_CLID,
    CDR_CHANNEL,
    CDR_DSTCHANNEL,
    CDR_LASTAPP,
    CDR_LASTDATA,
    CDR_START,
    CDR_ANSWER,
    CDR_END,
    CDR_DURATION,
    CDR_BILLSEC,
    CDR_DISPOSITION,
    CDR_AMAFLAGS,
    CDR_UNIQUEID,
    CDR_USERFIELD,
    CDR_PEERACCOUNT,
    CDR_LINKEDID,
    CDR_SEQUENCE,
    CDR_TENANTID, /* Asterisk 22, and late 20 and 21; cdr_csv does not write it */
    CDR_ACCOUNT,
    CDR_FIELDS
};

struct cdr {
    unsigned line;        /* the first of its lines, from 1 */
    size_t offset, bytes; /* where it stands in what was read, line end and all */
    struct slice fields[CDR_FIELDS]; /* borrowed until the next record */
};

const char *cdr_field_name(enum cdr_field field);
/* By name, in any case; also by what tables and other programs call them: calldate and `at` are
 * start, `number` is dst, `tenant` is tenantid, `seconds` is billsec, `call_id` is uniqueid. -1: none. */
int cdr_field_of(struct slice name);

/* Why a record was not taken; the words are in the API. */
enum cdr_reason {
    CDR_TAKEN,
    CDR_BAD_QUOTES,     /* "quoting" */
    CDR_BAD_COLUMNS,    /* "columns": not as many as the layout has; also of a torn line */
    CDR_BAD_JSON,       /* "json" */
    CDR_BAD_CHARSET,    /* "charset": not UTF-8 */
    CDR_BAD_TIME,       /* "time" */
    CDR_IN_FUTURE,      /* "future" */
    CDR_TOO_OLD,        /* "too_old": than the retention */
    CDR_NO_NUMBER,      /* "number": what was dialed is none */
    CDR_NO_TENANT,      /* "no_tenant": the mapping gave none */
    CDR_UNKNOWN_TENANT, /* "unknown_tenant" */
    CDR_OUTSIDE_TOKEN,  /* "outside_token": a tenant that the sender may not speak for */
    CDR_OTHER_CONTEXT,  /* "context": excluded by the mapping; no fault */
    CDR_REASONS
};
const char *cdr_reason_word(enum cdr_reason reason);

#endif
