#include "doors/history_lines.h"

#include "base/clock.h"
#include "base/csv.h"
#include "wire/fields.h"

const char *day_text(int32_t day, char text[DAY_TEXT_BYTES])
{
    char moment[CLOCK_TEXT_BYTES];
    clock_format((int64_t)day * 24 * 3600 * 1000, moment);
    snprintf(text, DAY_TEXT_BYTES, "%.10s", moment);
    return text;
}

static unsigned first_shown(unsigned count)
{
    return count > GAPS_SHOWN_MAX ? count - GAPS_SHOWN_MAX : 0;
}

json_t *gaps_write(const struct day_range *gaps, unsigned count)
{
    json_t *array = json_array();
    for (unsigned i = first_shown(count); i < count; i++) {
        char from[DAY_TEXT_BYTES], to[DAY_TEXT_BYTES];
        json_t *gap = json_pack("{s:s,s:s}", "from", day_text(gaps[i].first, from), "to",
                                day_text(gaps[i].last, to));
        if (json_array_append_new(array, gap)) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* --- JSON --------------------------------------------------------------------------------------- */

/* clang-format off */
#define AT(member) .offset = offsetof(struct account_history, member)
static const struct field history_fields[] = {
    {"known_since",       &field_time, AT(known_since_ms)},
    {"calls",             &field_u64,  AT(calls)},
    {"overseas_calls",    &field_u64,  AT(overseas_calls)},
    {"overseas_answered", &field_u64,  AT(overseas_answered)},
    {"marked_calls",      &field_u64,  AT(marked_calls)},
    {"first_overseas_at", &field_time, AT(first_overseas_ms), FIELD_NULL},
    {"last_overseas_at",  &field_time, AT(last_overseas_ms), FIELD_NULL},
    {0},
};
#undef AT
#define AT(member) .offset = offsetof(struct country_calls, member)
static const struct field country_fields[] = {
    {"country",  &field_chars, AT(country), FIELD_NULL},
    {"calls",    &field_u64,   AT(calls)},
    {"answered", &field_u64,   AT(answered)},
    {"seconds",  &field_u64,   AT(seconds)},
    {"first_at", &field_time,  AT(first_at_ms)},
    {"last_at",  &field_time,  AT(last_at_ms)},
    {0},
};
#undef AT
/* clang-format on */

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *numbers_of_accounts(const struct account_history *history)
{
    json_t *accounts = json_object();
    for (enum overseas overseas = OVERSEAS_CALLED; overseas <= OVERSEAS_UNKNOWN; overseas++)
        if (json_object_set_new(accounts, overseas_word(overseas),
                                json_integer((json_int_t)history->accounts[overseas]))) {
            json_decref(accounts);
            return NULL;
        }
    return accounts;
}

json_t *history_write(const struct account_history *history)
{
    struct slice tenant = history->tenant, account = history->account;
    json_t *line = json_pack(
        "{s:s%,s:o,s:s,s:o,s:i,s:i,s:i,s:o,s:i}", "tenant", tenant.p, tenant.n,
        account.n ? "account" : "accounts",
        account.n ? json_stringn(account.p, account.n) : numbers_of_accounts(history), "overseas",
        overseas_word(history->overseas), "reason",
        text_or_null(unknown_reason_word(history->unknown_reason)), "days_covered",
        history->days_covered, "days_wanted", history->days_wanted, "days_min", history->days_min,
        "gaps", gaps_write(history->gaps, history->gaps_count), "gaps_count",
        (int)history->gaps_count);
    json_t *rest = fields_write(history_fields, 0, history);
    int failed = !line || !rest || json_object_update(line, rest);
    json_decref(rest);
    if (failed) {
        json_decref(line);
        return NULL;
    }
    return line;
}

json_t *countries_write(const struct country_calls *countries, unsigned count)
{
    return fields_write_all(country_fields, 0, countries, count, sizeof *countries);
}

/* --- CSV ---------------------------------------------------------------------------------------- */

void history_csv_head(struct buf *out)
{
    buf_add_text(out, "tenant,account,overseas,reason,known_since,days_covered,days_wanted,days_min,"
                      "gaps,calls,overseas_calls,overseas_answered,marked_calls,first_overseas_at,"
                      "last_overseas_at,accounts_called,accounts_never,accounts_unknown\r\n");
}

static void add_moment(struct buf *out, int64_t ms)
{
    char text[CLOCK_TEXT_BYTES];
    buf_add_char(out, ',');
    if (ms)
        buf_add_text(out, clock_format(ms, text));
}

static void add_number(struct buf *out, uint64_t number)
{
    buf_add_char(out, ',');
    buf_add_uint(out, number);
}

/* "2026-11-01/2026-11-03 2026-11-09/2026-11-09" */
static void add_gaps(struct buf *out, const struct day_range *gaps, unsigned count)
{
    char from[DAY_TEXT_BYTES], to[DAY_TEXT_BYTES];
    unsigned first = first_shown(count);
    buf_add_char(out, ',');
    for (unsigned i = first; i < count; i++)
        buf_printf(out, "%s%s/%s", i > first ? " " : "", day_text(gaps[i].first, from),
                   day_text(gaps[i].last, to));
}

void history_csv_line(struct buf *out, const struct account_history *history)
{
    csv_add(out, history->tenant);
    buf_add_char(out, ',');
    csv_add(out, history->account);
    buf_printf(out, ",%s,%s", overseas_word(history->overseas),
               unknown_reason_word(history->unknown_reason));
    add_moment(out, history->known_since_ms);
    add_number(out, (uint64_t)history->days_covered);
    add_number(out, (uint64_t)history->days_wanted);
    add_number(out, (uint64_t)history->days_min);
    add_gaps(out, history->gaps, history->gaps_count);
    add_number(out, history->calls);
    add_number(out, history->overseas_calls);
    add_number(out, history->overseas_answered);
    add_number(out, history->marked_calls);
    add_moment(out, history->first_overseas_ms);
    add_moment(out, history->last_overseas_ms);
    for (enum overseas overseas = OVERSEAS_CALLED; overseas <= OVERSEAS_UNKNOWN; overseas++) {
        if (history->account.n)
            buf_add_char(out, ',');
        else
            add_number(out, history->accounts[overseas]);
    }
    buf_add_text(out, "\r\n");
}
