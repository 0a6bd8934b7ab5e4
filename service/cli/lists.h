/*
 * sekisho rule import, sekisho rule export: restricted-number lists as files (api/lists.md).
 *
 * An import always looks first: what is then put in force is, by If-Match, what was looked at.
 */
#ifndef SEKISHO_CLI_LISTS_H
#define SEKISHO_CLI_LISTS_H

#include "cli/cli.h"

struct list_options {
    struct common common;
    const char *tenant, *account, *file, *output;
    int charset, action;
    bool preview, merge, skip_refused, bom;
};
extern const struct option list_import_options[], list_export_options[];

int list_import(struct cli *cli, const void *given);
int list_export(struct cli *cli, const void *given);

/* Rows of the table of sekisho rule. */
#define LIST_ROWS                                                                                  \
    {"import",                                                                                     \
     "Makes a list of restricted numbers that of a file, as one change",                           \
     "The file is what a spreadsheet writes: one prefix a line, or with marks (○, ×, allow,\n"     \
     "deny), with or without a header, UTF-8 or Shift_JIS; api/lists.md says what is\n"            \
     "understood. Exit status: 0 done, 1 with --preview when lines would be refused, 2\n"          \
     "nothing was changed.\n",                                                                     \
     list_import_options,                                                                          \
     sizeof(struct list_options),                                                                  \
     list_import,                                                                                  \
     0},                                                                                           \
    {"export",                                                                                     \
     "Writes a list of restricted numbers as CSV, which can be imported again",                    \
     NULL,                                                                                         \
     list_export_options,                                                                          \
     sizeof(struct list_options),                                                                  \
     list_export,                                                                                  \
     0}

#endif
