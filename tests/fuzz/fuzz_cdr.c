/*
 * Call records: bytes through layout detection, the reader (CSV and NDJSON), a map and into calls.
 *
 * The first byte chooses the format, the second how much of the text comes at first. What must hold: records
 * and refusals stand in the text, in order and without overlap; a text in two parts gives as many as the whole;
 * a call that was taken has a well-formed tenant and account.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/numbering.h"
#include "jobs/cdr_call.h"
#include "jobs/cdr_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct numbering *numbering;
static struct zone zone;

static void check_call(const struct cdr_map *map, const struct cdr *cdr)
{
    struct call_record record;
    const struct cdr_terms terms = {"fuzz", map, &zone, INT64_C(4000000000000), 0};
    if (cdr_call_begin(&terms, cdr, &record) != CDR_TAKEN)
        return;
    assert(tenant_id_is_valid(slice_of(record.tenant)));
    assert(!record.account[0] || account_id_is_valid(slice_of(record.account)));
    assert(strlen(record.id) == 32 && record.seconds >= 0);
    if (cdr_call_number(numbering, "0", &record) == CDR_TAKEN)
        assert(record.number[0] && record.kind[0]);
}

/* Reads all; returns the number of records, and where the last one that was taken ended. */
static unsigned read_all(struct cdr_reader *reader, const struct cdr_map *map, size_t text_n,
                         size_t *ret_consumed)
{
    struct cdr cdr;
    enum cdr_reason reason;
    unsigned count = 0;
    size_t end = 0;
    while (cdr_reader_next(reader, &cdr, &reason)) {
        assert(cdr.offset >= end && cdr.bytes > 0 && cdr.offset + cdr.bytes <= text_n);
        end = cdr.offset + cdr.bytes;
        count++;
        if (reason == CDR_TAKEN && map)
            check_call(map, &cdr);
    }
    *ret_consumed = cdr_reader_consumed(reader);
    assert(*ret_consumed >= end && *ret_consumed <= text_n);
    cdr_reader_release(reader);
    return count;
}

static unsigned read_text(enum cdr_format format, const struct cdr_layout *layout,
                          const struct cdr_map *map, struct slice text, bool is_open, size_t *ret_consumed)
{
    static struct cdr_reader reader;
    cdr_reader_init(&reader, format, layout, text, is_open);
    return read_all(&reader, map, text.n, ret_consumed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cdr_detected detected;
    struct cdr_layout told;
    struct cdr_map map;
    if (!numbering && (numbering_builtin(&numbering, NULL) || zone_load("Asia/Tokyo", &zone, NULL)))
        abort();
    if (size < 2)
        return 0;
    enum cdr_format format = data[0] & 1 ? CDR_NDJSON : CDR_CSV;
    struct slice text = {(const char *)data + 2, size - 2};
    if (cdr_layout_detect(text, &detected, NULL) < 0 &&
        cdr_layout_parse(data[0] & 2 ? SLICE_LIT("columns:start,dst,accountcode,channel") : SLICE_LIT("master"),
                         &detected.layout, NULL) < 0)
        abort();
    if (cdr_layout_parse(text, &told, NULL) == 0)
        assert(told.columns >= 2);
    if (cdr_map_parse(text, &map, NULL) < 0 && cdr_map_parse(SLICE_LIT(CDR_MAP_DEFAULT), &map, NULL) < 0)
        abort();
    size_t consumed, rest, n = text.n * data[1] / 256;
    unsigned whole = read_text(format, &detected.layout, &map, text, false, &consumed);
    assert(consumed == text.n || format == CDR_CSV);
    struct slice first = {text.p, n};
    unsigned count = read_text(format, &detected.layout, NULL, first, true, &consumed);
    count += read_text(format, &detected.layout, NULL, (struct slice){text.p + consumed, text.n - consumed},
                       false, &rest);
    bool has_comment = memchr(text.p, '#', text.n) != NULL; /* one before the first record is none */
    assert(whole == count || has_comment || text.n > CSV_RECORD_BYTES_MAX);
    return 0;
}
