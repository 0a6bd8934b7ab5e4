/* Rows of a list that are wrong, or in each other's place. */
#include <stdlib.h>

#include "wire/list.h"

enum { DETAIL_BYTES = 200 };

int list_refuse(struct list *list, struct arena *arena, struct list_row *row,
                enum list_column column, const char *detail, struct err *err)
{
    char *copy = arena_copy(arena, slice_of(detail));
    if (!copy)
        return err_set(err, ERR_NOMEM, "out of memory");
    row->is_refused = true;
    list->refused[list->refused_count++] =
        (struct list_refused){.line = row->line, .column = column, .detail = copy};
    return 0;
}

/* --- rows in each other's place --------------------------------------------------------------- */

static int compare_place(const void *a, const void *b)
{
    const struct list_row *x = *(struct list_row *const *)a, *y = *(struct list_row *const *)b;
    int r = strcmp(x->rule.target.text, y->rule.target.text);
    if (r == 0)
        r = x->rule.is_exact - y->rule.is_exact;
    return r ? r : (x->line > y->line) - (x->line < y->line);
}

static bool says_same(const struct rule *a, const struct rule *b)
{
    return a->action == b->action && a->starts_at_ms == b->starts_at_ms &&
           a->expires_at_ms == b->expires_at_ms && strcmp(a->divert_to, b->divert_to) == 0 &&
           strcmp(a->note, b->note) == 0;
}

/*
 * Compares a row with the `*count` of its place that were kept, which came before it, and is kept
 * as one more unless it repeats one of them or says something else.
 */
static int settle_row(struct list *list, struct arena *arena, struct list_row **kept,
                      unsigned *count, struct list_row *row, struct err *err)
{
    for (unsigned i = 0; i < *count; i++) {
        char detail[DETAIL_BYTES];
        if (!rule_collides(&kept[i]->rule, &row->rule))
            continue;
        if (says_same(&kept[i]->rule, &row->rule)) {
            row->repeats = kept[i]->line;
            return 0;
        }
        snprintf(detail, sizeof detail, "line %u says something else of %s%s", kept[i]->line,
                 row->rule.target.text,
                 rule_is_dated(&row->rule) ? " at an overlapping time" : "");
        return list_refuse(list, arena, row, COLUMN_TARGET, detail, err);
    }
    if (*count == RULES_PER_TENANT_MAX)
        return err_set(err, ERR_LIMIT, "a tenant may have %d rules", RULES_PER_TENANT_MAX);
    kept[(*count)++] = row;
    return 0;
}

static int compare_refused(const void *a, const void *b)
{
    const struct list_refused *x = a, *y = b;
    return (x->line > y->line) - (x->line < y->line);
}

int list_settle(struct list *list, struct arena *arena, struct err *err)
{
    struct list_row **sorted = arena_alloc(arena, (list->rows_count + 1) * sizeof *sorted);
    unsigned count = 0, first = 0, kept = 0;
    int rc = 0;
    if (!sorted)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (unsigned i = 0; i < list->rows_count; i++)
        if (!list->rows[i].is_refused)
            sorted[count++] = &list->rows[i];
    if (count)
        qsort(sorted, count, sizeof *sorted, compare_place);
    for (unsigned i = 0; i < count && rc == 0; i++) {
        struct list_row *row = sorted[i]; /* kept ones move to the front of their place */
        if (kept == 0 || !rule_is_same_place(&sorted[first]->rule, &row->rule))
            first = i, kept = 0;
        rc = settle_row(list, arena, &sorted[first], &kept, row, err);
    }
    if (list->refused_count)
        qsort(list->refused, list->refused_count, sizeof *list->refused, compare_refused);
    return rc;
}
