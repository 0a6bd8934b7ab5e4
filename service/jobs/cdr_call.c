#include "jobs/cdr_call.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "core/number.h"
#include "jobs/cdr_layout.h"

/* --- what makes a record itself ----------------------------------------------------------------- */

static void hash_text(crypto_generichash_state *state, struct slice text)
{
    uint32_t n = (uint32_t)text.n; /* so that "a", "bc" is not "ab", "c" */
    crypto_generichash_update(state, (const unsigned char *)&n, sizeof n);
    if (n)
        crypto_generichash_update(state, (const unsigned char *)text.p, n);
}

/* A channel may have several records, told apart by their sequence. Where that is not written, all that
 * is must be the same. */
static void make_id(const char *source, const struct cdr *cdr, char id[CALL_KEY_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[16];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    hash_text(&state, slice_of(source));
    if (cdr->fields[CDR_UNIQUEID].n && cdr->fields[CDR_SEQUENCE].n) {
        hash_text(&state, cdr->fields[CDR_UNIQUEID]);
        hash_text(&state, cdr->fields[CDR_LINKEDID]);
        hash_text(&state, cdr->fields[CDR_SEQUENCE]);
    } else {
        for (int i = 0; i < CDR_FIELDS; i++)
            hash_text(&state, cdr->fields[i]);
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    for (size_t i = 0; i < sizeof hash; i++) {
        id[2 * i] = digits[hash[i] >> 4];
        id[2 * i + 1] = digits[hash[i] & 15];
    }
    id[2 * sizeof hash] = '\0';
}

/* --- fields ------------------------------------------------------------------------------------- */

/* "2026-11-30 12:00:00.25+09", as PostgreSQL writes a time with its zone, as RFC 3339 has it. */
static struct slice with_zone(struct slice text, char out[40])
{
    size_t n = 19, rest = 19;
    if (text.n < 22 || text.n > 32 || text.p[10] != ' ')
        return text;
    for (rest += text.p[rest] == '.'; rest < text.n && text.p[rest] >= '0' && text.p[rest] <= '9';)
        rest++; /* a fraction of any length */
    memcpy(out, text.p, n);
    memcpy(out + n, text.p + rest, text.n - rest);
    n += text.n - rest;
    out[10] = 'T';
    if (out[n - 3] == '+' || out[n - 3] == '-') {
        memcpy(out + n, ":00", 3);
        n += 3;
    }
    return (struct slice){out, n};
}

/* Local, with a zone of its own (RFC 3339), or seconds since 1970. */
static bool read_time(const struct zone *zone, struct slice text, int64_t *ret_ms)
{
    int64_t s;
    char scratch[40];
    if (cdr_time_parse(text, &s)) {
        *ret_ms = zone_moment(zone, s) * 1000;
        return true;
    }
    if (clock_parse(with_zone(text, scratch), ret_ms))
        return true;
    if (text.n < 9 || text.n > 11 || !slice_is_digits(text))
        return false;
    s = 0;
    for (size_t i = 0; i < text.n; i++)
        s = s * 10 + text.p[i] - '0';
    *ret_ms = s * 1000;
    return true;
}

static int64_t read_seconds(struct slice text)
{
    int64_t s = 0;
    if (!slice_is_digits(text))
        return 0;
    for (size_t i = 0; i < text.n && s < INT32_MAX; i++)
        s = s * 10 + text.p[i] - '0';
    return s < INT32_MAX ? s : INT32_MAX;
}

static enum disposition read_disposition(struct slice text)
{
    static const struct {
        const char *word;
        enum disposition disposition;
    } asterisk[] = {
        {"ANSWERED", CALL_ANSWERED}, {"NO ANSWER", CALL_NO_ANSWER}, {"BUSY", CALL_BUSY},
        {"FAILED", CALL_FAILED},     {"CONGESTION", CALL_FAILED},
    };
    for (size_t i = 0; i < sizeof asterisk / sizeof *asterisk; i++)
        if (slice_equals_text(text, asterisk[i].word))
            return asterisk[i].disposition;
    return disposition_of(text);
}

/* Copies what fits, whole characters only. False: it is not UTF-8. */
static bool copy(struct slice text, char *to, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0, len; i < text.n; i += len) {
        len = text.p[i] ? utf8_len(text.p + i, text.n - i) : 0;
        if (len == 0)
            return false;
        if (i + len < cap)
            n = i + len;
    }
    memcpy(to, text.p ? text.p : "", n);
    to[n] = '\0';
    return true;
}

enum cdr_reason cdr_call_begin(const struct cdr_terms *terms, const struct cdr *cdr,
                               struct call_record *ret)
{
    struct cdr_names names;
    *ret = (struct call_record){0};
    if (!cdr_map_apply(terms->map, cdr, &names))
        return CDR_OTHER_CONTEXT;
    if (!read_time(terms->zone, cdr->fields[CDR_START], &ret->at_ms))
        return CDR_BAD_TIME;
    if (ret->at_ms > terms->now_ms + CDR_FUTURE_MS)
        return CDR_IN_FUTURE;
    if (ret->at_ms < terms->oldest_ms)
        return CDR_TOO_OLD;
    if (!copy(names.tenant, ret->tenant, sizeof ret->tenant) ||
        !copy(names.account, ret->account, sizeof ret->account) ||
        !copy(cdr->fields[CDR_DCONTEXT], ret->context, sizeof ret->context) ||
        !copy(cdr->fields[CDR_UNIQUEID], ret->call_id, sizeof ret->call_id))
        return CDR_BAD_CHARSET;
    if (names.tenant.n == 0)
        return CDR_NO_TENANT;
    if (names.number.n > NUMBER_DIALED_BYTES_MAX || !copy(names.number, ret->number, sizeof ret->number))
        return CDR_NO_NUMBER;
    ret->seconds = read_seconds(cdr->fields[CDR_BILLSEC]);
    ret->disposition = read_disposition(cdr->fields[CDR_DISPOSITION]);
    snprintf(ret->source, sizeof ret->source, "%s", terms->source);
    make_id(terms->source, cdr, ret->id);
    return CDR_TAKEN;
}

/* --- the number --------------------------------------------------------------------------------- */

enum cdr_reason cdr_call_number(const struct numbering *numbering, const char *outside_line,
                                struct call_record *record)
{
    struct folded folded;
    struct number number;
    if (number_fold(slice_of(record->number), &folded) < 0)
        return CDR_NO_NUMBER;
    if (!number_is_emergency(&folded, outside_line, &number))
        number_read(numbering, &folded, outside_line, &number, NULL);
    const struct reading *first = &number.readings[0];
    if (first->kind == KIND_INVALID)
        return CDR_NO_NUMBER;
    record->country[0] = '\0';
    record->is_overseas = false;
    for (unsigned i = 0; i < number.readings_count; i++) {
        const struct reading *reading = &number.readings[i];
        if (!record->country[0])
            memcpy(record->country, reading->country, sizeof record->country);
        record->is_overseas = record->is_overseas || reading->kind == KIND_INTERNATIONAL ||
                              reading->kind == KIND_UNKNOWN00;
    }
    snprintf(record->number, sizeof record->number, "%s", first->number);
    snprintf(record->kind, sizeof record->kind, "%s", number_kind_word(first->kind));
    return CDR_TAKEN;
}
