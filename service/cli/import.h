/*
 * sekisho tenant import, sekisho account import: files of tenants and accounts, sent in pieces.
 *
 * Doing it again is safe: what is there already is "unchanged". Each piece has an Idempotency-Key,
 * so one that got no answer is sent again and changes nothing twice.
 */
#ifndef SEKISHO_CLI_IMPORT_H
#define SEKISHO_CLI_IMPORT_H

#include "cli/cli.h"

struct import_options {
    struct common common;
    const char *tenant, *file, *results;
    int format, charset;
    int64_t patience_ms;
    bool dry_run, resume;
};
extern const struct option tenant_import_options[], account_import_options[];

/* A row of a group's table. */
#define IMPORT_ROW(about, options, run)                                                            \
    {"import",                                                                                     \
     about,                                                                                        \
     "The first line of a CSV names its columns, in any order: tenant, account, name,\n"                  \
     "display_name, profile, outside_line, locale, time_zone, status, contact_name,\n"                    \
     "contact_email, contact_phone, contact_webhook. A line with an account is about that.\n\n"         \
     "Exit status: 0 every line was taken, 1 some were refused, 2 it did not get to the end.\n",   \
     options,                                                                                      \
     sizeof(struct import_options),                                                                \
     run,                                                                                          \
     0}

int import_run(struct cli *cli, const void *given);

#endif
