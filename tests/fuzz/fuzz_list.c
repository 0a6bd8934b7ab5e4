/*
 * Restricted-number lists: any bytes as a file. The first byte says how it is read: u as UTF-8, s as
 * Shift_JIS, anything else as what it seems to be.
 *
 * Beside not crashing: a file that comes in pieces has the same records as the whole one; each refused row
 * has its line and a reason; what is understood can be written, and reads back as the same rules.
 */
#include <assert.h>
#include <stdint.h>

#include "base/csv.h"
#include "wire/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 64 << 20, PIECE = 7 };

/* Line, result and bytes of each record, as one number. */
static uint64_t records_of(struct csv *csv, uint64_t sum)
{
    struct err err = {0};
    for (int rc; (rc = csv_next(csv, &err)) != 0; err = (struct err){0}) {
        assert(rc == 1 || (rc == ERR_INVALID && err.text[0]));
        sum = sum * 31 + csv->line * 2 + (rc == 1);
        for (unsigned i = 0; rc == 1 && i < csv->count; i++) {
            sum = sum * 31 + csv->fields[i].n;
            for (size_t j = 0; j < csv->fields[i].n; j++)
                sum = sum * 31 + (uint8_t)csv->fields[i].p[j];
        }
    }
    return sum;
}

static void check_pieces(struct slice text)
{
    static struct csv csv;
    csv_init(&csv, text);
    uint64_t whole = records_of(&csv, 0), pieces = 0;
    csv_init(&csv, SLICE_NONE);
    csv.is_open = true;
    for (size_t have = 0; have < text.n;) {
        size_t more = text.n - have < PIECE ? text.n - have : PIECE;
        csv_refill(&csv, (struct slice){text.p + have - csv.rest.n, csv.rest.n + more});
        have += more;
        csv.is_open = have < text.n;
        pieces = records_of(&csv, pieces);
    }
    assert(text.n == 0 || whole == pieces);
}

/* The rules that could be stored, one a place. */
static unsigned valid_rules(struct list *list, struct arena *arena, struct rule *rules)
{
    struct err err = {0};
    unsigned count = 0;
    for (unsigned i = 0; i < list->rows_count; i++) {
        struct list_row *row = &list->rows[i];
        struct err why = {0};
        row->rule.source = "customer";
        if (!row->is_refused && rule_check(&row->rule, &why))
            assert(list_refuse(list, arena, row, COLUMN_UNKNOWN, why.text, &err) == 0);
    }
    if (list_settle(list, arena, &err))
        return 0;
    for (unsigned i = 0; i < list->rows_count; i++)
        if (!list->rows[i].is_refused && !list->rows[i].repeats)
            rules[count++] = list->rows[i].rule;
    return count;
}

static void check_round_trip(const struct rule *rules, unsigned count, struct arena *arena)
{
    const struct list_options options = {.charset = CHARSET_UTF8, .fallback = ACTION_ALLOW};
    struct slice text;
    struct list list;
    struct err err = {0};
    if (list_write(rules, count, CHARSET_UTF8, true, arena, &text, &err))
        return; /* no memory */
    assert(list_read(text, &options, arena, &list, &err) == 0);
    assert(list.rows_count == count && list.refused_count == 0);
    for (unsigned i = 0; i < count; i++) {
        const struct rule *one = &rules[i], *other = &list.rows[i].rule;
        assert(strcmp(one->target.text, other->target.text) == 0 && one->action == other->action);
        assert(strcmp(one->note, other->note) == 0 && one->is_exact == other->is_exact);
        assert(strcmp(one->divert_to, other->divert_to) == 0);
        assert(one->starts_at_ms == other->starts_at_ms);
        assert(one->expires_at_ms == other->expires_at_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct list_options options = {.fallback = ACTION_DENY};
    struct arena arena;
    struct list list;
    struct err err = {0};
    if (size == 0)
        return 0;
    struct slice text = {(const char *)data + 1, size - 1};
    options.charset = data[0] == 'u'   ? CHARSET_UTF8
                      : data[0] == 's' ? CHARSET_SHIFT_JIS
                                       : CHARSET_AUTO;
    check_pieces(text);
    arena_init(&arena, ARENA_BYTES);
    if (list_read(text, &options, &arena, &list, &err) == 0) {
        for (unsigned i = 0; i < list.refused_count; i++)
            assert(list.refused[i].line && list.refused[i].detail[0]);
        struct rule *rules = arena_alloc(&arena, (list.rows_count + 1) * sizeof *rules);
        if (rules)
            check_round_trip(rules, valid_rules(&list, &arena, rules), &arena);
    } else {
        assert(err.text[0]);
    }
    arena_release(&arena);
    return 0;
}
