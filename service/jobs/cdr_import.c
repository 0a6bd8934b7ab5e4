#include "jobs/cdr_import.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "engine/rulesets.h"
#include "jobs/cdr_tenants.h"

enum {
    BATCH = 4000,        /* records at a time */
    UNMAPPED_KINDS = 256, /* of one body told apart; the others count together */
};

#define DAY_MS INT64_C(86400000)

/* One body on its way. */
struct work {
    const struct cdr_import *import;
    struct txn *txn;
    struct cdr_terms terms;
    struct cdr_reader reader;
    struct cdr_tenants tenants;
    struct call_record *batch;
    struct cdr_reject *places; /* where each of the batch stands, in case that it is refused yet */
    long *tenant_of;           /* its place among the tenants */
    unsigned count;
    struct call_unmapped unmapped[UNMAPPED_KINDS];
    unsigned unmapped_count;
    struct cdr_reject *rejects;
    unsigned rejects_cap;
    struct cdr_result result;
};

/* --- what is refused ---------------------------------------------------------------------------- */

static int keep_reject(struct work *work, const struct cdr_reject *reject, struct err *err)
{
    struct cdr_result *result = &work->result;
    bool is_told = work->import->wants_all_rejects || result->rejects_count < CDR_REJECTS_SOME;
    if (!is_told)
        return 0;
    if (result->rejects_count == work->rejects_cap) {
        unsigned cap = work->rejects_cap ? work->rejects_cap * 2 : CDR_REJECTS_SOME;
        struct cdr_reject *rejects = realloc(work->rejects, cap * sizeof *rejects);
        if (!rejects)
            return err_set(err, ERR_NOMEM, "out of memory");
        work->rejects = rejects;
        work->rejects_cap = cap;
    }
    work->rejects[result->rejects_count++] = *reject;
    return 0;
}

static int refuse(struct work *work, struct cdr_reject *reject, enum cdr_reason reason,
                  const char *detail, struct err *err)
{
    work->result.by_reason[reason]++;
    if (reason == CDR_OTHER_CONTEXT)
        return 0;
    reject->reason = reason;
    snprintf(reject->detail, sizeof reject->detail, "%.63s", detail);
    for (char *p = reject->detail; *p; p++) /* cut within a character, or not UTF-8 at all */
        if (!utf8_len(p, strlen(p)) || (unsigned char)*p < ' ')
            *p = '?';
        else
            p += utf8_len(p, strlen(p)) - 1;
    return keep_reject(work, reject, err);
}

/* --- what could not be mapped ------------------------------------------------------------------- */

/* What an operator recognises a record by that names nobody. Never the number that was dialed. */
static void describe(const struct cdr *cdr, char *text, size_t cap)
{
    struct slice endpoint = cdr_endpoint(cdr->fields[CDR_CHANNEL]);
    struct slice code = cdr->fields[CDR_ACCOUNTCODE], context = cdr->fields[CDR_DCONTEXT];
    snprintf(text, cap, "accountcode \"%.*s\", endpoint \"%.*s\", context \"%.*s\"",
             (int)(code.n < 24 ? code.n : 24), code.p ? code.p : "",
             (int)(endpoint.n < 24 ? endpoint.n : 24), endpoint.p ? endpoint.p : "",
             (int)(context.n < 24 ? context.n : 24), context.p ? context.p : "");
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
            *p = '?';
}

static void note_unmapped(struct work *work, const char *reason, const char *value, int64_t at_ms)
{
    struct call_unmapped *row = work->unmapped, *end = row + work->unmapped_count;
    while (row < end && (strcmp(row->value, value) != 0 || strcmp(row->reason, reason) != 0))
        row++;
    if (row == end && work->unmapped_count == UNMAPPED_KINDS) {
        row = end - 1; /* the last one is for all the others */
        row->value[0] = '\0';
    } else if (row == end) {
        *row = (struct call_unmapped){.first_at_ms = at_ms, .last_at_ms = at_ms};
        snprintf(row->source, sizeof row->source, "%s", work->import->source);
        snprintf(row->reason, sizeof row->reason, "%s", reason);
        snprintf(row->value, sizeof row->value, "%s", value);
        work->unmapped_count++;
    }
    row->records++;
    row->first_at_ms = at_ms < row->first_at_ms ? at_ms : row->first_at_ms;
    row->last_at_ms = at_ms > row->last_at_ms ? at_ms : row->last_at_ms;
}

/* --- one batch ---------------------------------------------------------------------------------- */

static int take_record(struct work *work, const struct cdr *cdr, enum cdr_reason reason,
                       struct err *err)
{
    char detail[CALL_VALUE_BYTES] = "";
    struct call_record *record = &work->batch[work->count];
    struct cdr_reject *place = &work->places[work->count];
    *place = (struct cdr_reject){.line = cdr->line, .offset = cdr->offset, .bytes = cdr->bytes};
    work->result.records++;
    if (reason != CDR_TAKEN)
        return refuse(work, place, reason, work->reader.detail, err);
    reason = cdr_call_begin(&work->terms, cdr, record);
    if (reason == CDR_TAKEN && !credential_covers(work->import->credential, slice_of(record->tenant)))
        reason = CDR_OUTSIDE_TOKEN;
    if (reason == CDR_NO_TENANT) {
        describe(cdr, detail, sizeof detail);
        note_unmapped(work, cdr_reason_word(reason), detail, record->at_ms);
    }
    if (reason == CDR_BAD_TIME || reason == CDR_IN_FUTURE || reason == CDR_TOO_OLD)
        snprintf(detail, sizeof detail, "%.*s", (int)(cdr->fields[CDR_START].n < 40
                                                          ? cdr->fields[CDR_START].n : 40),
                 cdr->fields[CDR_START].p ? cdr->fields[CDR_START].p : "");
    if (reason != CDR_TAKEN)
        return refuse(work, place, reason, detail, err);
    if (!record->account[0]) {
        describe(cdr, detail, sizeof detail);
        note_unmapped(work, "no_account", detail, record->at_ms);
    }
    work->tenant_of[work->count] = cdr_tenants_place(&work->tenants, record->tenant);
    if (work->tenant_of[work->count++] < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

static bool is_full(const struct work *work)
{
    return work->count == BATCH || (work->import->wants_all_rejects &&
                                    work->result.rejects_count + work->count >= CDR_REJECTS_MAX);
}

/* 1: there may be more. */
static int read_batch(struct work *work, struct err *err)
{
    struct cdr cdr;
    enum cdr_reason reason;
    work->count = 0;
    while (!is_full(work)) {
        if (cdr_reader_next(&work->reader, &cdr, &reason) == 0)
            return 0;
        int r = take_record(work, &cdr, reason, err);
        if (r < 0)
            return r;
    }
    return work->count == BATCH;
}

static void add_sample(struct cdr_result *result, const struct call_record *record)
{
    if (result->sample_count < CDR_SAMPLE_MAX)
        result->sample[result->sample_count++] = *record;
}

/* Reads the numbers, and moves those that stay together. */
static int read_numbers(struct work *work, struct err *err)
{
    unsigned kept = 0;
    int r = 0;
    rulesets_enter();
    const struct numbering *numbering = rulesets_numbering(work->import->rulesets);
    for (unsigned i = 0; i < work->count && r == 0; i++) {
        struct call_record *record = &work->batch[i];
        const struct tenant_line *line = &work->tenants.lines[work->tenant_of[i]];
        enum cdr_reason reason = CDR_UNKNOWN_TENANT;
        if (line->is_known)
            reason = cdr_call_number(numbering, line->outside_line, record);
        else
            note_unmapped(work, cdr_reason_word(reason), record->tenant, record->at_ms);
        if (reason != CDR_TAKEN) {
            r = refuse(work, &work->places[i], reason, line->is_known ? "" : record->tenant, err);
            continue;
        }
        work->result.by_reason[CDR_TAKEN]++;
        work->result.overseas += record->is_overseas;
        work->result.without_account += !record->account[0];
        add_sample(&work->result, record);
        if (kept != i)
            work->batch[kept] = *record;
        kept++;
    }
    rulesets_leave();
    work->count = kept;
    return r;
}

static int add_batch(struct work *work, struct err *err)
{
    unsigned added = 0;
    int r = cdr_tenants_ask(&work->tenants, work->txn, err);
    if (r == 0)
        r = read_numbers(work, err);
    if (r == 0)
        r = store_calls_add(work->txn, work->batch, work->count, &added, err);
    work->result.added += added;
    work->result.already += work->count - added;
    return r;
}

/* --- the whole ---------------------------------------------------------------------------------- */

static int state_terms(struct work *work, struct err *err)
{
    struct call_terms terms;
    const struct cdr_import *import = work->import;
    struct err said = {0};
    int r = store_call_terms_get(work->txn, &terms, &said);
    if (r == ERR_NOT_FOUND)
        return err_set(err, ERR_FORBIDDEN,
                       "call records are protected: first say what they are kept for and how long, with "
                       "sekisho cdr terms --purpose TEXT --retention-days N (PUT /v1/cdrs/terms)");
    if (r < 0)
        return err_set(err, r, "%s", said.text);
    int64_t now_ms = clock_now_ms(), oldest_ms = now_ms - terms.retention_days * DAY_MS;
    if (oldest_ms < terms.removed_before_ms)
        oldest_ms = terms.removed_before_ms;
    work->terms = (struct cdr_terms){
        .source = import->source,
        .map = import->map,
        .zone = import->zone,
        .now_ms = now_ms,
        .oldest_ms = oldest_ms,
    };
    return 0;
}

static int finish(struct work *work, struct err *err)
{
    struct call_follow *follow = work->import->follow;
    int r = store_unmapped_add(work->txn, work->unmapped, work->unmapped_count, err);
    work->result.bytes = cdr_reader_consumed(&work->reader);
    work->result.lines = cdr_reader_lines(&work->reader);
    if (r == 0 && follow) {
        follow->position += (int64_t)work->result.bytes;
        r = store_follow_put(work->txn, follow, err);
    }
    return r;
}

static int run(struct work *work, struct err *err)
{
    int r = state_terms(work, err), more = 1;
    while (r == 0 && more == 1) {
        more = read_batch(work, err);
        r = more < 0 ? more : add_batch(work, err);
    }
    return r < 0 ? r : finish(work, err);
}

static int run_in_txn(struct work *work, struct err *err)
{
    int r = store_begin(work->import->store, work->import->actor, &work->txn, err);
    if (r < 0)
        return r;
    r = run(work, err);
    if (r == 0 && !work->import->is_dry_run)
        return store_commit(work->txn, NULL, err);
    store_rollback(work->txn);
    return r;
}

static int give_rejects(const struct work *work, struct arena *arena, struct cdr_result *ret,
                        struct err *err)
{
    *ret = work->result;
    ret->rejects = arena_alloc(arena, (ret->rejects_count + 1) * sizeof *ret->rejects);
    if (!ret->rejects)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (ret->rejects_count)
        memcpy(ret->rejects, work->rejects, ret->rejects_count * sizeof *ret->rejects);
    return 0;
}

int cdr_import(const struct cdr_import *import, struct arena *arena, struct cdr_result *ret,
               struct err *err)
{
    struct work *work = calloc(1, sizeof *work);
    if (!work)
        return err_set(err, ERR_NOMEM, "out of memory");
    work->import = import;
    work->batch = malloc(BATCH * sizeof *work->batch);
    work->places = malloc(BATCH * sizeof *work->places);
    work->tenant_of = malloc(BATCH * sizeof *work->tenant_of);
    int r = work->batch && work->places && work->tenant_of
                ? 0 : err_set(err, ERR_NOMEM, "out of memory");
    if (r == 0) {
        cdr_reader_init(&work->reader, import->format, import->layout, import->body, import->is_open);
        r = run_in_txn(work, err);
        cdr_reader_release(&work->reader);
    }
    if (r == 0)
        r = give_rejects(work, arena, ret, err);
    cdr_tenants_release(&work->tenants);
    free(work->rejects);
    free(work->batch);
    free(work->places);
    free(work->tenant_of);
    free(work);
    return r;
}
