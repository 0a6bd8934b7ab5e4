/* A plan (list_plan.h) as JSON. */
#include "base/clock.h"
#include "doors/list_plan.h"

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static json_t *moment_or_null(int64_t ms)
{
    char text[CLOCK_TEXT_BYTES];
    return ms ? json_string(clock_format(ms, text)) : json_null();
}

static json_t *write_rule(const struct rule *rule)
{
    if (!rule)
        return json_null();
    return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:s}", "target", rule->target.text, "action",
                     action_word(rule->action), "match", rule->is_exact ? "exact" : "prefix",
                     "divert_to", text_or_null(rule->divert_to), "note", text_or_null(rule->note),
                     "starts_at", moment_or_null(rule->starts_at_ms), "expires_at",
                     moment_or_null(rule->expires_at_ms), "source", rule->source);
}

/* `line` 0: of no line of the file. */
static int add_change(json_t *changes, unsigned line, const char *what, const struct rule *before,
                      const struct rule *after)
{
    return json_array_append_new(
        changes, json_pack("{s:o,s:s,s:o,s:o}", "line", line ? json_integer(line) : json_null(),
                           "what", what, "before", write_rule(before), "after", write_rule(after)));
}

static int same_text(const struct rule *a, const struct rule *b)
{
    return a->action == b->action && strcmp(a->divert_to, b->divert_to) == 0 &&
           strcmp(a->note, b->note) == 0;
}

static json_t *write_changes(const struct list_plan *plan)
{
    json_t *changes = json_array();
    int failed = changes == NULL;
    for (unsigned i = 0; i < plan->list.rows_count && !failed; i++) {
        const struct list_row *row = &plan->list.rows[i];
        const struct rule *before = plan->before[i];
        if (!row->is_refused && !row->repeats && !(before && same_text(before, &row->rule)))
            failed = add_change(changes, row->line, before ? "changed" : "added", before,
                                &row->rule);
    }
    for (unsigned i = 0; i < plan->stored_count && !failed && !plan->is_merge; i++)
        if (!plan->is_named[i])
            failed = add_change(changes, 0, "removed", &plan->stored[i], NULL);
    if (failed) {
        json_decref(changes);
        return NULL;
    }
    return changes;
}

static json_t *write_refused(const struct list *list)
{
    json_t *refused = json_array();
    for (unsigned i = 0; i < list->refused_count; i++) {
        const struct list_refused *it = &list->refused[i];
        const char *column = list_column_word(it->column);
        json_array_append_new(refused, json_pack("{s:i,s:o,s:s}", "line", (int)it->line, "column",
                                                 text_or_null(column), "detail", it->detail));
    }
    return refused;
}

static json_t *write_repeated(const struct list *list)
{
    json_t *repeated = json_array();
    for (unsigned i = 0; i < list->rows_count; i++)
        if (list->rows[i].repeats && !list->rows[i].is_refused)
            json_array_append_new(repeated,
                                  json_pack("{s:i,s:i}", "line", (int)list->rows[i].line, "of",
                                            (int)list->rows[i].repeats));
    return repeated;
}

/* What was found out about the file, so that a wrong guess is seen. */
static json_t *write_file(const struct list *list)
{
    const char *separator = list->separator == '\t' ? "tab" : list->separator == ';' ? ";" : ",";
    json_t *columns = json_array();
    for (int column = COLUMN_UNKNOWN + 1; column < COLUMN_SHOWN; column++)
        if (list->has[column])
            json_array_append_new(columns, json_string(list_column_word((enum list_column)column)));
    return json_pack("{s:s,s:s,s:b,s:o,s:o}", "charset", charset_word(list->charset), "separator",
                     separator, "header", (int)list->has_header, "columns", columns, "ignored",
                     text_or_null(list->ignored));
}

static json_t *write_warnings(const struct list_plan *plan)
{
    json_t *warnings = json_array();
    if (plan->list.no_zero)
        json_array_append_new(
            warnings, json_sprintf("%u prefixes do not begin with 0; spreadsheets take a leading "
                                   "zero away from what they think is a number",
                                   plan->list.no_zero));
    if (!plan->is_merge && plan->rules_count == 0 && plan->stored_count)
        json_array_append_new(warnings, json_string("the file has no rule: all would be removed"));
    return warnings;
}

json_t *list_plan_write(const struct list_plan *plan, bool is_dry_run)
{
    return json_pack("{s:b,s:s,s:o,s:{s:i,s:i,s:i,s:i,s:i,s:i},s:o,s:o,s:o,s:o}", "dry_run",
                     (int)is_dry_run, "mode", plan->is_merge ? "merge" : "replace", "file",
                     write_file(&plan->list), "counts", "added", (int)plan->added, "changed",
                     (int)plan->changed, "removed", (int)plan->removed, "unchanged",
                     (int)plan->unchanged, "repeated", (int)plan->repeated, "refused",
                     (int)plan->list.refused_count, "changes", write_changes(plan), "repeated",
                     write_repeated(&plan->list), "refused", write_refused(&plan->list), "warnings",
                     write_warnings(plan));
}
