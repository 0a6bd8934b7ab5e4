#include "store/coverage.h"

static const int64_t day_ms = INT64_C(24) * 3600 * 1000, japan_ms = INT64_C(9) * 3600 * 1000;

int32_t day_of_ms(int64_t at_ms)
{
    int64_t local_ms = at_ms + japan_ms;
    return (int32_t)(local_ms / day_ms - (local_ms % day_ms < 0));
}

int64_t day_begins_ms(int32_t day)
{
    return (int64_t)day * day_ms - japan_ms;
}

/* --- sources ---------------------------------------------------------------------------------- */

static int add_source(struct coverage *coverage, struct slice name, struct txn *txn,
                      struct err *err)
{
    if (coverage->sources_count == COVERAGE_SOURCES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d sources of call records",
                       COVERAGE_SOURCES_MAX);
    if (coverage->sources_count == coverage->sources_cap) {
        unsigned cap = coverage->sources_cap ? coverage->sources_cap * 2 : 16;
        void *grown = realloc(coverage->sources, cap * sizeof *coverage->sources);
        if (!grown)
            return txn_nomem(txn, err);
        coverage->sources = grown;
        coverage->sources_cap = cap;
    }
    struct coverage_source *source = &coverage->sources[coverage->sources_count];
    source->bits = calloc(coverage->words, sizeof *source->bits);
    if (!source->bits)
        return txn_nomem(txn, err);
    snprintf(source->name, sizeof source->name, "%.*s", SLICE_ARG(name));
    coverage->sources_count++;
    return 0;
}

static int take_day(struct coverage *coverage, struct txn *txn, struct err *err)
{
    struct slice name = column_text(txn, 0);
    int64_t day = column_int(txn, 1);
    unsigned at = (unsigned)(day - coverage->first);
    bool is_same = coverage->sources_count &&
                   slice_equals_text(name, coverage->sources[coverage->sources_count - 1].name);
    int r = is_same ? 0 : add_source(coverage, name, txn, err);
    if (r == 0 && day >= coverage->first && day <= coverage->last)
        coverage->sources[coverage->sources_count - 1].bits[at / 64] |= UINT64_C(1) << at % 64;
    return r;
}

static int load(struct coverage *coverage, struct txn *txn, struct err *err)
{
    /* also sources that sent nothing in the whole period: their silence counts */
    int r = txn_query(txn, "SELECT source, day FROM call_source_days ORDER BY source, day",
                      SQL_NO_VALUES, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = take_day(coverage, txn, err);
    txn_end(txn);
    return r;
}

int coverage_init(struct coverage *coverage, int32_t first, int32_t last, struct txn *txn,
                  struct err *err)
{
    unsigned days = (unsigned)(last - first) + 1;
    *coverage = (struct coverage){
        .first = first,
        .last = last,
        .days = days,
        .words = (days + 63) / 64,
    };
    coverage->bits = calloc(coverage->words, sizeof *coverage->bits);
    coverage->from = calloc(days + 1, sizeof *coverage->from);
    coverage->gaps = calloc(days / 2 + 1, sizeof *coverage->gaps);
    if (!coverage->bits || !coverage->from || !coverage->gaps)
        return txn_nomem(txn, err);
    return load(coverage, txn, err);
}

void coverage_release(struct coverage *coverage)
{
    for (unsigned i = 0; i < coverage->sources_count; i++)
        free(coverage->sources[i].bits);
    free(coverage->sources);
    free(coverage->bits);
    free(coverage->from);
    free(coverage->gaps);
    *coverage = (struct coverage){0};
}

/* --- a tenant --------------------------------------------------------------------------------- */

void coverage_clear(struct coverage *coverage)
{
    coverage->is_settled = false;
    coverage->seen_count = 0;
    memset(coverage->bits, 0xff, coverage->words * sizeof *coverage->bits);
}

static int compare(const void *name, const void *source)
{
    return strcmp(name, ((const struct coverage_source *)source)->name);
}

static void narrow(struct coverage *coverage, const struct coverage_source *source)
{
    for (unsigned i = 0; i < coverage->words; i++)
        coverage->bits[i] &= source ? source->bits[i] : 0;
}

void coverage_take(struct coverage *coverage, struct slice name)
{
    char text[CALL_SOURCE_BYTES];
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(name));
    /* one that is not found sent nothing in the whole period */
    narrow(coverage, coverage->sources_count
                         ? bsearch(text, coverage->sources, coverage->sources_count,
                                   sizeof *coverage->sources, compare)
                         : NULL);
    coverage->seen_count++;
}

static bool is_covered(const struct coverage *coverage, unsigned at)
{
    return coverage->bits[at / 64] >> at % 64 & 1;
}

void coverage_settle(struct coverage *coverage)
{
    if (coverage->seen_count == 0) {
        for (unsigned i = 0; i < coverage->sources_count; i++)
            narrow(coverage, &coverage->sources[i]);
        if (coverage->sources_count == 0)
            narrow(coverage, NULL);
    }
    coverage->from[coverage->days] = 0;
    for (unsigned at = coverage->days; at-- > 0;)
        coverage->from[at] = (uint16_t)(coverage->from[at + 1] + is_covered(coverage, at));
    coverage->gaps_count = 0;
    for (unsigned at = 0; at < coverage->days; at++) {
        if (is_covered(coverage, at))
            continue;
        int32_t day = coverage->first + (int32_t)at;
        if (at == 0 || is_covered(coverage, at - 1))
            coverage->gaps[coverage->gaps_count++].first = day;
        coverage->gaps[coverage->gaps_count - 1].last = day;
    }
    coverage->is_settled = true;
}

int coverage_from(const struct coverage *coverage, int32_t day)
{
    if (day > coverage->last)
        return 0;
    return coverage->from[day < coverage->first ? 0 : day - coverage->first];
}
