/*
 * sekisho cdr mark, unmark, marks: rows of the group cdr that live in a file of their own. Their options
 * fill a struct cdr_marks_options.
 */
#ifndef SEKISHO_CLI_CMD_CDR_MARKS_H
#define SEKISHO_CLI_CMD_CDR_MARKS_H

#include "cli/cli.h"

struct cdr_marks_options {
    struct common common;
    const char *tenant, *id, *account, *country, *call_id, *from, *to, *note;
    int64_t limit;
};

int cdr_mark(struct cli *cli, const void *options);
int cdr_unmark(struct cli *cli, const void *options);
int cdr_marks(struct cli *cli, const void *options);
extern const struct option cdr_mark_options[], cdr_unmark_options[], cdr_marks_options[];

#define CDR_MARKS_ROW(name, about, details, options, run)                                          \
    {name, about, details, options, sizeof(struct cdr_marks_options), run, 0}
#define CDR_MARKS_ROWS                                                                             \
    CDR_MARKS_ROW("mark", "Says that calls were fraud: they are no history of the customer's",     \
                  "Names calls by account, country, call id and time; what is left out is any. "   \
                  "It holds for calls\nthat are there and for those that come in later.\n\n"       \
                  "example:\n  sekisho cdr mark acme --account 1001 --country SO "                 \
                  "--from 2026-10-03 --to 2026-10-05\n",                                           \
                  cdr_mark_options, cdr_mark),                                                     \
    CDR_MARKS_ROW("unmark", "Takes a mark back: its calls are history again", NULL,                \
                  cdr_unmark_options, cdr_unmark),                                                 \
    CDR_MARKS_ROW("marks", "Lists the marks of a tenant", NULL, cdr_marks_options, cdr_marks)

#endif
