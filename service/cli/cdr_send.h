/*
 * Call records on their way to POST /v1/cdrs: what import, follow and tables share.
 *
 *     first piece ─► dry run: which layout and time zone? ─► said to people, and told from then on
 *     each piece  ─► POST ─► counted; refused ones shown, and written to --rejects
 *
 * The daemon alone reads records: a piece is any bytes, and what of its end is no whole record comes back
 * as not taken. So one record is never read in two ways.
 */
#ifndef SEKISHO_CLI_CDR_SEND_H
#define SEKISHO_CLI_CDR_SEND_H

#include <signal.h>

#include "cli/progress.h"
#include "cli/rest_client.h"

enum {
    CDR_PIECE_BYTES = 6 * 1024 * 1024, /* of a request; the daemon takes 8 MiB */
    CDR_FILE_NAME_MAX = 1023,
    CDR_MARK_MAX = 255,
};

struct cdr_options {
    struct common common;
    const char *file, *source, *layout, *time_zone, *map, *rejects;
    const char *table, *table_name;
    bool dry_run, once, follow;
    int64_t patience_ms, interval_ms, overlap_ms;
};

/* A place in a file, as the daemon keeps it (jobs/cdr_import.h). version 0: it keeps none yet. */
struct cdr_place {
    char file[CDR_FILE_NAME_MAX + 1], mark[CDR_MARK_MAX + 1];
    int64_t position;
    uint64_t version;
};

struct cdr_send {
    struct cli *cli;
    const struct cdr_options *options;
    const char *name;   /* of the file, for messages */
    bool is_json_lines; /* NDJSON, else CSV */
    char source[64], layout[512], time_zone[64]; /* layout, time_zone: "" until they are known */
    FILE *rejects;
    struct progress progress;
    bool is_follower;   /* what it has to say is no result, and goes to standard error */
    const volatile sig_atomic_t *is_ending; /* of one that never gives up by itself; else NULL */
    uint64_t line;      /* of the file, before the next piece */
    uint64_t bytes, records, added, already, overseas, without_account, other_context, refused;
    json_t *by_reason;  /* object of numbers */
    uint64_t shown;     /* refused records that people saw */
    int http_status;    /* of the last answer; 0: there was none */
};

/* Opens --rejects and finds the source. Release it whatever is returned. */
int cdr_send_begin(struct cdr_send *send, struct cli *cli, const struct cdr_options *options);
void cdr_send_release(struct cdr_send *send);

/* Finds out and says what the file is, unless all was told. Its first bytes. */
int cdr_send_detect(struct cdr_send *send, struct slice sample);

/* One piece; `is_last`: nothing follows it. `place` (NULL: none) is where it begins, and where the next one
 * does afterwards. *ret_taken: bytes that need not come again. */
int cdr_send_piece(struct cdr_send *send, struct slice piece, bool is_last, struct cdr_place *place,
                   size_t *ret_taken);

/* The sums, for people or as JSON; returns the exit status. */
int cdr_send_say(struct cdr_send *send);

/* cdr_import.c, cdr_follow.c, cdr_table.c */
int cdr_import_run(struct cli *cli, const void *options);
int cdr_follow_run(struct cli *cli, const void *options);
int cdr_table_run(struct cli *cli, const struct cdr_options *options);

#endif
