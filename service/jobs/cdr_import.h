/*
 * A body of call records into the store: what POST /v1/cdrs does.
 *
 *     body ─► reader ─► a batch of calls ─► tenants looked up ─► numbers read ─► store_calls_add()
 *             all batches, what could not be mapped, and how far the file was read: one transaction
 *
 * So a body is in as a whole or not at all, and sent again it adds nothing. Each line is either counted
 * as a record or among the refused. Memory is one batch's, and the list of what was refused.
 */
#ifndef SEKISHO_JOBS_CDR_IMPORT_H
#define SEKISHO_JOBS_CDR_IMPORT_H

#include "auth/auth.h"
#include "jobs/cdr_call.h"
#include "jobs/cdr_reader.h"
#include "store/call_imports.h"

struct rulesets;

enum {
    CDR_REJECTS_SOME = 100,   /* told of by default */
    CDR_REJECTS_MAX = 20000,  /* of one body; reading ends there, to go on in the next */
    CDR_SAMPLE_MAX = 10,
};

struct cdr_import {
    struct store *store;
    const struct rulesets *rulesets;     /* for the numbering data */
    const struct credential *credential; /* which tenants it covers */
    const struct actor *actor;
    const char *source;
    enum cdr_format format;
    const struct cdr_layout *layout;
    const struct cdr_map *map;
    const struct zone *zone;
    struct slice body;
    bool is_open;            /* more of the file may follow */
    bool is_dry_run;
    bool wants_all_rejects;
    struct call_follow *follow; /* NULL: none. position: where the body begins; moved behind what was read */
};

struct cdr_reject {
    unsigned line;
    size_t offset, bytes;
    enum cdr_reason reason;
    char detail[64];
};

struct cdr_result {
    size_t bytes;       /* read; what is behind has to come again */
    unsigned lines;     /* of these bytes */
    unsigned records;   /* found in them, refused ones included */
    unsigned added, already; /* new in the store, or there before */
    unsigned overseas;       /* of those taken, known before or not */
    unsigned without_account;
    unsigned by_reason[CDR_REASONS]; /* [CDR_TAKEN]: all that were taken */
    struct cdr_reject *rejects; /* in the arena */
    unsigned rejects_count;
    struct call_record sample[CDR_SAMPLE_MAX]; /* of those taken */
    unsigned sample_count;
};

/* ERR_FORBIDDEN: purpose and retention are not stated; ERR_STALE: somebody else reads the file. */
int cdr_import(const struct cdr_import *import, struct arena *arena, struct cdr_result *ret,
               struct err *err) MUST_CHECK;

#endif
